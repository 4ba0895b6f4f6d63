/** The proxy that a user's command asks. */
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import { ApiError } from "@rdl/core/api/ApiError"
import * as RdlClient from "@rdl/core/api/RdlClient"
import * as TokenCodec from "@rdl/core/token/TokenCodec"
import { Effect, Layer, Redacted, type Scope } from "effect"
import { CommandFailed, type OutputClosed, UsageError } from "./Failure.ts"
import * as Keys from "./Keys.ts"
import * as Login from "./Login.ts"
import * as ProxyTls from "./ProxyTls.ts"
import * as ProxyUrl from "./ProxyUrl.ts"
import * as Setting from "./Setting.ts"
import * as StateDirectory from "./StateDirectory.ts"

/** What every command of a user takes. */
export const settings = {
  proxy: Setting.withDefault(
    "proxy",
    {
      value: "URL",
      description: "The proxy to ask; default: the saved login, or the rdl up of this machine",
      parse: ProxyUrl.parse,
    },
    () => undefined,
  ),
  token: Keys.token,
  stateDir: StateDirectory.setting,
  ...ProxyTls.settings,
}

export interface Given extends ProxyTls.Paths {
  readonly proxy: URL | undefined
  readonly token: Redacted.Redacted | undefined
  readonly stateDir: string
}

/** Finds proxy and token: what is given, else what is saved. A saved token goes to the proxy it was saved for and to no other. */
export const find = Effect.fn("ProxyAccess.find")(function* ({ proxy, stateDir, token }: Given) {
  const saved = proxy !== undefined && token !== undefined ? undefined : yield* Login.load(stateDir)
  const url = proxy ?? saved?.proxy
  if (url === undefined)
    return yield* new UsageError({
      detail:
        "there is no proxy to ask: give --proxy and --token-file, save both with rdl login, or start one here with rdl up",
    })
  const own = saved !== undefined && saved.proxy.href === url.href ? saved.token : undefined
  const chosen = token ?? own
  if (chosen === undefined)
    return yield* new UsageError({
      detail: `there is no token for ${url.origin}: give --token-file, or set RDL_TOKEN or RDL_TOKEN_FILE; whoever runs the proxy issues one with rdl token issue --user NAME`,
    })
  yield* checkRole(chosen)
  return { url, token: chosen }
})

/** Runs with a client of the proxy; its failures become sentences that say what to do. Logs it opens live as long. */
export const withClient = <E extends OutputClosed | CommandFailed>(
  given: Given,
  use: (client: RdlClient.RdlClient["Type"]) => Effect.Effect<void, E | RdlClient.RdlError, Scope.Scope>,
): Effect.Effect<void, E | OutputClosed | CommandFailed | UsageError> =>
  Effect.gen(function* () {
    const { token, url } = yield* find(given)
    const client = yield* RdlClient.make({ url, token })
    yield* Effect.mapError(use(client), (error) => explain(error, url))
  }).pipe(Effect.scoped, Effect.provide(httpLayer(given)))

/** Over node:http, which lets an answer be silent for days, as a log that is followed may be. */
const httpLayer = (paths: ProxyTls.Paths) =>
  Layer.unwrapEffect(
    Effect.map(ProxyTls.read(paths), ({ ca, certificate }) => {
      if (ca === undefined && certificate === undefined) return NodeHttpClient.layer
      const { cert, key } = certificate?.() ?? {}
      return Layer.provide(
        NodeHttpClient.layerWithoutAgent,
        NodeHttpClient.makeAgentLayer({
          ...(ca === undefined ? {} : { ca }),
          ...(cert === undefined || key === undefined ? {} : { cert, key: Redacted.value(key) }),
        }),
      )
    }),
  )

/** A token that can never be good is told here, before it travels. */
const checkRole = (token: Redacted.Redacted): Effect.Effect<void, UsageError> =>
  TokenCodec.inspect(Redacted.value(token)).pipe(
    Effect.mapError((error) => new UsageError({ detail: `the token is of no use: ${error.detail}` })),
    Effect.filterOrFail(
      ({ role }) => role === "user",
      ({ sub }) =>
        new UsageError({
          detail: `this is the token of the source ${sub}; users have one of their own, from rdl token issue --user NAME`,
        }),
    ),
    Effect.asVoid,
  )

/** Sentences for what the client fails with. */
const explain = <E extends OutputClosed | CommandFailed>(
  error: E | RdlClient.RdlError,
  url: URL,
): E | CommandFailed | UsageError => {
  if (error instanceof RdlClient.RdlConnectionError) return new CommandFailed({ detail: unreachable(error, url) })
  if (!(error instanceof ApiError)) return error
  return error.code === "bad-parameter"
    ? new UsageError({ detail: error.message })
    : new CommandFailed({ detail: refused(error, url) })
}

/** The proxy's own sentence, except where it speaks of requests to people who typed a command. */
const refused = (error: ApiError, url: URL): string => {
  switch (error.code) {
    case "unauthorized":
      return `${url.origin} does not take the token: it has expired, was revoked, or is for another proxy (rdl token inspect shows what is in it)`
    case "no-such-container":
      return `${error.message.split(";")[0]}; rdl ps -a lists what there is`
    case "ambiguous":
      return `${error.message}: ${(error.candidates ?? []).join(", ")}`
    default:
      return error.message
  }
}

const ADVICE: ReadonlyArray<readonly [pattern: RegExp, advice: string]> = [
  [/ECONNREFUSED/, "nobody is listening there; is the proxy running, and is the address right?"],
  [/ENOTFOUND|EAI_AGAIN/, "there is no host of this name; is the address right?"],
  [
    /ETIMEDOUT|EHOSTUNREACH|ENETUNREACH/,
    "the host does not answer; is the address right, and does a firewall stand between?",
  ],
  [
    ProxyTls.REFUSED,
    "it cut the connection; where it wants a certificate of yours, by an authority that it knows, --tls-client-cert and --tls-client-key name the files",
  ],
  [
    /certificate|self-signed|CERT_/i,
    "its certificate is not trusted here; --tls-ca names a file with the authorities to trust, NODE_EXTRA_CA_CERTS one with more of them",
  ],
  [/wrong version number|SSL routines/i, "it does not speak TLS; is it http:// perhaps?"],
]

const unreachable = (error: RdlClient.RdlConnectionError, url: URL): string => {
  const advice = ADVICE.find(([pattern]) => pattern.test(error.detail))?.[1] ?? error.detail
  return error.reason === "broken"
    ? `the answer of ${url.origin} broke off: ${error.detail}`
    : `cannot ask ${url.origin}: ${advice}`
}

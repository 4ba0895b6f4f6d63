/** `rdl proxy`: the proxy. */
import * as Command from "@effect/cli/Command"
import type { TokenKey } from "@rdl/core/token/TokenKey"
import { Effect } from "effect"
import * as DiagnosticSettings from "../DiagnosticSettings.ts"
import { UsageError } from "../Failure.ts"
import type { Page } from "../Help.ts"
import * as KeyFile from "../KeyFile.ts"
import * as Keys from "../Keys.ts"
import * as PolicySettings from "../PolicySettings.ts"
import * as Revocations from "../Revocations.ts"
import * as RevokedFile from "../RevokedFile.ts"
import * as Server from "../Server.ts"
import * as ServerSettings from "../ServerSettings.ts"
import * as Setting from "../Setting.ts"

export const page = (called: string): Page => ({
  usage: `${called} --key-file FILE [flags]`,
  summary: "Runs a proxy: sources dial in to it, users ask it.",
  text: "It needs the public half of the key that tokens are issued with, and keeps nothing. Runs until SIGINT or SIGTERM.",
  examples: [
    [
      "On a public address, with TLS",
      `${called} --key-file rdl.pub --listen :443 --tls-cert cert.pem --tls-key key.pem`,
    ],
    ["Behind a web server that does TLS", `${called} --key-file rdl.pub --listen 127.0.0.1:7070`],
  ],
})

/** What it can be told. */
export const settings = {
  listen: ServerSettings.listen("0.0.0.0:7070"),
  key: Keys.keptKey,
  revokedFile: RevokedFile.setting,
  cert: ServerSettings.tlsCert,
  tlsKey: ServerSettings.tlsKey,
  ...PolicySettings.proxy,
  ...DiagnosticSettings.settings,
  resumeWindow: ServerSettings.resumeWindow,
  restartWindow: ServerSettings.restartWindow,
}

export const make = (name: string) =>
  Command.make(name, { settings: Setting.all(settings) }, (parsed) =>
    Effect.gen(function* () {
      const given = yield* parsed.settings
      const { file, value } = yield* Setting.demand(
        "key",
        given.key,
        "`rdl key public` gives the half that a proxy needs",
      )
      const atStart = yield* Keys.parse(value)
      const tls = yield* tlsPaths(given)
      yield* Server.untilStopped(
        Effect.gen(function* () {
          const keys = file === undefined ? yield* checked(atStart) : yield* KeyFile.watch(file, checked)
          const revocations = given.revokedFile === undefined ? undefined : yield* Revocations.watch(given.revokedFile)
          // A proxy and a source are half of the program: loaded only by the commands that run them.
          const { startProxy } = yield* Effect.promise(() => import("../ProxyProgram.ts"))
          yield* startProxy({
            ...given,
            keys,
            tls,
            isRevoked: revocations?.isRevoked,
            ...(revocations === undefined ? {} : { ready: revocations.problem }),
          })
        }),
        DiagnosticSettings.termsOf(given),
        DiagnosticSettings.tracingOf(given, "rdl-proxy"),
      )
    }),
  ).pipe(Command.withDescription(page("").summary))

export const command = make("proxy")

/** Tells of keys that a proxy should not have. */
const checked = (keys: ReadonlyArray<TokenKey>) =>
  Effect.as(
    keys.some(({ alg, signing }) => alg === "EdDSA" && signing !== undefined)
      ? Effect.logWarning(PRIVATE)
      : Effect.void,
    keys,
  )

const PRIVATE =
  "this proxy was given a private key: whoever breaks in here can issue tokens; rdl key public gives the half that it needs"

const tlsPaths = Effect.fnUntraced(function* ({
  cert,
  clientCa,
  tlsKey,
}: Record<"cert" | "clientCa" | "tlsKey", string | undefined>) {
  if (cert !== undefined && tlsKey !== undefined) return { cert, key: tlsKey, clientCa }
  if (cert !== tlsKey)
    return yield* new UsageError({ detail: "--tls-cert and --tls-key go together; give both, or neither" })
  if (clientCa !== undefined)
    return yield* new UsageError({
      detail: "--tls-client-ca needs --tls-cert and --tls-key: without TLS there are no certificates",
    })
  return undefined
})

/** `rdl health`: whether the proxy or the source of this machine is well, for whoever restarts what is not. */
import * as Command from "@effect/cli/Command"
import { Effect, Option, Redacted, Schema } from "effect"
import { CommandFailed, UsageError } from "../Failure.ts"
import * as HealthFile from "../HealthFile.ts"
import type { Page } from "../Help.ts"
import type { ListenAddress } from "../ListenAddress.ts"
import * as Output from "../Output.ts"
import * as ProxyTls from "../ProxyTls.ts"
import * as ServerSettings from "../ServerSettings.ts"
import * as Setting from "../Setting.ts"

export const page: Page = {
  usage: "rdl health COMMAND [flags]",
  summary: "Says whether the proxy or the source of this machine is well; exit code 0 if so.",
}

export const proxyPage = (called: string): Page => ({
  usage: `${called} [flags]`,
  summary: "Asks the proxy of this machine whether it takes requests.",
  text: "Give it what the proxy was given: it asks where the proxy listens, by TLS where that has --tls-cert. A proxy with --tls-client-ca wants a certificate from it too. Waits 5 seconds at most.",
})

export const sourcePage = (called: string): Page => ({
  usage: `${called} --health-file FILE`,
  summary: "Says whether the source of this machine is linked to its proxy.",
  text: "Nothing of a source listens, so it keeps a file. One that was not touched for 35 seconds is of a source that hangs or is gone.",
})

/** How long an answer is waited for. In milliseconds. */
const PATIENCE = 5_000

const proxySettings = {
  listen: ServerSettings.listen("0.0.0.0:7070"),
  cert: ServerSettings.tlsCert,
  ...ProxyTls.clientSettings,
}

/** The certificate of the proxy is for its public name, and nothing secret is said: nobody has to vouch for it. */
const tlsTerms = (shown: ProxyTls.Certificate | undefined) => ({
  rejectUnauthorized: false,
  ...(shown === undefined ? {} : { cert: shown.cert, key: Redacted.value(shown.key) }),
})

export const makeProxy = (name: string) =>
  Command.make(name, { settings: Setting.all(proxySettings) }, ({ settings }) =>
    Effect.gen(function* () {
      const { cert, listen, ...client } = yield* settings
      const shown = (yield* ProxyTls.certificateOf(client))?.()
      const { status, why } = yield* ready(listen, cert === undefined ? undefined : tlsTerms(shown))
      if (status !== 200)
        return yield* new CommandFailed({ detail: `the proxy answers ${status}: ${why ?? "not ready"}` })
      return yield* Output.line("ready")
    }),
  ).pipe(Command.withDescription(proxyPage("").summary))

export const makeSource = (name: string) =>
  Command.make(name, { settings: Setting.all({ file: ServerSettings.healthFile }) }, ({ settings }) =>
    Effect.gen(function* () {
      const { file } = yield* settings
      if (file === undefined)
        return yield* new UsageError({ detail: "say which file the source keeps: --health-file or RDL_HEALTH_FILE" })
      return yield* Output.line(yield* HealthFile.check(file))
    }),
  ).pipe(Command.withDescription(sourcePage("").summary))

export const proxy = makeProxy("proxy")
export const source = makeSource("source")

export const command = Command.make("health").pipe(
  Command.withDescription(page.summary),
  Command.withSubcommands([proxy, source]),
)

/** Of the answer of `/ready` so much is read. In bytes. */
const MAX_ANSWER = 4_096

/** What a proxy says is wrong; it may be any program that answers there. */
const whyOf = (answer: string): string | undefined =>
  Option.getOrUndefined(
    Option.map(decodeAnswer(answer), ({ error }) => error.message.replace(/\p{Cc}+/gu, " ").slice(0, 300)),
  )

const decodeAnswer = Schema.decodeUnknownOption(
  Schema.parseJson(Schema.Struct({ error: Schema.Struct({ message: Schema.NonEmptyString }) })),
)

const explain = ({ message }: Error): string => {
  if (ProxyTls.REFUSED.test(message))
    return `it cut the connection (${message}); where it has --tls-client-ca, give --tls-client-cert and --tls-client-key`
  if (/ECONNREFUSED/.test(message)) return "nothing listens there; is it running, and is that its --listen?"
  // The words of TLS itself are for those who wrote it.
  return /wrong version number/.test(message) ? "it does not speak TLS; leave out --tls-cert" : message
}

/** What `/ready` answers. */
const ready = Effect.fnUntraced(function* (
  { host, port }: ListenAddress,
  tls: ReturnType<typeof tlsTerms> | undefined,
) {
  const { request } = yield* Effect.promise(() => (tls === undefined ? import("node:http") : import("node:https")))
  // What listens everywhere is reached at home.
  const home = host === "0.0.0.0" ? "127.0.0.1" : host === "::" ? "::1" : host
  const options = { host: home, port, path: "/ready", agent: false, ...tls }
  return yield* Effect.async<{ readonly status: number; readonly why: string | undefined }, CommandFailed>((resume) => {
    const asking = request(options, (answer) => {
      let text = ""
      const done = () => resume(Effect.succeed({ status: answer.statusCode ?? 0, why: whyOf(text) }))
      answer.setEncoding("utf8").on("data", (piece: string) => {
        if (text.length < MAX_ANSWER) text += piece
      })
      answer.once("end", done).once("close", done)
    })
    asking.on("error", (error) =>
      resume(new CommandFailed({ detail: `the proxy at ${home}:${port} does not answer: ${explain(error)}` })),
    )
    asking.end()
    return Effect.sync(() => asking.destroy())
  }).pipe(
    Effect.timeoutFail({
      duration: PATIENCE,
      onTimeout: () =>
        new CommandFailed({
          detail: `the proxy at ${home}:${port} does not answer: no answer within ${PATIENCE / 1_000} s`,
        }),
    }),
  )
})

/** `rdl source`: the source that runs beside a container engine. */
import * as Command from "@effect/cli/Command"
import * as TokenCodec from "@rdl/core/token/TokenCodec"
import { Effect, Redacted } from "effect"
import * as DiagnosticSettings from "../DiagnosticSettings.ts"
import { UsageError } from "../Failure.ts"
import * as HealthFile from "../HealthFile.ts"
import type { Page } from "../Help.ts"
import * as Keys from "../Keys.ts"
import * as PolicySettings from "../PolicySettings.ts"
import * as ProxyTls from "../ProxyTls.ts"
import * as ProxyUrl from "../ProxyUrl.ts"
import * as Server from "../Server.ts"
import * as Redactions from "../Redactions.ts"
import * as ServerSettings from "../ServerSettings.ts"
import * as Setting from "../Setting.ts"

export const page = (called: string): Page => ({
  usage: `${called} --proxy URL --token-file FILE [flags]`,
  summary: "Runs a source: reads the logs of this machine's containers and dials out to the proxy.",
  text: "Nothing listens here. Its name is the one in its token. It waits for the engine and for the proxy, however long either is away. Runs until SIGINT or SIGTERM.",
  examples: [
    ["For this machine's Docker", `${called} --proxy https://logs.example.org --token-file edge-1.token`],
    [
      "For rootless Podman",
      `${called} --engine unix:///run/user/1000/podman/podman.sock --proxy https://logs.example.org`,
    ],
  ],
})

/** What it can be told. */
export const settings = {
  proxy: Setting.required("proxy", { value: "URL", description: "The proxy to dial", parse: ProxyUrl.parse }),
  token: Keys.token,
  engine: ServerSettings.engine,
  logDir: ServerSettings.logDir,
  link: Setting.withDefault(
    "link",
    {
      value: "WAY",
      description:
        "How the link travels: ws (WebSocket), http (long-poll), or auto: ws where it gets through, else http; default auto",
      parse: Setting.oneOf("auto", "ws", "http"),
    },
    () => "auto" as const,
  ),
  healthFile: ServerSettings.healthFile,
  ...ProxyTls.settings,
  ...PolicySettings.source,
  ...DiagnosticSettings.settings,
}

export const make = (name: string) =>
  Command.make(name, { settings: Setting.all(settings) }, (parsed) =>
    Effect.gen(function* () {
      const { allow, deny, redact, engine, healthFile, link, logDir, proxy, ...given } = yield* parsed.settings
      const token = yield* Setting.demand("token", given.token, "`rdl token issue --source NAME` makes one")
      const name = yield* nameOf(token)
      yield* ServerSettings.checkEngine(engine)
      const { ca, certificate } = yield* ProxyTls.read(given)
      const redaction = yield* Redactions.of(redact)
      yield* Server.untilStopped(
        Effect.gen(function* () {
          const { startSource } = yield* Effect.promise(() => import("../SourceProgram.ts"))
          const onState = healthFile === undefined ? undefined : yield* HealthFile.keep(healthFile)
          yield* startSource({
            name,
            engine,
            logDir,
            link,
            proxy: proxy.href,
            token,
            onState,
            ca,
            certificate,
            policy: { allow, deny },
            redaction,
          })
        }),
        DiagnosticSettings.termsOf(given),
        DiagnosticSettings.tracingOf(given, "rdl-source"),
      )
    }),
  ).pipe(Command.withDescription(page("").summary))

export const command = make("source")

/** The name that the proxy will know the source by; a token for anything else is told at once. */
const nameOf = (token: Redacted.Redacted): Effect.Effect<string, UsageError> =>
  TokenCodec.inspect(Redacted.value(token)).pipe(
    Effect.mapError((error) => new UsageError({ detail: `the token is of no use: ${error.detail}` })),
    Effect.filterOrFail(
      ({ role }) => role === "source",
      ({ sub }) =>
        new UsageError({
          detail: `this is the token of the user ${sub}; a source has one of its own, from rdl token issue --source NAME`,
        }),
    ),
    Effect.map(({ sub }) => sub),
  )

/** How a server tells its operator what happens. */
import { Either, LogLevel } from "effect"
import type * as Diagnostics from "./Diagnostics.ts"
import * as Setting from "./Setting.ts"
import type * as Tracing from "./Tracing.ts"

const LEVELS = {
  debug: LogLevel.Debug,
  info: LogLevel.Info,
  warning: LogLevel.Warning,
  error: LogLevel.Error,
} as const

/** What a URL with a password in it would show to whoever lists processes, a header keeps to itself. */
const collector = (text: string): Either.Either<string, string> => {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.search !== "" || url.hash !== "")
    return Either.left("is no address of a collector, such as http://127.0.0.1:4318")
  return url.username === "" && url.password === ""
    ? Either.right(text)
    : Either.left("has a password in it: set OTEL_EXPORTER_OTLP_HEADERS instead")
}

const WORDS = Object.keys(LEVELS) as ReadonlyArray<keyof typeof LEVELS>

export const settings = {
  logFormat: Setting.withDefault(
    "log-format",
    {
      value: "FORMAT",
      description: "How this program's own log is written to standard error: pretty or json; default pretty",
      parse: Setting.oneOf("pretty", "json"),
    },
    () => "pretty" as const,
  ),
  logLevel: Setting.withDefault(
    "log-level",
    {
      value: "LEVEL",
      description: "The least that this program's own log tells: debug, info, warning or error; default info",
      parse: Setting.oneOf(...WORDS),
    },
    () => undefined,
  ),
  otlp: Setting.withDefault(
    "otlp",
    {
      value: "URL",
      env: "OTEL_EXPORTER_OTLP_ENDPOINT",
      description: "The collector of OpenTelemetry traces, OTLP over HTTP, such as http://127.0.0.1:4318; default none",
      parse: collector,
    },
    () => undefined,
  ),
}

/** As the settings have it. */
export const termsOf = (given: {
  readonly logFormat: Diagnostics.Terms["format"]
  readonly logLevel: keyof typeof LEVELS | undefined
}): Diagnostics.Terms => ({
  format: given.logFormat,
  level: given.logLevel === undefined ? undefined : LEVELS[given.logLevel],
})

/** Where the traces of this program go; undefined where none are made. */
export const tracingOf = (
  { otlp }: { readonly otlp: string | undefined },
  service: Tracing.Terms["service"],
): Tracing.Terms | undefined => (otlp === undefined ? undefined : { url: otlp, service })

/** How a server tells its operator what happens. */
import { LogLevel } from "effect"
import type * as Diagnostics from "./Diagnostics.ts"
import * as Setting from "./Setting.ts"

const LEVELS = {
  debug: LogLevel.Debug,
  info: LogLevel.Info,
  warning: LogLevel.Warning,
  error: LogLevel.Error,
} as const

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
  // The parser of arguments takes the flag out by itself, and sets the level; what comes here is from elsewhere.
  logLevel: Setting.withDefault(
    "log-level",
    {
      value: "LEVEL",
      description: "The least that this program's own log tells: debug, info, warning or error; default info",
      parse: Setting.oneOf(...WORDS),
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

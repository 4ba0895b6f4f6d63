/** What part of a log a user wants: Docker's parameters with Docker's meaning, in one canonical form. */
import { Schema } from "effect"

/** Unix seconds as the engine takes them: `seconds` or `seconds.fraction` with at most nine digits; may be negative. */
export const LogTime = Schema.String.pipe(Schema.pattern(/^-?\d{1,11}(\.\d{1,9})?$/), Schema.brand("LogTime"))
export type LogTime = typeof LogTime.Type

export const LogQuery = Schema.Struct({
  follow: Schema.Boolean,
  stdout: Schema.Boolean,
  stderr: Schema.Boolean,
  /** Inclusive; absent = from the start. */
  since: Schema.optional(LogTime),
  /** Inclusive; absent = no end. */
  until: Schema.optional(LogTime),
  timestamps: Schema.Boolean,
  details: Schema.Boolean,
  /** Counts the engine's records of both streams before anything else is applied; absent = all. */
  tail: Schema.optional(Schema.NonNegativeInt),
})
export type LogQuery = typeof LogQuery.Type

/** How the log is written; see docs of `GET /containers/{ref}/logs`. */
export const LogFormat = Schema.Literal("text", "ndjson", "sse", "multiplexed", "raw")
export type LogFormat = typeof LogFormat.Type

/** Where the source's name stands on each line of text. */
export const HostLabel = Schema.Literal("prefix", "suffix", "none")
export type HostLabel = typeof HostLabel.Type

export const LogRendering = Schema.Struct({ format: LogFormat, host: HostLabel })
export type LogRendering = typeof LogRendering.Type

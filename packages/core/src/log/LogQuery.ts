/** What part of a log a user wants: Docker's parameters with Docker's meaning, in one canonical form. */
import { Either, Schema } from "effect"
import { Patterns, parse as parseFilter } from "./LogFilter.ts"
import { bad, boolean, tail, type BadParameter, type Parameters } from "./LogParameter.ts"
import { LogTime, parse as parseTime } from "./LogTime.ts"

export { LogTime } from "./LogTime.ts"

/** What is wanted of a log, wherever it is read. */
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
  /** Only lines that all of these match; absent = all lines. Whoever takes a query from elsewhere compiles them anew. */
  grep: Schema.optional(Patterns),
  /** No lines that one of these matches. */
  exclude: Schema.optional(Patterns),
})
export type LogQuery = typeof LogQuery.Type

/** How the log is written; see docs of `GET /containers/{ref}/logs`, and LogFrames for `frames`. */
export const LogFormat = Schema.Literal("text", "ndjson", "sse", "multiplexed", "raw", "frames")
export type LogFormat = typeof LogFormat.Type

/** Where the source's name stands on each line of text. */
export const HostLabel = Schema.Literal("prefix", "suffix", "none")
export type HostLabel = typeof HostLabel.Type

/** How a log is written. */
export const LogRendering = Schema.Struct({
  format: LogFormat,
  host: HostLabel,
  /** Every JSON line says where to go on after it, as server-sent events always do; absent = no. */
  cursors: Schema.optional(Schema.Boolean),
})
export type LogRendering = typeof LogRendering.Type

/**
 * Reads the user API's parameters; durations count back from `nowMs` (unix milliseconds). Stricter than the daemon,
 * which takes `follow=off` for true and `tail=x` for all: every value that means nothing is an error.
 */
export const parse = (
  parameters: Parameters & { readonly getAll: (name: string) => ReadonlyArray<string> },
  nowMs: number,
): Either.Either<LogQuery, BadParameter> =>
  Either.gen(function* () {
    const streams = yield* parseStreams(parameters)
    const since = yield* parseTime(parameters, "since", nowMs)
    const until = yield* parseTime(parameters, "until", nowMs)
    const last = yield* tail(parameters)
    const filter = yield* parseFilter(parameters)
    return {
      ...streams,
      follow: (yield* boolean(parameters, "follow")) ?? false,
      timestamps: (yield* boolean(parameters, "timestamps")) ?? false,
      details: (yield* boolean(parameters, "details")) ?? false,
      ...(since === undefined ? {} : { since }),
      ...(until === undefined ? {} : { until }),
      ...(last === undefined ? {} : { tail: last }),
      ...filter,
    }
  })

/** Neither given = both; one switched off = the other; one switched on = that one. */
const parseStreams = (parameters: Parameters) =>
  Either.gen(function* () {
    const stdout = yield* boolean(parameters, "stdout")
    const stderr = yield* boolean(parameters, "stderr")
    if (stdout === false && stderr === false)
      return yield* bad("stdout", parameters.get("stdout") ?? "", "stdout or stderr to be wanted, not neither of them")
    return { stdout: stdout ?? stderr !== true, stderr: stderr ?? stdout !== true }
  })

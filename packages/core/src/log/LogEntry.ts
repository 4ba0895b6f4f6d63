/** The objects of `application/x-ndjson` and `text/event-stream`: what a typed client reads. */
import { Data, Either, type ParseResult, Schema } from "effect"
import { ContainerId, ContainerName } from "../model/Container.ts"
import { End } from "../link/LinkMessage.ts"
import { LogGap } from "./LogGap.ts"
import { make as lineSplitter } from "./LineSplitter.ts"
import { SourceName } from "../model/SourceName.ts"

/** A line of a container's log, without its newline. */
export const LogLineEntry = Schema.Struct({
  source: SourceName,
  container: ContainerName,
  id: ContainerId,
  stream: Schema.Literal("stdout", "stderr"),
  /** When the engine read it: RFC 3339 in UTC with nine decimals. */
  time: Schema.String,
  /** What is not UTF-8 is U+FFFD here; the raw formats have the bytes. At most 1 MiB of the container's bytes. */
  line: Schema.String,
  /** Only with `details`. */
  attrs: Schema.optional(Schema.Record({ key: Schema.String, value: Schema.String })),
  /** The line is longer than 1 MiB and goes on in the next object of this container and stream. */
  partial: Schema.optional(Schema.Literal(true)),
  /** Where to go on reading after this line. */
  cursor: Schema.optional(Schema.String),
})
export type LogLineEntry = typeof LogLineEntry.Type

export { LogGap } from "./LogGap.ts"

/** Tells that lines between the one before it and the one after it are gone for good. */
export const LogGapEntry = Schema.Struct({ gap: LogGap, cursor: Schema.optional(Schema.String) })
export type LogGapEntry = typeof LogGapEntry.Type

/** What a follow by name goes on with once its container has stopped: its next run, or another container of the name. */
export const LogNext = Schema.Struct({
  container: ContainerName,
  id: ContainerId,
  /** `restarted` = the same container, `recreated` = another one, from its log's start. */
  why: Schema.Literal("restarted", "recreated"),
})
export type LogNext = typeof LogNext.Type

/** Tells that the lines after it are of another run, or of another container. */
export const LogNextEntry = Schema.Struct({ next: LogNext })
export type LogNextEntry = typeof LogNextEntry.Type

/** The last object of a log that ended well. One that did not has none. */
export const LogEndEntry = Schema.Struct({ end: End, cursor: Schema.optional(Schema.String) })
export type LogEndEntry = typeof LogEndEntry.Type

/** Any object of a log. */
export const LogEntry = Schema.Union(LogLineEntry, LogGapEntry, LogNextEntry, LogEndEntry)
export type LogEntry = typeof LogEntry.Type

/** The longest object a client takes: 1 MiB of line, six bytes each at worst, details, and the names around them. */
export const MAX_ENTRY_BYTES = 8 * 1_048_576

/** Why a client cannot go on reading. */
export class LogEntryError extends Data.TaggedError("LogEntryError")<{
  readonly detail: string
  readonly cause?: ParseResult.ParseError
}> {
  override get message(): string {
    return this.detail
  }
}

/** Reads an NDJSON body that comes in pieces. */
export interface LogEntryReader {
  /** Hands each object over; once it has failed it takes nothing more and returns the same error. */
  readonly push: (chunk: Uint8Array) => LogEntryError | undefined
  /** The body has ended: an error where it did so within an object, or without the object that says that the log is over. */
  readonly end: () => LogEntryError | undefined
}

const decode = Schema.decodeUnknownEither(Schema.parseJson(LogEntry))

/** A reader for objects of at most MAX_ENTRY_BYTES; empty lines are skipped. */
export const reader = (onEntry: (entry: LogEntry) => void): LogEntryReader => {
  const text = new TextDecoder()
  let failure: LogEntryError | undefined
  let ended = false
  const lines = lineSplitter(MAX_ENTRY_BYTES, (line) => {
    if (failure !== undefined || line.length === 0) return
    const entry = decode(text.decode(line))
    if (Either.isLeft(entry)) failure = new LogEntryError({ detail: "not an object of a log", cause: entry.left })
    else {
      ended = "end" in entry.right
      onEntry(entry.right)
    }
  })
  return {
    push: (chunk) => {
      if (failure !== undefined) return failure
      if (!lines.push(chunk)) failure ??= new LogEntryError({ detail: `an object over ${MAX_ENTRY_BYTES} bytes` })
      return failure
    },
    end: () => {
      if (!ended || lines.pending() > 0) failure ??= new LogEntryError({ detail: "the log broke off" })
      return failure
    },
  }
}

/** What a proxy says between the bytes of a log, in the formats that have words for it. */
import type { End } from "@rdl/core/link/LinkMessage"
import type { LogNext } from "@rdl/core/log/LogEntry"
import * as LogEntryText from "@rdl/core/log/LogEntryText"
import * as LogFrames from "@rdl/core/log/LogFrames"
import type { LogGap } from "@rdl/core/log/LogGap"
import type { LogFormat } from "@rdl/core/log/LogQuery"

export interface LogWords {
  /** Bytes are gone here; `place` is the cursor behind the gap, where there is one. */
  readonly gap: (gap: LogGap, place: string | undefined) => Uint8Array
  readonly next: (next: LogNext) => Uint8Array
  readonly end: (end: End) => Uint8Array
  readonly alive: Uint8Array
  /** Where the log stands; absent = the records say it themselves, or nobody asked. */
  readonly place?: (cursor: string) => Uint8Array
}

/** The format's words; undefined for text and Docker's own framings, which have none. */
export const of = (format: LogFormat): LogWords | undefined => {
  if (format === "frames") return frames
  return format === "ndjson" || format === "sse" ? objects(format) : undefined
}

const objects = (format: LogEntryText.EntryFormat): LogWords => ({
  gap: (gap, place) => LogEntryText.encodeEntry(format, { gap }, place),
  next: (next) => LogEntryText.encodeEntry(format, { next }),
  end: (end) => LogEntryText.encodeEntry(format, { end }),
  alive: LogEntryText.encodeKeepAlive(format),
})

const { LogFrameType } = LogFrames

const json = (type: LogFrames.LogFrameType, value: unknown): Uint8Array =>
  LogFrames.encode(type, new TextEncoder().encode(JSON.stringify(value)))

const frames: LogWords = {
  gap: (gap) => json(LogFrameType.gap, gap),
  next: (next) => json(LogFrameType.next, next),
  end: (end) => json(LogFrameType.end, end),
  alive: LogFrames.encode(LogFrameType.alive),
  place: (cursor) => LogFrames.encode(LogFrameType.cursor, new TextEncoder().encode(cursor)),
}

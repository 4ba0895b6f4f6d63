/** The objects of a log that are no lines, as the formats with objects have them: gaps, other runs, ends, signs of life. */
import type { LogEndEntry, LogGapEntry, LogNextEntry } from "./LogEntry.ts"

/** The formats in which a log is a row of objects. */
export type EntryFormat = "ndjson" | "sse"

/**
 * An object as the format has it. With `cursor` (LogCursor.toText) a server-sent event has it as its `id`, and a JSON line
 * as its field: the place behind the object.
 */
export const encodeEntry = (
  format: EntryFormat,
  entry: LogGapEntry | LogNextEntry | LogEndEntry,
  cursor?: string,
): Uint8Array => {
  if (format === "ndjson") return encode(`${JSON.stringify(cursor === undefined ? entry : { ...entry, cursor })}\n`)
  return encode(`${cursor === undefined ? "" : `id: ${cursor}\n`}data: ${JSON.stringify(entry)}\n\n`)
}

/** A sign of life: a comment, or an empty line. */
export const encodeKeepAlive = (format: EntryFormat): Uint8Array => encode(format === "sse" ? ": keep-alive\n\n" : "\n")

const encode = (text: string): Uint8Array => new TextEncoder().encode(text)

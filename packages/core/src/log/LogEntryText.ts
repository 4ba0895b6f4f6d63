/** The objects of a log that are no lines, as the formats with objects have them: gaps, ends, signs of life. */
import type { LogEndEntry, LogGapEntry } from "./LogEntry.ts"

/** The formats in which a log is a row of objects. */
export type EntryFormat = "ndjson" | "sse"

/**
 * An object as the format has it. With `cursor` (LogCursor.toText) a server-sent event has it as its `id`, and a JSON line
 * as its field: the place behind the object.
 */
export const encodeEntry = (format: EntryFormat, entry: LogGapEntry | LogEndEntry, cursor?: string): Uint8Array => {
  if (format === "ndjson") return encode(`${JSON.stringify(cursor === undefined ? entry : { ...entry, cursor })}\n`)
  return encode(`${cursor === undefined ? "" : `id: ${cursor}\n`}data: ${JSON.stringify(entry)}\n\n`)
}

/** A sign of life; undefined where the format has none. */
export const encodeKeepAlive = (format: EntryFormat): Uint8Array | undefined =>
  format === "sse" ? encode(": keep-alive\n\n") : undefined

const encode = (text: string): Uint8Array => new TextEncoder().encode(text)

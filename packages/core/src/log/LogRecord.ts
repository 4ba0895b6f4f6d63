/** A record of a log: one entry as the engine stored it, pointed at in the bytes it came in. */
import type { StreamError } from "../link/StreamError.ts"
import type { LogStream } from "./LogOutput.ts"

/**
 * `bytes[start..details)` is the timestamp with its space, `[details..payload)` the details with theirs, `[payload..end)`
 * what the container wrote. One object is reused for all records: it says something only during the call it came in.
 */
export class LogRecord {
  stream: LogStream = 1
  bytes: Uint8Array = new Uint8Array(0)
  start = 0
  details = 0
  payload = 0
  end = 0
}

/** Who is told of each record, in the engine's order. */
export interface RecordSink {
  readonly record: (record: LogRecord) => void
  /** The log is at its end. */
  readonly end: () => void
}

/** Finds the records in an engine's answer. */
export interface RecordReader {
  /** Takes the next piece, cut anywhere. Once it has failed it takes nothing more and returns the same error. */
  readonly push: (chunk: Uint8Array) => StreamError | undefined
  /** The answer has ended well. */
  readonly end: () => StreamError | undefined
}

/** How the records of an answer are made. */
export interface RecordShape {
  /** Each record begins with a timestamp: asked for with `timestamps=1`. */
  readonly stamped: boolean
  /** Details stand after the timestamp: asked for with `details=1`, of an engine that knows them. */
  readonly details: boolean
}

/** Whether a record's payload ends in a newline. */
export const isTerminated = (record: LogRecord): boolean =>
  record.end > record.payload && record.bytes[record.end - 1] === NEWLINE

/** The most a timestamp and its space take: nine decimals and a zone's offset. */
export const MAX_STAMP_BYTES = 36

/**
 * Where a timestamp that begins at `at` is over, its space included; -1 where there is none. Docker's are always
 * `2026-11-22T10:44:07.200217800Z `; Podman's may have the host's offset and fewer decimals.
 */
export const stampEnd = (bytes: Uint8Array, at: number, end: number): number => {
  if (end - at < 21 || bytes[at + 4] !== DASH || bytes[at + 7] !== DASH || bytes[at + 10] !== TEE) return -1
  if (bytes[at + 13] !== COLON || bytes[at + 16] !== COLON) return -1
  for (let offset = 0; offset < 19; offset++) if (isDigitPlace(offset) && !isDigit(bytes[at + offset])) return -1
  let next = at + 19
  if (bytes[next] === DOT) {
    const first = ++next
    while (next < end && isDigit(bytes[next])) next++
    if (next === first || next - first > 9) return -1
  }
  const zone = bytes[next]
  if (zone === ZED) next++
  else if (zone === PLUS || zone === DASH) {
    if (!isDigit(bytes[next + 1]) || !isDigit(bytes[next + 2]) || bytes[next + 3] !== COLON) return -1
    if (!isDigit(bytes[next + 4]) || !isDigit(bytes[next + 5])) return -1
    next += 6
  } else return -1
  return next < end && bytes[next] === SPACE ? next + 1 : -1
}

/** Where the details that begin at `at` are over, their space included; -1 where there are none. Their own spaces are `+`. */
export const detailsEnd = (bytes: Uint8Array, at: number, end: number): number => {
  for (let next = at; next < end; next++) {
    if (bytes[next] === SPACE) return next + 1
    if (bytes[next] === NEWLINE) return -1
  }
  return -1
}

/** The byte that ends a line. */
export const NEWLINE = 0x0a
/** The byte that a terminal puts before it. */
export const CARRIAGE_RETURN = 0x0d
const SPACE = 0x20
const PLUS = 0x2b
const DASH = 0x2d
const DOT = 0x2e
const COLON = 0x3a
const TEE = 0x54
const ZED = 0x5a

const isDigit = (byte: number | undefined): boolean => byte !== undefined && byte >= 0x30 && byte <= 0x39

const isDigitPlace = (offset: number): boolean =>
  offset !== 4 && offset !== 7 && offset !== 10 && offset !== 13 && offset !== 16

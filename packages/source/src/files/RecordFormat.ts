/** How a log driver writes records into a file: what a reader of any driver's files needs to know. */
import type { LogRecord } from "@rdl/core/log/LogRecord"

/** The bytes at hand do not hold the whole record: it is read again when there are more of them. */
export const MORE = -1

/** The bytes are no record, and never will be one: the file is damaged, or not of this format. */
export const CORRUPT = -2

/**
 * A format. Plain calls on blocks of a file, none of which throws, waits, keeps a block, or makes an object per record. An
 * instance belongs to one reader: it may write the record it has just read into a buffer of its own.
 */
export interface RecordFormat {
  /** The longest record it takes, in bytes of the file; one that is longer is `CORRUPT`. */
  readonly maxBytes: number
  /**
   * Reads the record that begins at `start` of `bytes[start..end)`; the place where the next one begins, `MORE` or
   * `CORRUPT`. The record has a timestamp of 30 bytes and a space, details with theirs if the format was made for them,
   * and the payload as the engine's API gives it. It says something only until the next call.
   */
  readonly next: (bytes: Buffer, start: number, end: number, record: LogRecord) => number
  /** Where the record that begins at `start` is over, without reading it; `MORE` or `CORRUPT`. */
  readonly skip: (bytes: Buffer, start: number, end: number) => number
  /**
   * Where the record begins that is over at `end`, which must be a boundary; `MORE` where that is before `start`, or
   * `CORRUPT`.
   */
  readonly previous: (bytes: Buffer, start: number, end: number) => number
  /**
   * A boundary between two records, or before the first, at or behind `from`, which may be within one; `MORE` where none is
   * found before `end`. It may leave out the nearest one, but bytes of `maxBytes` twice over hold one that is found.
   */
  readonly boundary: (bytes: Buffer, from: number, end: number) => number
  /** Whether the whole records of `bytes[start..end)` can be what a driver wrote; asked once for each block, if at all. */
  readonly sound?: (bytes: Buffer, start: number, end: number) => boolean
  /** Lets go of the bytes it was given last. */
  readonly forget?: () => void
}

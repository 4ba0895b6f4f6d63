/**
 * The files of the `local` driver, and of the cache an engine keeps for drivers that cannot be read: each record is a
 * length, a protobuf message and the length again. The driver stores no attributes, and no line its newline.
 */
import type { LogRecord } from "@rdl/core/log/LogRecord"
import { LocalEntry } from "./LocalEntry.ts"
import { LocalStamp, STAMP_BYTES } from "./LocalStamp.ts"
import { CORRUPT, MORE, type RecordFormat } from "./RecordFormat.ts"

export interface LocalOptions {
  /** The engine would be asked with `details`: it puts a space where attributes would stand. */
  readonly details: boolean
  /** Whether the last piece of a long line has its newline, as `endsLongLines` says of the engine. */
  readonly endsLongLines: boolean
}

/** Engines before 23.0 lose the newline behind a line of over 16 KiB, and so do we: the answer is to be theirs. */
export const endsLongLines = (engineVersion: string): boolean => {
  const major = /^\d+/.exec(engineVersion)
  return major === null || Number(major[0]) >= 23
}

/** The longest message: the driver itself refuses those over a million bytes. */
const MAX_MESSAGE_BYTES = 1_048_576
const PREFIX_BYTES = 4
const FRAME_BYTES = 2 * PREFIX_BYTES
const NEWLINE = 0x0a
const SPACE = 0x20

/**
 * How a message begins: the tag and the length of its stream's name. The tag is a newline, which no line holds, so that
 * nothing a container writes can look like this.
 */
const HEAD = Buffer.from("\n\u0006std")

export class LocalFormat implements RecordFormat {
  readonly maxBytes = MAX_MESSAGE_BYTES + FRAME_BYTES
  private readonly options: LocalOptions
  private readonly entry = new LocalEntry()
  private readonly stamp = new LocalStamp()
  /** The record read last, as the engine would write it. */
  private out = Buffer.alloc(16_384 + 64)

  constructor(options: LocalOptions) {
    this.options = options
  }

  next(bytes: Buffer, start: number, end: number, record: LogRecord): number {
    const next = this.skip(bytes, start, end)
    if (next < 0) return next
    if (!this.entry.read(bytes, start + PREFIX_BYTES, next - PREFIX_BYTES)) return CORRUPT
    this.write(bytes, record)
    return next
  }

  skip(bytes: Buffer, start: number, end: number): number {
    if (end - start < PREFIX_BYTES) return MORE
    const length = uint32(bytes, start)
    if (length === 0 || length > MAX_MESSAGE_BYTES) return CORRUPT
    const next = start + length + FRAME_BYTES
    if (next > end) return MORE
    return uint32(bytes, next - PREFIX_BYTES) === length ? next : CORRUPT
  }

  previous(bytes: Buffer, start: number, end: number): number {
    if (end - start < PREFIX_BYTES) return MORE
    const length = uint32(bytes, end - PREFIX_BYTES)
    if (length === 0 || length > MAX_MESSAGE_BYTES) return CORRUPT
    const previous = end - length - FRAME_BYTES
    if (previous < start) return MORE
    return uint32(bytes, previous) === length ? previous : CORRUPT
  }

  boundary(bytes: Buffer, from: number, end: number): number {
    // What lies before the head of the first message is its length.
    for (let head = bytes.indexOf(HEAD, from + PREFIX_BYTES); head >= 0; head = bytes.indexOf(HEAD, head + 1)) {
      if (head + HEAD.length > end) break
      if (this.skip(bytes, head - PREFIX_BYTES, end) >= 0) return head - PREFIX_BYTES
    }
    return MORE
  }

  /** Writes the entry as the engine's API gives it. */
  private write(bytes: Buffer, record: LogRecord): void {
    const { entry } = this
    const { line, lineEnd } = entry
    const length = lineEnd - line
    if (this.out.length < length + 64) this.out = Buffer.alloc(length + 64)
    const { out } = this
    this.stamp.write(out, entry)
    let at = STAMP_BYTES
    record.start = 0
    record.details = at
    if (this.options.details) out[at++] = SPACE
    record.payload = at
    copy(bytes, line, lineEnd, out, at)
    at += length
    if (!entry.isPiece || (entry.isLast && this.options.endsLongLines)) out[at++] = NEWLINE
    record.end = at
    record.bytes = out
    record.stream = entry.stream
  }
}

const uint32 = (bytes: Buffer, at: number): number =>
  ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0

/** Below this a loop is faster than the call. */
const SHORT = 64

const copy = (from: Buffer, start: number, end: number, to: Buffer, at: number): void => {
  if (end - start >= SHORT) from.copy(to, at, start, end)
  else for (let offset = start; offset < end; offset++) to[at + offset - start] = from[offset]!
}

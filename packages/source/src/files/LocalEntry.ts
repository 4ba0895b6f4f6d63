/**
 * One message of the `local` driver, read where it lies: LogEntry of the engine's `entry.proto`. By hand, since readers of
 * protobuf make objects, and round nanoseconds to 53 bits.
 */

/** `source` = 1, `time_nano` = 2, `line` = 3, `partial` = 4, `partial_log_metadata` = 5 with `last` = 1, as tags. */
const SOURCE = 0x0a
const TIME = 0x10
const LINE = 0x1a
const PARTIAL = 0x20
const METADATA = 0x2a
const METADATA_LAST = 0x08

const STDOUT = Buffer.from("stdout")
const STDERR = Buffer.from("stderr")

/** What `read` found; valid until the next call. */
export class LocalEntry {
  stream: 1 | 2 = 1
  /** Nanoseconds since 1970, two's complement: the upper and the lower 32 bits. */
  timeHigh = 0
  timeLow = 0
  /** The line is `bytes[line..lineEnd)`. */
  line = 0
  lineEnd = 0
  /** The record is a piece of a line, or a line that has no newline. */
  isPiece = false
  /** It is the last piece of its line. */
  isLast = false
  private at = 0
  private end = 0
  /** A varint's bits above the 32 that `varint` returns. */
  private high = 0

  /** Reads the message `bytes[start..end)`; false where it is none. Fields it does not know are skipped. */
  read(bytes: Buffer, start: number, end: number): boolean {
    this.at = start
    this.end = end
    this.timeHigh = this.timeLow = 0
    this.line = this.lineEnd = end
    this.isPiece = this.isLast = false
    let hasStream = false
    while (this.at < end) {
      const tag = this.varint(bytes)
      if (tag === SOURCE) hasStream = this.readStream(bytes)
      else if (tag === LINE) this.readLine(bytes)
      else if (tag === METADATA) this.readMetadata(bytes)
      else if (tag === TIME) {
        this.timeLow = this.varint(bytes)
        this.timeHigh = this.high
      } else if (tag === PARTIAL) this.isPiece = this.varint(bytes) !== 0 || this.isPiece
      else this.skip(bytes, tag)
    }
    return hasStream && this.at === end
  }

  private readStream(bytes: Buffer): boolean {
    const from = this.span(bytes)
    if (this.at - from !== STDOUT.length) return false
    this.stream = isAt(bytes, from, STDERR) ? 2 : 1
    return this.stream === 2 || isAt(bytes, from, STDOUT)
  }

  private readLine(bytes: Buffer): void {
    this.line = this.span(bytes)
    this.lineEnd = this.at
  }

  private readMetadata(bytes: Buffer): void {
    const from = this.span(bytes)
    const { at, end } = this
    if (at > end) return
    this.isPiece = true
    this.at = from
    this.end = at
    while (this.at < at) {
      const tag = this.varint(bytes)
      if (tag === METADATA_LAST) this.isLast = this.varint(bytes) !== 0
      else this.skip(bytes, tag)
    }
    // Whatever its own fields claimed, it ends where it said; a lie makes the whole message bad.
    this.at = this.at === at ? at : BEYOND
    this.end = end
  }

  /** Steps over a field of length and bytes; returns where these begin. */
  private span(bytes: Buffer): number {
    const length = this.varint(bytes)
    const from = this.at
    this.at = length > this.end - from ? BEYOND : from + length
    return from
  }

  private skip(bytes: Buffer, tag: number): void {
    const wire = tag & 7
    if (wire === 0) this.varint(bytes)
    else if (wire === 2) this.span(bytes)
    else if (wire === 1) this.at += 8
    else if (wire === 5) this.at += 4
    else this.at = BEYOND
  }

  /** The lower 32 bits; `high` gets the upper ones. */
  private varint(bytes: Buffer): number {
    let low = 0
    let high = 0
    for (let shift = 0; shift < 70; shift += 7) {
      if (this.at >= this.end) break
      const byte = bytes[this.at++]!
      if (shift < 28) low |= (byte & 0x7f) << shift
      else if (shift === 28) {
        low |= (byte & 0x7f) << 28
        high = (byte & 0x7f) >>> 4
      } else high |= (byte & 0x7f) << (shift - 32)
      if (byte < 0x80) {
        this.high = high >>> 0
        return low >>> 0
      }
    }
    this.at = BEYOND
    return 0
  }
}

/** Where reading stands after bytes that are no message: behind the end of any. */
const BEYOND = Number.MAX_SAFE_INTEGER

const isAt = (bytes: Buffer, at: number, text: Buffer): boolean => {
  for (let offset = 0; offset < text.length; offset++) if (bytes[at + offset] !== text[offset]) return false
  return true
}

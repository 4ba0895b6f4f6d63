/**
 * The files of the json-file driver: lines such as `{"log":"…\n","stream":"stdout","time":"2026-11-22T10:44:07.2Z"}`.
 * What the driver itself writes is read without a copy: the escapes are undone where they stand, and the timestamp goes
 * before the payload, over bytes of the block that were read before. So a block can be read once.
 */
import { isUtf8 } from "node:buffer"
import type { LogRecord } from "@rdl/core/log/LogRecord"
import { JsonLine } from "./JsonLine.ts"
import { JsonText } from "./JsonText.ts"
import { CORRUPT, MORE, type RecordFormat } from "./RecordFormat.ts"
import { USUAL_BYTES, UsualRest } from "./UsualRest.ts"

/** The longest line: 16 KiB of payload, each byte escaped as six, and 900 KiB for what is stored beside it. */
const MAX_LINE_BYTES = 1_048_576

const NEWLINE = 0x0a
const QUOTE = 0x22
const DOT = 0x2e
const ZERO = 0x30
const LETTER_T = 0x54
const LETTER_Z = 0x5a
const BACKSLASH = 0x5c
const LETTER_N = 0x6e
const BRACE = 0x7d

const HEAD = Buffer.from('{"log":"')
const STREAM = Buffer.from('","stream":"std')
const OUT = Buffer.from('out","')
const ERR = Buffer.from('err","')
const TIME = Buffer.from('time":"')
const ATTRS = Buffer.from('attrs":{')
/** From a payload's closing quote to the key that follows its stream. */
const STREAM_BYTES = STREAM.length + OUT.length
/** `2026-11-22T10:44:07`, the same with nine decimals and a `Z`, and with a space. */
const SECONDS = 19
const FULL = 30
const STAMP = 31
/** From a payload's closing quote to behind the shortest line's end. */
const MIN_REST = STREAM_BYTES + TIME.length + SECONDS + 4

export class JsonFileFormat implements RecordFormat {
  readonly maxBytes = MAX_LINE_BYTES
  private readonly details: boolean
  private readonly text = new JsonText()
  private readonly usual = new UsualRest()
  private readonly line: JsonLine

  constructor(options: { readonly details: boolean }) {
    this.details = options.details
    this.line = new JsonLine(options.details)
  }

  next(bytes: Buffer, start: number, end: number, record: LogRecord): number {
    const from = start + HEAD.length
    const quote = bytes.indexOf(QUOTE, from)
    // What is not as the driver writes it, and what the block's end may have cut off, is read the other way.
    if (this.details || from < STAMP || quote < 0 || quote + MIN_REST > end || !isAt(bytes, start, HEAD))
      return this.whole(bytes, start, end, record)
    const escape = bytes.indexOf(BACKSLASH, from)
    if (escape < 0 || escape > quote) return this.finish(bytes, start, quote, quote, end, record)
    if (escape !== quote - 2 || bytes[quote - 1] !== LETTER_N) return this.escaped(bytes, start, escape, end, record)
    const next = this.finish(bytes, start, quote, quote - 1, end, record)
    if (next > 0 && record.bytes === bytes) bytes[escape] = NEWLINE
    return next
  }

  skip(bytes: Buffer, start: number, end: number): number {
    const newline = bytes.indexOf(NEWLINE, start)
    return newline < 0 || newline >= end ? unfinished(start, end) : newline + 1
  }

  previous(bytes: Buffer, start: number, end: number): number {
    if (bytes[end - 1] !== NEWLINE) return CORRUPT
    const newline = end - 2 < start ? -1 : bytes.lastIndexOf(NEWLINE, end - 2)
    return newline < start ? unfinished(start, end) : newline + 1
  }

  boundary(bytes: Buffer, from: number, end: number): number {
    const newline = bytes.indexOf(NEWLINE, from)
    return newline < 0 || newline >= end ? MORE : newline + 1
  }

  /** A power failure leaves zeros where text was not yet on the disk; the driver itself writes nothing but UTF-8. */
  sound(bytes: Buffer, start: number, end: number): boolean {
    const over = bytes.lastIndexOf(NEWLINE, end - 1)
    if (over < start) return true
    const zero = bytes.indexOf(0, start)
    return (zero < 0 || zero >= over) && isUtf8(bytes.subarray(start, over))
  }

  /** A payload with more escapes than the one of its newline. */
  private escaped(bytes: Buffer, start: number, escape: number, end: number, record: LogRecord): number {
    const over = bytes.indexOf(NEWLINE, escape)
    if (over < 0 || over >= end) return unfinished(start, end)
    const quote = this.text.unescape(bytes, escape, over)
    if (quote < 0 || quote + MIN_REST > end) return CORRUPT
    const next = this.finish(bytes, start, quote, this.text.end, end, record)
    return record.bytes === bytes ? next : CORRUPT
  }

  forget(): void {
    this.usual.forget()
  }

  /** Reads what stands behind a payload's closing quote. */
  private finish(
    bytes: Buffer,
    start: number,
    quote: number,
    payloadEnd: number,
    end: number,
    record: LogRecord,
  ): number {
    const payload = start + HEAD.length
    const stream = this.usual.read(bytes, quote, end, payload - STAMP)
    if (stream !== 0) {
      point(record, bytes, payload, payloadEnd, stream)
      return quote + USUAL_BYTES
    }
    const name = quote + STREAM.length
    const isErr = isAt(bytes, name, ERR)
    if (!isAt(bytes, quote, STREAM) || (!isErr && !isAt(bytes, name, OUT))) return this.whole(bytes, start, end, record)
    const key = quote + STREAM_BYTES
    const stamp = isAt(bytes, key, TIME) ? key + TIME.length : stampBehindAttributes(bytes, key, end)
    const zone = stamp < 0 ? -1 : zoneOf(bytes, stamp)
    if (zone < 0 || zone + 4 > end || !isLineEnd(bytes, zone)) return this.whole(bytes, start, end, record)
    writeStamp(bytes, payload - STAMP, stamp, zone)
    point(record, bytes, payload, payloadEnd, isErr ? 2 : 1)
    return zone + 4
  }

  private whole(bytes: Buffer, start: number, end: number, record: LogRecord): number {
    const over = bytes.indexOf(NEWLINE, start)
    if (over < 0 || over >= end) return unfinished(start, end)
    return this.line.read(bytes, start, over, record) ? over + 1 : CORRUPT
  }
}

const point = (record: LogRecord, bytes: Buffer, payload: number, end: number, stream: 1 | 2): void => {
  record.stream = stream
  record.bytes = bytes
  record.start = payload - STAMP
  record.details = payload
  record.payload = payload
  record.end = end
}

const unfinished = (start: number, end: number): number => (end - start > MAX_LINE_BYTES ? CORRUPT : MORE)

const isAt = (bytes: Buffer, at: number, text: Uint8Array): boolean => {
  for (let offset = 0; offset < text.length; offset++) if (bytes[at + offset] !== text[offset]) return false
  return true
}

/** Where the timestamp begins in a line whose attributes begin at `key`; -1 where it is not as the driver writes it. */
const stampBehindAttributes = (bytes: Buffer, key: number, end: number): number => {
  if (!isAt(bytes, key, ATTRS)) return -1
  const over = bytes.indexOf(NEWLINE, key)
  if (over < 0 || over >= end) return -1
  for (let digits = FULL; digits > SECONDS; digits--) {
    const stamp = over - 2 - digits
    if (isAt(bytes, stamp - TIME.length, TIME)) return stamp
  }
  return -1
}

/** Where the `Z` of the timestamp at `stamp` is; -1 where it has another zone, or is none. */
const zoneOf = (bytes: Buffer, stamp: number): number => {
  if (bytes[stamp + 10] !== LETTER_T) return -1
  if (bytes[stamp + SECONDS] === LETTER_Z) return stamp + SECONDS
  if (bytes[stamp + SECONDS] !== DOT) return -1
  for (let zone = stamp + FULL - 1; zone > stamp + SECONDS; zone--) if (bytes[zone] === LETTER_Z) return zone
  return -1
}

const isLineEnd = (bytes: Buffer, zone: number): boolean =>
  bytes[zone + 1] === QUOTE && bytes[zone + 2] === BRACE && bytes[zone + 3] === NEWLINE

/** The driver leaves zeros at the end of a fraction out; the engine's API does not. */
const writeStamp = (bytes: Buffer, to: number, stamp: number, zone: number): void => {
  const length = zone - stamp
  for (let offset = 0; offset < length; offset++) bytes[to + offset] = bytes[stamp + offset]!
  for (let offset = length; offset < FULL - 1; offset++) bytes[to + offset] = offset === SECONDS ? DOT : ZERO
  bytes[to + FULL - 1] = LETTER_Z
  bytes[to + FULL] = 0x20
}

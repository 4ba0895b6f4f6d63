/**
 * A place in a container's log (docs/protocol.md#cursor): made by a source, opaque to everybody else. It says which
 * record the place is counted from, and by what to know that record and the last one before the place.
 */
import { Encoding, Either, Schema } from "effect"

/** What is known of one record: enough to find it again. */
export interface RecordMark {
  /** Its timestamp, in nanoseconds since 1970. */
  readonly nanos: bigint
  /** Of stream and payload, by `hashOf`. */
  readonly hash: number
}

/** Where in which file the place is; a hint for whoever reads files, void where the file is another one. */
export interface FilePlace {
  /** The low 32 bits. */
  readonly device: number
  readonly inode: bigint
  /** Bytes from the start of the (uncompressed) file to the record after the place; below 2^48. */
  readonly offset: number
}

export interface LogCursor {
  /** The first 16 hexadecimal digits of the container's id. */
  readonly container: string
  /** The record the place is counted from; absent = the start of the log. */
  readonly anchor?: RecordMark
  /** Records, of both streams, from the anchor (itself included) to the place; 0 = the anchor is the next one. */
  readonly count: number
  /** The last record before the place; absent where `count` is 0. */
  readonly last?: RecordMark
  /** Lines that were written out of what follows the place, while a longer line was still coming in; to be left out. */
  readonly lines: number
  readonly file?: FilePlace
}

const VERSION = 1
const HAS_ANCHOR = 1
const HAS_LAST = 2
const HAS_FILE = 4
const FIXED_BYTES = 44
const FILE_BYTES = 18

/** The most a cursor takes, in bytes. */
export const MAX_BYTES = FIXED_BYTES + FILE_BYTES

/** A cursor as text: base64url without padding. */
export const CursorText = Schema.String.pipe(Schema.pattern(/^[A-Za-z0-9_-]{1,86}$/))

/** As MARK carries it; 44 bytes, or 62 with a file. */
export const encode = (cursor: LogCursor): Uint8Array => {
  const bytes = new Uint8Array(cursor.file === undefined ? FIXED_BYTES : MAX_BYTES)
  const view = new DataView(bytes.buffer)
  bytes[0] = VERSION
  bytes[1] =
    (cursor.anchor === undefined ? 0 : HAS_ANCHOR) |
    (cursor.last === undefined ? 0 : HAS_LAST) |
    (cursor.file === undefined ? 0 : HAS_FILE)
  view.setBigUint64(2, BigInt(`0x${cursor.container}`))
  writeRecord(view, 10, cursor.anchor)
  writeRecord(view, 22, cursor.last)
  writeU48(view, 34, cursor.count)
  view.setUint32(40, cursor.lines)
  if (cursor.file !== undefined) {
    view.setUint32(44, cursor.file.device)
    view.setBigUint64(48, cursor.file.inode)
    writeU48(view, 56, cursor.file.offset)
  }
  return bytes
}

/** Undefined where it is no cursor of this version. */
export const decode = (bytes: Uint8Array): LogCursor | undefined => {
  if (bytes.length < FIXED_BYTES || bytes[0] !== VERSION) return undefined
  const flags = bytes[1]!
  if (flags > 7 || bytes.length !== ((flags & HAS_FILE) === 0 ? FIXED_BYTES : MAX_BYTES)) return undefined
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const count = readU48(view, 34)
  if (count > 0 !== ((flags & HAS_LAST) !== 0)) return undefined
  return {
    container: view.getBigUint64(2).toString(16).padStart(16, "0"),
    count,
    lines: view.getUint32(40),
    ...((flags & HAS_ANCHOR) === 0 ? {} : { anchor: readRecord(view, 10) }),
    ...((flags & HAS_LAST) === 0 ? {} : { last: readRecord(view, 22) }),
    ...((flags & HAS_FILE) === 0
      ? {}
      : { file: { device: view.getUint32(44), inode: view.getBigUint64(48), offset: readU48(view, 56) } }),
  }
}

/** As users and OPEN have it. */
export const toText = (cursor: Uint8Array): string => Encoding.encodeBase64Url(cursor)

/** Undefined where it is no cursor of this version. */
export const fromText = (text: string): LogCursor | undefined =>
  Either.match(Encoding.decodeBase64Url(text), { onLeft: () => undefined, onRight: decode })

/** The bytes a hash looks at, at most, at either end of a payload. */
const HASHED_BYTES = 64
/** Both ends together. */
export const ENDS_BYTES = 2 * HASHED_BYTES

/**
 * 32 bits of a record's stream and payload `bytes[start..end)` without its newline, which one engine's driver loses; in
 * the same time whatever its length (FNV-1a of stream, length and both ends).
 */
export const hashOf = (stream: 1 | 2, bytes: Uint8Array, start: number, payloadEnd: number): number => {
  const end = payloadEnd > start && bytes[payloadEnd - 1] === NEWLINE ? payloadEnd - 1 : payloadEnd
  const length = end - start
  const first = begin(stream, length)
  return length <= ENDS_BYTES
    ? mixAll(first, bytes, start, end)
    : mixAll(mixAll(first, bytes, start, start + HASHED_BYTES), bytes, end - HASHED_BYTES, end)
}

/** Copies of a payload without its newline what its hash looks at into `ends`, of ENDS_BYTES; returns its length. */
export const copyEnds = (ends: Uint8Array, bytes: Uint8Array, start: number, payloadEnd: number): number => {
  const end = payloadEnd > start && bytes[payloadEnd - 1] === NEWLINE ? payloadEnd - 1 : payloadEnd
  const length = end - start
  const whole = length <= ENDS_BYTES
  const head = whole ? length : HASHED_BYTES
  for (let at = 0; at < head; at++) ends[at] = bytes[start + at]!
  if (!whole) for (let at = 0; at < HASHED_BYTES; at++) ends[head + at] = bytes[end - HASHED_BYTES + at]!
  return length
}

/** What `hashOf` says of the payload whose ends these are. */
export const hashOfEnds = (stream: 1 | 2, ends: Uint8Array, length: number): number =>
  mixAll(begin(stream, length), ends, 0, Math.min(length, ENDS_BYTES))

const begin = (stream: 1 | 2, length: number): number =>
  mix(mix(mix(mix(FNV_OFFSET, stream), length & 0xff), (length >>> 8) & 0xff), (length >>> 16) & 0xff)

const mixAll = (from: number, bytes: Uint8Array, start: number, end: number): number => {
  let hash = from
  for (let at = start; at < end; at++) hash = mix(hash, bytes[at]!)
  return hash >>> 0
}

const NEWLINE = 0x0a
const FNV_OFFSET = 0x811c9dc5
const FNV_PRIME = 0x01000193

const mix = (hash: number, byte: number): number => Math.imul(hash ^ byte, FNV_PRIME)

const writeRecord = (view: DataView, at: number, record: RecordMark | undefined): void => {
  if (record === undefined) return
  view.setBigInt64(at, record.nanos)
  view.setUint32(at + 8, record.hash)
}

const readRecord = (view: DataView, at: number): RecordMark => ({
  nanos: view.getBigInt64(at),
  hash: view.getUint32(at + 8),
})

const writeU48 = (view: DataView, at: number, value: number): void => {
  view.setUint16(at, Math.floor(value / 2 ** 32))
  view.setUint32(at + 2, value % 2 ** 32)
}

const readU48 = (view: DataView, at: number): number => view.getUint16(at) * 2 ** 32 + view.getUint32(at + 2)

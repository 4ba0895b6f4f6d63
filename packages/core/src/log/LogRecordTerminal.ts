/**
 * Records of a container with a terminal: raw bytes without frames. The engine writes each record with a timestamp
 * before it, so that a timestamp within a line tells where a record without newline ended: a piece of a long line (its
 * timestamp again), or the last output before a restart (a later one). What a program prints itself is older than the
 * record it stands in, so it is not taken for one.
 */
import {
  detailsEnd,
  LogRecord,
  MAX_STAMP_BYTES,
  NEWLINE,
  stampEnd,
  type RecordReader,
  type RecordShape,
  type RecordSink,
} from "./LogRecord.ts"
import { engineBroke, engineError } from "./LogRecordError.ts"
import type { StreamError } from "../link/StreamError.ts"

/** The longest record taken: engines cut them at 16 KiB, and one that is not cut cannot be told from no log at all. */
export const MAX_RECORD_BYTES = 1_048_576

/** How much of an in-band error is waited for. */
const MAX_ERROR_BYTES = 300

export class TerminalRecords implements RecordReader {
  private readonly shape: RecordShape
  private readonly sink: RecordSink
  private readonly current = new LogRecord()
  private failure: StreamError | undefined
  /** What has come of a record that is not whole yet. */
  private carry = new Uint8Array(0)
  private carried = 0
  /** Up to here the carry has been searched. */
  private searched = 0
  /** The record being read has the timestamp of the one before it: a piece of the same line. */
  private repeated = false

  constructor(shape: RecordShape, sink: RecordSink) {
    this.shape = shape
    this.sink = sink
  }

  push(chunk: Uint8Array): StreamError | undefined {
    if (this.failure !== undefined) return this.failure
    if (this.carried === 0) this.keep(chunk, this.read(chunk, chunk.length, false))
    else {
      this.append(chunk)
      const bytes = this.carry
      const read = this.read(bytes, this.carried, false)
      if (read > 0) {
        const end = this.carried
        this.carried = 0
        this.keep(bytes.subarray(0, end), read)
      }
    }
    if (this.carried > MAX_RECORD_BYTES)
      this.failure ??= engineError(`a record over ${MAX_RECORD_BYTES} bytes in a container with a terminal`)
    return this.failure
  }

  end(): StreamError | undefined {
    if (this.failure !== undefined) return this.failure
    this.read(this.carry, this.carried, true)
    if (this.failure === undefined) this.sink.end()
    return this.failure
  }

  /** Delivers the whole records of `bytes[0..end)`; returns where the first that is not whole begins. */
  private read(bytes: Uint8Array, end: number, last: boolean): number {
    let at = 0
    while (at < end && this.failure === undefined) {
      const next = this.readOne(bytes, at, end, last)
      if (next === at) return at
      at = next
    }
    return at
  }

  /** Delivers the record that begins at `at`; returns where the next one does, or `at` where more must come first. */
  private readOne(bytes: Uint8Array, at: number, end: number, last: boolean): number {
    const from = Math.max(at, this.searched)
    const newline = indexOf(bytes, NEWLINE, from, end)
    const whole = newline >= 0 || last
    const lineEnd = newline >= 0 ? newline + 1 : end
    if (!whole && end - at < MAX_STAMP_BYTES) return at
    const details = this.shape.stamped ? stampEnd(bytes, at, lineEnd) : at
    if (details < 0) return this.unstamped(bytes, at, lineEnd, whole)
    const payload = this.shape.details ? detailsEnd(bytes, details, lineEnd) : details
    if (payload < 0) {
      if (whole) this.failure = engineError("a record without its details")
      return at
    }
    // A record is not empty, unless it is the rest of a line whose newline the engine lost (local driver of 20.10).
    const first = this.repeated ? payload : payload + 1
    const next = this.shape.stamped ? nextStamp(bytes, at, Math.max(first, from), lineEnd) : -1
    if (next < 0 && !whole) {
      this.searched = Math.max(at, end - MAX_STAMP_BYTES)
      return at
    }
    this.searched = 0
    this.repeated = next >= 0 && compareStamps(bytes, next, at) === 0
    this.deliver(bytes, at, details, payload, next < 0 ? lineEnd : next)
    return next < 0 ? lineEnd : next
  }

  private deliver(bytes: Uint8Array, at: number, details: number, payload: number, end: number): void {
    const record = this.current
    record.bytes = bytes
    record.start = at
    record.details = details
    record.payload = payload
    record.end = end
    this.sink.record(record)
  }

  /** Text where a timestamp must stand is the engine's word that it cannot go on. */
  private unstamped(bytes: Uint8Array, at: number, lineEnd: number, whole: boolean): number {
    if (!whole && lineEnd - at < MAX_ERROR_BYTES) return at
    const end = Math.min(lineEnd, at + MAX_ERROR_BYTES)
    this.failure = engineBroke(bytes, at, end)
    return at
  }

  private keep(bytes: Uint8Array, from: number): void {
    // The place searched up to was counted in `bytes`, which from now on begin at `from`.
    this.searched = Math.max(0, this.searched - from)
    if (from < bytes.length) this.append(bytes.subarray(from))
  }

  private append(bytes: Uint8Array): void {
    const needed = this.carried + bytes.length
    if (needed > this.carry.length) {
      const grown = new Uint8Array(Math.max(needed, this.carry.length * 2, 1024))
      grown.set(this.carry.subarray(0, this.carried))
      this.carry = grown
    }
    this.carry.set(bytes, this.carried)
    this.carried = needed
  }
}

/** Like `indexOf` of an array, within bounds. */
const indexOf = (bytes: Uint8Array, byte: number, from: number, end: number): number => {
  for (let at = from; at < end; at++) if (bytes[at] === byte) return at
  return -1
}

/** `2026-11-22T10:44:07` */
const WHOLE_BYTES = 19
const DOT = 0x2e
const ZERO = 0x30
const NINE = 0x39
const TEE = 0x54
const TEE_OFFSET = 10

/** Where, from `from` on, a timestamp begins that is that of the record at `at`, or later; -1 = nowhere. */
const nextStamp = (bytes: Uint8Array, at: number, from: number, end: number): number => {
  for (let tee = from + TEE_OFFSET; tee < end; tee++) {
    if (bytes[tee] !== TEE) continue
    const start = tee - TEE_OFFSET
    if (stampEnd(bytes, start, end) >= 0 && compareStamps(bytes, start, at) >= 0) return start
  }
  return -1
}

/** Compares without the zone: an engine has one, and as many decimals in all its stamps. */
const compareStamps = (bytes: Uint8Array, one: number, other: number): number => {
  for (let offset = 0; offset < 29; offset++) {
    const byte = bytes[one + offset] ?? 0
    if (offset >= WHOLE_BYTES && byte !== DOT && !(byte >= ZERO && byte <= NINE)) return 0
    const difference = byte - (bytes[other + offset] ?? 0)
    if (difference !== 0) return difference
  }
  return 0
}

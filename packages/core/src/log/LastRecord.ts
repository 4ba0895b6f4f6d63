/** What is needed to know the last record of a log again; nothing is made of it before it is asked for. */
import * as LogCursor from "./LogCursor.ts"
import { LogRecord } from "./LogRecord.ts"
import { LogStamp } from "./LogStamp.ts"

/** `2026-11-22T10:44:07.200217800Z` */
export const STAMP_BYTES = 30

/** Points at the record until its bytes are about to change; then it has copied what it needs of them. */
export class LastRecord {
  private readonly stamp = new LogStamp()
  private readonly ends = new Uint8Array(LogCursor.ENDS_BYTES)
  private length = 0
  private hash: number | undefined
  /** The record, as long as its bytes last. */
  private readonly record = new LogRecord()
  private isPointed = false

  /** Takes a record, and copies nothing of it yet. */
  point({ bytes, details, end, payload, start, stream }: LogRecord): void {
    const { record } = this
    record.bytes = bytes
    record.start = start
    record.details = details
    record.payload = payload
    record.end = end
    record.stream = stream
    this.hash = undefined
    this.isPointed = true
  }

  /** Copies what is needed. */
  keep(): void {
    if (!this.isPointed) return
    const { record } = this
    this.stamp.read(record)
    this.length = LogCursor.copyEnds(this.ends, record.bytes, record.payload, record.end)
    this.isPointed = false
    record.bytes = NOTHING
  }

  recall(mark: LogCursor.RecordMark): void {
    this.isPointed = false
    this.stamp.set(mark.nanos)
    this.hash = mark.hash
  }

  time(): LogStamp {
    this.keep()
    return this.stamp
  }

  /** Whether its time is this one. */
  isAt(text: Uint8Array, stamp: LogStamp): boolean {
    if (!this.isPointed) return this.stamp.compare(stamp) === 0
    const { bytes, start } = this.record
    // Nanoseconds differ before seconds do.
    for (let at = STAMP_BYTES - 1; at >= 0; at--) if (bytes[start + at] !== text[at]) return false
    return true
  }

  mark(): LogCursor.RecordMark {
    this.keep()
    this.hash ??= LogCursor.hashOfEnds(this.record.stream, this.ends, this.length)
    return { nanos: this.stamp.toNanos(), hash: this.hash }
  }
}

const NOTHING = new Uint8Array(0)

/**
 * Knows the place behind the last record that was written (docs/protocol.md#cursor). What it says depends on the cursor it
 * began with and the records since, on nothing else: who goes on from any of its cursors gets the same ones again.
 */
import * as LogCursor from "./LogCursor.ts"
import type { LinePlace } from "./LogNdjson.ts"
import type { LogRecord } from "./LogRecord.ts"
import { LogStamp } from "./LogStamp.ts"

/** After so many records a place is counted from a newer one. */
export const ANCHOR_RECORDS = 1000

export interface TrackerOptions {
  /** The container's id. */
  readonly container: string
  /** Where the records to come begin; absent = not known, the first one becomes the anchor. */
  readonly from?: LogCursor.LogCursor | undefined
  /** Whether `line` gives cursors; default false: it only leaves out the lines of `from`. */
  readonly lineCursors?: boolean
  /** Default ANCHOR_RECORDS. */
  readonly anchorRecords?: number
}

export class CursorTracker implements LinePlace {
  private readonly container: string
  private readonly lineCursors: boolean
  private readonly anchorRecords: number
  private anchor: LogCursor.RecordMark | undefined
  private readonly anchorStamp = new LogStamp()
  private count = 0
  private last = new LastRecord()
  /** The record before `last`, and what stood when it was the last. */
  private before = new LastRecord()
  private anchorBefore: LogCursor.RecordMark | undefined
  private countBefore = 0
  private fileNow: { readonly device: number; readonly inode: bigint } | undefined
  private place: LogCursor.FilePlace | undefined
  /** The next record follows upon nothing that is known. */
  private afresh: boolean
  private clean = true
  /** The last place at which nothing was held; undefined while it is the place now. */
  private cleanPlace: LogCursor.LogCursor | undefined
  /** Lines told since then, and how many of them are still to be left out. */
  private lines = 0
  private leftOut: number

  constructor(options: TrackerOptions) {
    const { container, from, lineCursors = false, anchorRecords = ANCHOR_RECORDS } = options
    this.container = container.slice(0, 16)
    this.lineCursors = lineCursors
    this.anchorRecords = anchorRecords
    this.afresh = from?.anchor === undefined
    this.count = from?.count ?? 0
    this.place = from?.file
    this.leftOut = from?.lines ?? 0
    if (from?.anchor !== undefined) this.setAnchor(from.anchor)
    if (from?.last !== undefined) this.last.recall(from.last)
  }

  /** Whether the next record becomes the anchor whatever it is. */
  isAfresh(): boolean {
    return this.afresh
  }

  /** The place before a record that becomes the anchor. */
  startingAt(record: LogRecord): LogCursor.LogCursor {
    return { container: this.container, anchor: markOf(record), count: 0, lines: 0 }
  }

  /** The records to come begin behind this one, which is not written itself; undefined = at the start of the log. */
  startAfter(record: LogRecord | undefined, offset?: number): void {
    if (record !== undefined) this.advance(record, offset)
  }

  /** The next record follows upon nothing that is known: there is a gap before it. */
  restart(): void {
    this.afresh = true
    this.leftOut = 0
  }

  /** The records to come are of this file; undefined = of none. */
  file(file: { readonly device: number; readonly inode: bigint } | undefined): void {
    this.fileNow = file
  }

  /** A record is written: the place is behind it. `offset`: where in its file the next one begins. */
  advance(record: LogRecord, offset?: number): void {
    const last = this.before
    const former = this.last
    this.before = former
    this.anchorBefore = this.anchor
    this.countBefore = this.count
    last.take(record)
    this.last = last
    if (this.isAnchor(last.stamp, former.stamp)) {
      this.setAnchor(markOf(record))
      this.count = 1
    } else this.count++
    const file = this.fileNow
    this.place = file === undefined || offset === undefined ? undefined : { ...file, offset }
  }

  /** To be told after each record is rendered, where `line` is used: whether nothing is held back of what came. */
  settle(isClean: boolean): void {
    if (isClean) {
      this.cleanPlace = undefined
      this.lines = this.leftOut = 0
    } else if (this.clean) this.cleanPlace = this.placeBefore()
    this.clean = isClean
  }

  readonly line = (settled: boolean): Uint8Array | undefined => {
    if (settled) {
      this.leftOut = 0
      return this.lineCursors ? textOf({ ...this.now(), lines: 0 }) : NOTHING
    }
    this.lines++
    if (this.leftOut > 0) {
      this.leftOut--
      return undefined
    }
    return this.lineCursors ? textOf({ ...(this.cleanPlace ?? this.now()), lines: this.lines }) : NOTHING
  }

  /** The place now. */
  cursor(): LogCursor.LogCursor {
    const { place } = this
    return { ...this.now(), ...(place === undefined ? {} : { file: place }) }
  }

  private isAnchor(stamp: LogStamp, former: LogStamp): boolean {
    if (this.afresh) {
      this.afresh = false
      return true
    }
    // Pieces of a long line share their time, and may be the same: such a row is no good place to count from.
    const isDue = this.count >= this.anchorRecords || (this.count > 1 && former.compare(this.anchorStamp) === 0)
    return isDue && stamp.compare(this.anchorStamp) > 0 && stamp.compare(former) > 0
  }

  private setAnchor(anchor: LogCursor.RecordMark): void {
    this.anchor = anchor
    this.anchorStamp.set(anchor.nanos)
  }

  private now(): LogCursor.LogCursor {
    return this.placeOf(this.anchor, this.count, this.last)
  }

  private placeBefore(): LogCursor.LogCursor {
    return this.placeOf(this.anchorBefore, this.countBefore, this.before)
  }

  private placeOf(anchor: LogCursor.RecordMark | undefined, count: number, last: LastRecord): LogCursor.LogCursor {
    return {
      container: this.container,
      count,
      lines: 0,
      ...(anchor === undefined ? {} : { anchor }),
      ...(count === 0 ? {} : { last: last.mark() }),
    }
  }
}

/** What is needed to know a record again; its hash is made only when it is asked for. */
class LastRecord {
  readonly stamp = new LogStamp()
  private readonly ends = new Uint8Array(LogCursor.ENDS_BYTES)
  private length = 0
  private stream: 1 | 2 = 1
  private hash: number | undefined

  take(record: LogRecord): void {
    this.stamp.read(record)
    this.stream = record.stream
    this.length = LogCursor.copyEnds(this.ends, record.bytes, record.payload, record.end)
    this.hash = undefined
  }

  recall(mark: LogCursor.RecordMark): void {
    this.stamp.set(mark.nanos)
    this.hash = mark.hash
  }

  mark(): LogCursor.RecordMark {
    this.hash ??= LogCursor.hashOfEnds(this.stream, this.ends, this.length)
    return { nanos: this.stamp.toNanos(), hash: this.hash }
  }
}

const stamp = new LogStamp()

/** By what to know a record again. */
export const markOf = (record: LogRecord): LogCursor.RecordMark => {
  stamp.read(record)
  return {
    nanos: stamp.toNanos(),
    hash: LogCursor.hashOf(record.stream, record.bytes, record.payload, record.end),
  }
}

const NOTHING = new Uint8Array(0)
const encoder = new TextEncoder()

const textOf = (cursor: LogCursor.LogCursor): Uint8Array => encoder.encode(LogCursor.toText(LogCursor.encode(cursor)))

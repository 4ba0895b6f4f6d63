/**
 * Knows the place behind the last record that was written (docs/protocol.md#cursor). What it says depends on the cursor it
 * began with and the records since, on nothing else: who goes on from any of its cursors gets the same ones again.
 */
import { LastRecord, STAMP_BYTES } from "./LastRecord.ts"
import * as LogCursor from "./LogCursor.ts"
import type { LinePlace } from "./LogNdjson.ts"
import type { LogRecord } from "./LogRecord.ts"
import { LogStamp, stampText } from "./LogStamp.ts"

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
  /** Whether `line` has anything to say. */
  private readonly isLined: boolean
  private readonly anchorRecords: number
  private anchor: LogCursor.RecordMark | undefined
  private readonly anchorStamp = new LogStamp()
  /** The same as Docker writes it. */
  private readonly anchorText = new Uint8Array(STAMP_BYTES)
  private count = 0
  private last = new LastRecord()
  /** The record before `last`, and what stood when it was the last. */
  private before = new LastRecord()
  private anchorBefore: LogCursor.RecordMark | undefined
  private countBefore = 0
  /** Whether the time of `last` is the anchor's. */
  private isAnchorTime = false
  private fileNow: { readonly device: number; readonly inode: bigint } | undefined
  /** The file of the record after the place, and where in it that begins; undefined = not known. */
  private placeFile: { readonly device: number; readonly inode: bigint } | undefined
  private placeOffset = 0
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
    this.leftOut = from?.lines ?? 0
    this.isLined = lineCursors || this.leftOut > 0
    this.afresh = true
    if (from !== undefined) this.startAt(from)
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

  /** The records to come begin at this place. */
  startAt({ anchor, count, file, last }: LogCursor.LogCursor): void {
    this.afresh = anchor === undefined
    this.count = count
    this.placeFile = file
    this.placeOffset = file?.offset ?? 0
    if (anchor !== undefined) this.setAnchor(anchor)
    if (last !== undefined) this.last.recall(last)
    this.isAnchorTime = anchor !== undefined && last?.nanos === anchor.nanos
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

  /**
   * A record is written: the place is behind it. `offset`: where in its file the next one begins. `lasts`: the record is
   * stamped as Docker does, and its bytes stay as they are until the next one or `keep`: then it is looked at only if need be.
   */
  advance(record: LogRecord, offset?: number, lasts = false): void {
    const former = this.last
    const last = this.step(record, offset, lasts)
    if (this.isAnchor(last, former)) {
      this.setAnchor(last.mark())
      this.count = 1
    } else this.count++
    this.isAnchorTime = last.isAt(this.anchorText, this.anchorStamp)
  }

  /**
   * So many records of which nothing is written were passed over, `last` the last of them: the place is behind it. None of
   * them becomes an anchor: which ones are passed over changes the cursors, but no place that they say.
   */
  pass(count: number, last: LogRecord, offset?: number): void {
    this.step(last, offset, false)
    this.count += count
    this.isAnchorTime = this.last.isAt(this.anchorText, this.anchorStamp)
  }

  /** The bytes of what came last are about to change. */
  keep(): void {
    this.last.keep()
    // Only for it to let go of them.
    this.before.keep()
  }

  /** To be told after each record is rendered, where `line` is used: whether nothing is held back of what came. */
  settle(isClean: boolean): void {
    if (!this.isLined) return
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
    const { placeFile: file, placeOffset: offset } = this
    return { ...this.now(), ...(file === undefined ? {} : { file: { ...file, offset } }) }
  }

  /** The record is the last one now. */
  private step(record: LogRecord, offset: number | undefined, lasts: boolean): LastRecord {
    const last = this.before
    this.before = this.last
    this.last = last
    if (this.isLined) {
      this.anchorBefore = this.anchor
      this.countBefore = this.count
    }
    last.point(record)
    if (!lasts || this.isLined) last.keep()
    this.placeFile = offset === undefined ? undefined : this.fileNow
    this.placeOffset = offset ?? 0
    return last
  }

  private isAnchor(last: LastRecord, former: LastRecord): boolean {
    if (this.afresh) {
      this.afresh = false
      return true
    }
    // Pieces of a long line share their time, and may be the same: such a row is no good place to count from.
    const isDue = this.count >= this.anchorRecords || (this.count > 1 && this.isAnchorTime)
    if (!isDue) return false
    const stamp = last.time()
    return stamp.compare(this.anchorStamp) > 0 && stamp.compare(former.time()) > 0
  }

  private setAnchor(anchor: LogCursor.RecordMark): void {
    this.anchor = anchor
    this.anchorStamp.set(anchor.nanos)
    encoder.encodeInto(stampText(anchor.nanos), this.anchorText)
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

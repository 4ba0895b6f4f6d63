/** Finds the place of a cursor among the last records of a log, as a plain state machine that is given one after the other. */
import { markOf } from "@rdl/core/log/CursorTracker"
import type { LogCursor, RecordMark } from "@rdl/core/log/LogCursor"
import * as Cursor from "@rdl/core/log/LogCursor"
import type { LogRecord } from "@rdl/core/log/LogRecord"
import { LogStamp } from "@rdl/core/log/LogStamp"
import type { Judgement, RecordBounds } from "./RecordBounds.ts"

/** `short`: these records begin after the anchor; `astray`: as many records after it as were counted, another one stands there. */
export type Finding = Judgement | "short" | "astray"

/** What finds a place: counts what comes, and judges by the bounds what comes after the place. */
export abstract class Seek {
  protected readonly bounds: RecordBounds
  protected readonly stamp = new LogStamp()
  protected there = false
  protected records = 0
  private begin: RecordMark | undefined

  constructor(bounds: RecordBounds) {
    this.bounds = bounds
  }

  /** Whether the place is found: what comes now is after it. */
  arrived(): boolean {
    return this.there
  }

  /** The first record that came. */
  first(): RecordMark | undefined {
    return this.begin
  }

  /** How many came. */
  seen(): number {
    return this.records
  }

  next(record: LogRecord): Finding {
    this.records++
    this.begin ??= markOf(record)
    return this.there ? this.bounds.judge(record) : this.look(record)
  }

  /** One that comes before the place is found, or leads to it. */
  protected abstract look(record: LogRecord): Finding
}

const isMarked = (record: LogRecord, mark: RecordMark, stamp: LogStamp, wanted: LogStamp): boolean =>
  stamp.compare(wanted) === 0 && Cursor.hashOf(record.stream, record.bytes, record.payload, record.end) === mark.hash

/** When it is concluded that the anchor has been: from a first record that is not older, from any that is later, or at the end only. */
export type Patience = "first" | "later" | "end"

/** Counts from the anchor. */
export class PlaceSeek extends Seek {
  private readonly cursor: LogCursor
  private readonly patience: Patience
  private readonly anchor = new LogStamp()
  private readonly last = new LogStamp()
  /** Records since the anchor; below 0 while it has not come. */
  private counted = -1

  constructor(cursor: LogCursor, bounds: RecordBounds, patience: Patience) {
    super(bounds)
    this.cursor = cursor
    this.patience = patience
    if (cursor.anchor === undefined) this.counted = 0
    else this.anchor.set(cursor.anchor.nanos)
    if (cursor.last !== undefined) this.last.set(cursor.last.nanos)
    this.there = cursor.anchor === undefined && cursor.count === 0
  }

  protected override look(record: LogRecord): Finding {
    const { anchor, count, last } = this.cursor
    this.stamp.read(record)
    const isAnchor = this.counted < 0 && isMarked(record, anchor!, this.stamp, this.anchor)
    if (this.counted < 0 && !isAnchor) return this.isShort() ? "short" : "skip"
    // The anchor counts whatever the bounds say: it may be the last record before those that are wanted.
    const judged = this.bounds.judge(record)
    if (isAnchor && count === 0) {
      this.there = true
      return judged
    }
    if (isAnchor) this.counted = 0
    if (!isAnchor && judged !== "give") return "skip"
    this.counted++
    if (this.counted < count) return "skip"
    this.there = last !== undefined && isMarked(record, last, this.stamp, this.last)
    return this.there ? "skip" : "astray"
  }

  private isShort(): boolean {
    if (this.patience === "end") return false
    const order = this.stamp.compare(this.anchor)
    return order > 0
      ? this.patience === "later" || this.records === 1
      : this.patience === "first" && this.records === 1 && order === 0
  }
}

export interface LastSeekHandlers {
  /** The log begins after the place: before its first record is given. */
  readonly onGone: () => void
  /** The last record before the place. */
  readonly onFound: (record: LogRecord) => void
}

/** Looks for the last record before the place, wherever it is; of a log that begins after it, everything is after the place. */
export class LastSeek extends Seek {
  private readonly last: RecordMark | undefined
  private readonly handlers: LastSeekHandlers
  private readonly wanted = new LogStamp()

  constructor(cursor: LogCursor, bounds: RecordBounds, handlers: LastSeekHandlers) {
    super(bounds)
    this.last = cursor.last
    this.handlers = handlers
    const from = cursor.last ?? cursor.anchor
    if (from !== undefined) this.wanted.set(from.nanos)
  }

  protected override look(record: LogRecord): Finding {
    this.stamp.read(record)
    if (this.records === 1 && (this.last === undefined || this.stamp.compare(this.wanted) > 0)) {
      this.there = true
      this.handlers.onGone()
      return this.bounds.judge(record)
    }
    if (this.last !== undefined && isMarked(record, this.last, this.stamp, this.wanted)) {
      this.there = true
      this.bounds.judge(record)
      this.handlers.onFound(record)
    }
    return "skip"
  }
}

/** Where the last record before the place is nowhere: what is newer than it is after the place; without a place, everything is. */
export class TimeSeek extends Seek {
  private readonly wanted: LogStamp | undefined

  constructor(after: bigint | undefined, bounds: RecordBounds) {
    super(bounds)
    if (after === undefined) return
    this.wanted = new LogStamp()
    this.wanted.set(after)
  }

  protected override look(record: LogRecord): Finding {
    if (this.wanted !== undefined) {
      this.stamp.read(record)
      if (this.stamp.compare(this.wanted) <= 0) return "skip"
    }
    this.there = true
    return this.bounds.judge(record)
  }
}

/**
 * From records to the link's writer: renders, gathers, says where it stands, tells gaps, leaves out what was received
 * before. Plain callbacks, no Effect.
 */
import type { Head } from "@rdl/core/link/LinkMessage"
import type { StreamWriter } from "@rdl/core/link/LinkSession"
import type { StreamError } from "@rdl/core/link/StreamError"
import { CursorTracker, markOf } from "@rdl/core/log/CursorTracker"
import * as LogCursor from "@rdl/core/log/LogCursor"
import type { LogGap } from "@rdl/core/log/LogGap"
import { PIECE_ROOM } from "@rdl/core/log/LogOutput"
import type { LogRecord } from "@rdl/core/log/LogRecord"
import { EngineBroke } from "@rdl/core/log/LogRecordError"
import * as LogRenderer from "@rdl/core/log/LogRenderer"
import { stampText } from "@rdl/core/log/LogStamp"
import { Coalescer } from "./Coalescer.ts"
import type { LogTaker } from "./LogOrigin.ts"
import { creditWaits, lines } from "../SourceCounters.ts"

/** After so many bytes the next clean place is marked. */
export const MARK_BYTES = 256 * 1024
/** So long, in milliseconds, what was written stays unmarked at most where there is a clean place. */
export const MARK_MS = 1_000

export interface DeliveryOptions extends Omit<LogRenderer.RendererOptions, "emit" | "place"> {
  readonly source: NonNullable<LogGap["source"]>
  readonly container: { readonly id: string; readonly name: NonNullable<LogGap["container"]> }
  readonly writer: StreamWriter
  /** Where the records begin, and how many bytes written from there on are to be left out; absent = where the query says. */
  readonly resume?: { readonly cursor: LogCursor.LogCursor; readonly received: number } | undefined
}

export class LogDelivery implements LogTaker {
  readonly literals: ReadonlyArray<string>
  private readonly options: DeliveryOptions
  private readonly writer: StreamWriter
  private readonly renderer: LogRenderer.LogRenderer
  private readonly tracker: CursorTracker
  private readonly coalescer = new Coalescer()
  private isOpen = false
  private over = false
  private isPlaced: boolean
  /** Bytes that are still to be left out. */
  private leftOut: number
  private pendingGap: Pick<LogGap, "since" | "until" | "reason"> | undefined
  private isBlocked = false
  private onceRoom: Array<() => void> = []
  private timer: NodeJS.Timeout | undefined
  private markTimer: NodeJS.Timeout | undefined
  private markIsDue = false
  private isUnmarked = false
  private unmarkedBytes = 0
  /** Records taken that are not in the source's counters yet: those are touched once for each read. */
  private uncounted = 0
  /** The time of the records being taken; asked once for each read. */
  private now = performance.now()
  private isFresh = false

  constructor(options: DeliveryOptions) {
    const { rendering, container, resume } = options
    const isJson = rendering.format === "sse" || rendering.format === "ndjson"
    const lineCursors = rendering.format === "sse" || (isJson && rendering.cursors === true)
    this.options = options
    // What is redacted is searched for what stands there afterwards; and cursors in lines depend on what is passed over.
    const mayPass = options.redaction === undefined && !lineCursors
    this.literals = mayPass ? (options.filter?.literals ?? []) : []
    this.writer = options.writer
    this.isPlaced = resume !== undefined
    this.leftOut = resume?.received ?? 0
    this.tracker = new CursorTracker({ container: container.id, from: resume?.cursor, lineCursors })
    const place = lineCursors || (resume?.cursor.lines ?? 0) > 0 ? this.tracker : undefined
    this.renderer = LogRenderer.make({ ...options, place, emit: this.write })
  }

  /** Whether `cursor` says where to go on: not so before the first record of a log that is read as the query says. */
  hasPlace(): boolean {
    return this.isPlaced
  }

  record(record: LogRecord, offset?: number, lasts?: boolean): void {
    if (this.over) return
    if (!this.isFresh) {
      this.now = performance.now()
      this.isFresh = true
    }
    if (this.pendingGap !== undefined) this.tellGap(record)
    else if (this.tracker.isAfresh()) this.begin(record)
    this.uncounted++
    this.tracker.advance(record, offset, lasts)
    this.renderer.record(record)
    const isClean = this.renderer.isClean()
    this.tracker.settle(isClean)
    this.isUnmarked = true
    if (this.markIsDue && isClean) this.mark()
  }

  passed(count: number, last: LogRecord, offset?: number): void {
    if (this.over) return
    this.uncounted += count
    this.tracker.pass(count, last, offset)
    this.isUnmarked = true
    if (this.markIsDue && this.renderer.isClean()) this.mark()
  }

  startAfter(record: LogRecord | undefined, offset?: number): void {
    if (this.over) return
    this.tracker.restart()
    this.tracker.startAfter(record, offset)
    this.placed()
  }

  startAt(place: LogCursor.LogCursor): void {
    if (this.over) return
    this.tracker.startAt(place)
    this.placed()
  }

  private placed(): void {
    this.isPlaced = true
    this.open()
    if (this.pendingGap === undefined && this.renderer.isClean()) this.mark()
  }

  file(device: number | undefined, inode: bigint = 0n): void {
    this.tracker.file(device === undefined ? undefined : { device, inode })
  }

  settled(): void {
    this.tracker.keep()
    this.count()
    if (this.over) return
    if (!this.isFresh) this.now = performance.now()
    this.isFresh = false
    this.open()
    if (this.renderer.held() > 0) this.coalescer.added(this.now)
    this.settle(this.now)
    if (this.isUnmarked) this.markTimer ??= setTimeout(this.onMarkTime, MARK_MS)
  }

  blocked(): boolean {
    return this.isBlocked
  }

  onRoom(callback: () => void): void {
    if (this.isBlocked) this.onceRoom.push(callback)
    else callback()
  }

  gap(gap: Pick<LogGap, "since" | "until" | "reason">): void {
    const { since, until } = gap
    const before = this.pendingGap
    this.pendingGap = {
      reason:
        before === undefined || before.reason === gap.reason
          ? gap.reason
          : `${before.reason}; ${gap.reason}`.slice(0, 300),
      ...pick("since", before === undefined ? since : before.since),
      ...pick("until", until),
    }
  }

  cursor(): LogCursor.LogCursor {
    return this.tracker.cursor()
  }

  /** The log is at its end: writes what is left. */
  end(): void {
    if (this.over) return
    this.open()
    if (this.pendingGap !== undefined) this.tellGap(undefined)
    this.renderer.end()
    this.renderer.flush()
    if (this.renderer.isClean() && this.isUnmarked) this.mark()
    this.stop()
  }

  /** Writes what is good of a log that broke off, and what the engine itself said of it. */
  breakOff(problem: StreamError): void {
    if (!this.over && this.isOpen) {
      if (problem instanceof EngineBroke && this.leftOut === 0) this.renderer.engineBroke(problem.words)
      this.renderer.flush()
    }
    this.stop()
  }

  /** Nothing is written any more. */
  stop(): void {
    this.count()
    this.over = true
    this.onceRoom = []
    clearTimeout(this.timer)
    clearTimeout(this.markTimer)
  }

  private count(): void {
    if (this.uncounted > 0) lines.unsafeUpdate(this.uncounted, [])
    this.uncounted = 0
  }

  private open(): void {
    if (this.isOpen) return
    this.isOpen = true
    const head: Head = { contentType: this.renderer.contentType, tty: this.options.tty }
    this.writer.head(head)
  }

  /** The first record: its place is marked before its bytes leave. */
  private begin(record: LogRecord): void {
    this.open()
    this.isPlaced = true
    if (this.leftOut === 0) this.writer.mark?.(LogCursor.encode(this.tracker.startingAt(record)))
  }

  private tellGap(next: LogRecord | undefined): void {
    const pending = this.pendingGap
    if (pending === undefined) return
    this.pendingGap = undefined
    this.open()
    this.renderer.cut()
    this.renderer.flush()
    this.leftOut = 0
    const { last, anchor } = this.tracker.cursor()
    const from = last ?? anchor
    const { source, container } = this.options
    const since = pending.since ?? (from === undefined ? undefined : stampText(from.nanos))
    const until = pending.until ?? (next === undefined ? undefined : stampText(markOf(next).nanos))
    const behind = next === undefined ? this.tracker.cursor() : this.tracker.startingAt(next)
    const gap: LogGap = {
      source,
      container: container.name,
      ...pick("since", since),
      ...pick("until", until),
      reason: pending.reason,
    }
    this.isPlaced = true
    this.tracker.restart()
    this.writer.gap?.(gap, LogCursor.encode(behind))
    this.marked()
  }

  /** Says where the log stands now, behind everything written; the place must be clean. */
  private mark(): void {
    if (this.over || this.isBlocked || this.leftOut > 0) return
    this.renderer.flush()
    // What was held may have been left out, or have filled the writer.
    this.writer.mark?.(LogCursor.encode(this.tracker.cursor()))
    this.isPlaced = true
    this.marked()
  }

  private marked(): void {
    this.markIsDue = this.isUnmarked = false
    this.unmarkedBytes = 0
    clearTimeout(this.markTimer)
    this.markTimer = undefined
  }

  private readonly onMarkTime = (): void => {
    this.markTimer = undefined
    if (!this.isUnmarked) return
    this.markIsDue = true
    if (this.renderer.isClean()) this.mark()
  }

  /** Writes what is due, and comes back for what will be. While there is no room, what is held stays held. */
  private settle(now: number): void {
    if (this.over || this.isBlocked) return
    const due = this.coalescer.due()
    if (due <= now) this.flush(now)
    else if (due < Number.POSITIVE_INFINITY && this.timer === undefined)
      this.timer = setTimeout(
        () => {
          this.timer = undefined
          this.settle(performance.now())
        },
        Math.ceil(due - now),
      )
  }

  private flush(now: number): void {
    this.now = now
    this.renderer.flush()
  }

  /** Takes a piece as the renderer emits it. */
  private readonly write = (given: Uint8Array): void => {
    this.coalescer.left(this.now)
    let piece = given
    if (this.leftOut > 0) {
      const known = Math.min(this.leftOut, piece.length)
      this.leftOut -= known
      if (known === piece.length) return
      piece = piece.subarray(known)
    }
    this.unmarkedBytes += piece.length
    if (this.unmarkedBytes >= MARK_BYTES) this.markIsDue = true
    if (this.writer.write(piece, PIECE_ROOM) || this.isBlocked || this.over) return
    this.isBlocked = true
    creditWaits.unsafeUpdate(1, [])
    this.writer.onWritable(this.onWritable)
  }

  private readonly onWritable = (): void => {
    this.isBlocked = false
    if (this.over) return
    if (this.markIsDue && this.renderer.isClean()) this.mark()
    this.settle(performance.now())
    while (!this.isBlocked && this.onceRoom.length > 0) this.onceRoom.shift()?.()
  }
}

const pick = <K extends string>(key: K, value: string | undefined): { readonly [Key in K]?: string } =>
  value === undefined ? {} : ({ [key]: value } as { readonly [Key in K]?: string })

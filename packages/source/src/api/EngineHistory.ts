/** The first part of a reading: what is wanted of what the log holds, and the place behind it. */
import { Effect } from "effect"
import type { StreamError } from "@rdl/core/link/StreamError"
import { CursorTracker, markOf } from "@rdl/core/log/CursorTracker"
import { isTerminated, type LogRecord } from "@rdl/core/log/LogRecord"
import type { EngineClient } from "../engine/EngineClient.ts"
import type { EnginePass } from "./EnginePass.ts"
import type { ReadProblem } from "../engine/EngineProblems.ts"
import * as EngineQuestion from "./EngineQuestion.ts"
import type { LogSelection } from "../engine/EngineRequest.ts"
import * as EngineTimes from "./EngineTimes.ts"
import type { LogAsk, LogTaker } from "../log/LogOrigin.ts"
import { RecordBounds } from "./RecordBounds.ts"

/** Pieces of one line look the same: so many records before those wanted are looked at to tell which one is the first. */
export const LINE_RECORDS = 1024
/** The payload of a piece of a line that goes on; such a piece may not be the only one of its kind. */
const PIECE_BYTES = 16_384
/** Podman shows that a log is open by its first record: one that takes longer, in milliseconds, is said to be open before. */
const OPEN_MS = 5_000

export interface HistoryOptions {
  readonly client: typeof EngineClient.Service
  readonly ask: LogAsk
  readonly taker: LogTaker
  readonly onGive: (record: LogRecord) => void
  /** The taker's cursor says from now on where to go on. */
  readonly onPlaced: () => void
  readonly onOpen: () => void
  readonly parkMs: number
}

type Problem = ReadProblem | StreamError
type Selection = Pick<LogSelection, "tail" | "since" | "until">
export type HistoryEnd = "ended" | "parked" | "past"

export class EngineHistory {
  private readonly options: HistoryOptions
  private hasGiven = false

  constructor(options: HistoryOptions) {
    this.options = options
  }

  /** `isLive`: the log is followed then, so that there must be a place behind it whatever it holds. */
  readonly read = Effect.fnUntraced(function* (
    this: EngineHistory,
    isLive: boolean,
  ): Effect.fn.Return<HistoryEnd, Problem> {
    const { client, ask } = this.options
    const { query } = ask
    this.hasGiven = false
    if (isLive && query.tail === 0) return yield* this.atEnd()
    if (this.isPodman() && query.tail !== undefined && query.tail > 0) return yield* this.lastLines(query.tail, isLive)
    // Read first: where nothing is wanted of what there is, it is what comes after this record that is. Podman is asked for
    // nothing older again.
    const isLate = isLive && query.since !== undefined && !this.isPodman()
    const newest = isLate ? yield* EngineQuestion.newest(client, ask) : undefined
    const times = EngineTimes.asked(ask)
    const tail = query.tail === undefined ? {} : { tail: query.tail }
    const end = yield* this.pass({ ...times, ...tail }, undefined)
    if (end === "inside") return yield* this.lastRecords(query.tail ?? 0, isLive)
    if (isLive && end === "ended" && !this.hasGiven) this.startAfter(newest)
    return end
  })

  /** Nothing is wanted of what there is. */
  private readonly atEnd = Effect.fnUntraced(function* (this: EngineHistory): Effect.fn.Return<HistoryEnd, Problem> {
    const { client, ask } = this.options
    const newest = yield* EngineQuestion.newest(client, ask)
    if (newest === undefined || (!this.isPodman() && !isPiece(newest))) this.startAfter(newest)
    else {
      const { nanos } = markOf(newest)
      const window = this.isPodman() ? EngineTimes.around(nanos, ask) : { tail: LINE_RECORDS }
      yield* this.pass(window, Number.POSITIVE_INFINITY, true)
    }
    return "ended"
  })

  /** Where the last records begin within a long line: which of its pieces that is, is counted from before the line. */
  private readonly lastRecords = Effect.fnUntraced(function* (
    this: EngineHistory,
    wanted: number,
    isLive: boolean,
  ): Effect.fn.Return<HistoryEnd, Problem> {
    const window = { tail: wanted + LINE_RECORDS }
    const there = yield* this.count(window)
    const end = yield* this.pass(window, Math.max(0, there - wanted), isLive)
    return end === "inside" ? "ended" : end
  })

  /** Podman's own `tail` gives other bytes than the log has: here it only tells from when on the lines must be counted. */
  private readonly lastLines = Effect.fnUntraced(function* (
    this: EngineHistory,
    wanted: number,
    isLive: boolean,
  ): Effect.fn.Return<HistoryEnd, Problem> {
    const { client, ask } = this.options
    const { until: _, ...unbounded } = ask.query
    const first = yield* EngineQuestion.first(client, ask, { tail: wanted })
    const from = first === undefined ? undefined : markOf(first).nanos
    const windowAt = (nanos: bigint | undefined, query: Selection) => EngineTimes.around(nanos, { ...ask, query })
    let nanos = from
    let there = yield* this.count(windowAt(nanos, unbounded))
    // A line that was begun long before it ended may lie before the window.
    if (there <= wanted && nanos !== undefined) there = yield* this.count(windowAt((nanos = undefined), unbounded))
    const end = yield* this.pass(windowAt(nanos, ask.query), Math.max(0, there - wanted), isLive)
    return end === "inside" ? "ended" : end
  })

  /** How many lines (Podman) or records (Docker) there are. */
  private readonly count = Effect.fnUntraced(function* (
    this: EngineHistory,
    selection: Selection,
  ): Effect.fn.Return<number, Problem> {
    let units = 0
    let open = 0
    yield* EngineQuestion.ask<never>(this.options.client, this.options.ask, {
      selection: { follow: false, ...selection },
      onRecord: (record) => {
        units += this.units(record)
        open = this.units(record) > 0 ? open & ~record.stream : open | record.stream
        return undefined
      },
    })
    return units + (open & 1) + (open >> 1)
  })

  /**
   * Gives what is wanted behind so many lines or records; undefined = all, uncounted. `inside`: that would begin with a piece of
   * a long line. `isPlaced`: the place behind it all is told where nothing was given.
   */
  private readonly pass = Effect.fnUntraced(function* (
    this: EngineHistory,
    selection: Selection,
    skipped: number | undefined,
    isPlaced = false,
  ): Effect.fn.Return<HistoryEnd | "inside", Problem> {
    const { client, ask, taker, parkMs, onOpen } = this.options
    const bounds = new RecordBounds(ask.query, ask.engine)
    const passed = new CursorTracker({ container: ask.container.id })
    // Who looks for the place counts, from its anchor on, what the bounds let through.
    const passable = new RecordBounds(ask.query, ask.engine)
    const pass = (record: LogRecord) => {
      const judged = passable.judge(record)
      if (judged === "give" || passed.isAfresh()) passed.advance(record)
    }
    const isCounted = skipped !== undefined
    let left = skipped ?? 0
    const end = yield* EngineQuestion.ask<"past" | "inside">(client, ask, {
      selection: { follow: false, ...selection },
      taker,
      parkMs,
      onOpen,
      ...(this.isPodman() ? { watch: this.openInTime } : {}),
      onRecord: (record) => {
        const judged = left > 0 ? "skip" : bounds.judge(record)
        if (left > 0) left -= this.units(record)
        if (judged === "past") return judged
        if (!this.hasGiven && isCounted && judged === "skip") pass(record)
        if (judged === "skip") return undefined
        if (!this.hasGiven && !isCounted && ask.query.tail !== undefined && this.isPiece(record)) return "inside"
        if (!this.hasGiven && !passed.isAfresh()) taker.startAt(passed.cursor())
        this.give(record)
        return undefined
      },
    })
    if (isPlaced && end === "ended" && !this.hasGiven) {
      if (passed.isAfresh()) this.startAfter(undefined)
      else {
        taker.startAt(passed.cursor())
        this.options.onPlaced()
      }
    }
    return end
  })

  /** Never ends the pass. */
  private readonly openInTime = (pass: EnginePass): Effect.Effect<never> =>
    Effect.zipRight(
      Effect.delay(
        Effect.sync(() => {
          if (pass.opened()) return
          this.options.onOpen()
          this.options.taker.settled()
        }),
        OPEN_MS,
      ),
      Effect.never,
    )

  private give(record: LogRecord): void {
    this.hasGiven = true
    this.options.onGive(record)
    this.options.taker.record(record)
  }

  private startAfter(record: LogRecord | undefined): void {
    this.options.taker.startAfter(record)
    this.options.onPlaced()
  }

  private units(record: LogRecord): number {
    return this.isPodman() && !isTerminated(record) ? 0 : 1
  }

  private isPiece(record: LogRecord): boolean {
    return !this.isPodman() && isPiece(record)
  }

  private isPodman(): boolean {
    return this.options.ask.engine.kind === "podman"
  }
}

const isPiece = (record: LogRecord): boolean => !isTerminated(record) && record.end - record.payload >= PIECE_BYTES

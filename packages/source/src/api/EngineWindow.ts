/** Goes on with a log from a cursor without looking at all of it: asks the engine for its last records, few at first. */
import { Effect } from "effect"
import type { StreamError } from "@rdl/core/link/StreamError"
import type { LogCursor, RecordMark } from "@rdl/core/log/LogCursor"
import { markOf } from "@rdl/core/log/CursorTracker"
import type { LogRecord } from "@rdl/core/log/LogRecord"
import { toNanos } from "@rdl/core/log/LogTime"
import type { EngineClient } from "../engine/EngineClient.ts"
import type { ReadProblem } from "../engine/EngineProblems.ts"
import * as EngineQuestion from "./EngineQuestion.ts"
import type { LogSelection } from "../engine/EngineRequest.ts"
import * as EngineTimes from "./EngineTimes.ts"
import type { LogAsk, LogTaker } from "../log/LogOrigin.ts"
import { type Finding, LastSeek, type Patience, PlaceSeek, type Seek, TimeSeek } from "./PlaceSeek.ts"
import { RecordBounds } from "./RecordBounds.ts"

/** The most lines of Podman's `tail`: it makes room for all of them at once. */
export const MAX_PODMAN_TAIL = 1_000_000
/** Docker reads `tail` into 64 bits; beyond this everything is asked for. */
const MAX_TAIL = 2_000_000_000
/** So many records beyond those counted are asked for at first. */
export const FIRST_GUESS = 128

export const ROTATED = "the log was rotated or removed before these records were read"
export const MISCOUNTED = "the engine left out or repeated records of what was read before"
/** Podman keeps one file, and begins it anew when it is full: nobody can tell whether something was written in between. */
const BEGUN_ANEW = "the engine began the log anew: records that were not read before that are gone"

export interface WindowOptions {
  readonly client: typeof EngineClient.Service
  readonly ask: LogAsk
  readonly taker: LogTaker
  /** Told of each record before it is given. */
  readonly onGive: (record: LogRecord) => void
  readonly onOpen: () => void
  readonly parkMs: number
}

/** How a read ended: the log is at its end, no room, or a record after `until`. */
export type WindowEnd = "ended" | "parked" | "past"
const SECOND_NS = 1_000_000_000n
type Problem = ReadProblem | StreamError
type Selection = Pick<LogSelection, "tail" | "since" | "until">

export class EngineWindow {
  private readonly options: WindowOptions
  /** Records expected after the place. */
  private guess = FIRST_GUESS
  private isDoubted = false

  constructor(options: WindowOptions) {
    this.options = options
  }

  /** How to ask for a cursor's anchor and what is expected after it. */
  selection(cursor: LogCursor): Selection {
    return this.isPodman() ? this.around(cursor.anchor) : this.lastRecords(cursor, cursor.count + this.guess)
  }

  /** When a follow concludes that a cursor's anchor is not in what was asked for so. */
  patience(): Patience {
    return this.isPodman() ? "later" : "first"
  }

  bounds(): RecordBounds {
    return new RecordBounds(this.options.ask.query, this.options.ask.engine)
  }

  /**
   * Gives what is after the place. `counted` is the taker's place as counted from an earlier anchor, where there is one: it
   * shows what an engine left out since.
   */
  readonly goOn = (counted: LogCursor | undefined): Effect.Effect<WindowEnd, Problem> =>
    Effect.gen(this, function* () {
      const cursor = this.options.taker.cursor()
      if (this.isPodman()) {
        const end = yield* this.byTime(counted ?? cursor)
        return end === "lost" ? yield* this.anew() : end
      }
      if (counted?.anchor !== undefined) {
        const end = yield* this.fromAnchor(counted)
        if (end !== "lost") return end
      }
      const end = yield* this.fromAnchor(cursor)
      return end === "lost" ? yield* this.fromLast(cursor, ROTATED) : end
    })

  /** What a look at the newest record has shown not to come by its time is looked for among everything, once. */
  doubt(): void {
    this.isDoubted = true
  }

  /** `lost`: the anchor is not in the log any more. Where a clock was set back, records are not where their time says. */
  private readonly byTime = (cursor: LogCursor): Effect.Effect<WindowEnd | "lost", Problem> =>
    Effect.gen(this, function* () {
      const all = this.everything()
      const selections = this.isDoubted || cursor.anchor === undefined ? [all] : [this.around(cursor.anchor), all]
      for (const selection of selections) {
        const isAll = selection === all
        const seek = new PlaceSeek(cursor, this.bounds(), isAll ? "end" : "later")
        const end = yield* this.read(selection, seek)
        if (isAll) this.isDoubted = false
        if (end === "astray" && isAll) return yield* this.fromLast(this.options.taker.cursor(), MISCOUNTED)
        if (end === "short" || end === "astray") continue
        if (end === "ended" && !isAll && (yield* this.isSetBack(selection))) {
          this.isDoubted = true
          return yield* this.byTime(this.options.taker.cursor())
        }
        // An empty log may yet become one: what is gone is told when there is something after it.
        if (end !== "ended" || seek.arrived() || seek.seen() === 0) return end
      }
      return "lost" as const
    })

  /** Whether the newest record is older than all that was asked for: a clock was set back since. */
  private readonly isSetBack = ({ since }: Selection): Effect.Effect<boolean, Problem> =>
    Effect.map(
      EngineQuestion.newest(this.options.client, this.options.ask),
      (newest) => newest !== undefined && since !== undefined && markOf(newest).nanos < toNanos(since) - SECOND_NS,
    )

  /** Goes on with the first record there is. */
  private readonly anew = (): Effect.Effect<WindowEnd, Problem> =>
    Effect.suspend(() => {
      this.options.taker.gap({ reason: BEGUN_ANEW })
      return Effect.map(this.read(this.everything(), new TimeSeek(undefined, this.bounds())), asEnd)
    })

  /** `lost`: the anchor is not in the log any more. */
  private readonly fromAnchor = (cursor: LogCursor): Effect.Effect<WindowEnd | "lost", Problem> =>
    Effect.gen(this, function* () {
      let size = cursor.count + this.guess
      let before: Reach | undefined
      for (let tries = 1; ; tries++) {
        const { tail } = this.lastRecords(cursor, size)
        const from = tail === undefined ? undefined : cursor.anchor
        const { since } = EngineTimes.fromAnchor(from, this.options.ask)
        const patience = tail === undefined ? "end" : since === undefined ? "first" : "later"
        const seek = new PlaceSeek(cursor, this.bounds(), patience)
        const last = tail === undefined ? {} : { tail }
        let end = yield* this.read(since === undefined ? last : { ...last, since }, seek)
        // A clock that was set back may have left none of them that is as late as the anchor.
        if (end === "ended" && seek.seen() === 0 && since !== undefined) end = yield* this.read(last, seek)
        if (end === "astray") return yield* this.fromLast(this.options.taker.cursor(), MISCOUNTED)
        if (end === "short") {
          // The same first record of more than before: the log has no other.
          const reach = { size, first: seek.first()! }
          if (isSameMark(reach.first, before?.first)) return "lost"
          size = grown(reach, before, cursor.anchor!, tries)
          before = reach
        } else if (end !== "ended" || seek.arrived()) return end
        // An empty log may yet become one: what is gone is told when there is something after it.
        else if (seek.seen() === 0) return "ended"
        else if (tail === undefined || seek.seen() < tail) return "lost"
        else size *= 4
      }
    })

  /** Goes on behind the last record given, wherever it is; tells a gap where it is nowhere, or was miscounted. */
  private readonly fromLast = (cursor: LogCursor, reason: string): Effect.Effect<WindowEnd, Problem> =>
    Effect.gen(this, function* () {
      const { taker } = this.options
      const gap = () => taker.gap({ reason })
      const seek = new LastSeek(cursor, this.bounds(), {
        onGone: gap,
        onFound: (record) => {
          if (reason === MISCOUNTED) gap()
          taker.startAfter(record)
        },
      })
      const end = yield* this.read(this.everything(), seek)
      if (end !== "ended" || seek.arrived() || seek.seen() === 0) return asEnd(end)
      // Logs lose their oldest records: where this one is gone, all that are left came after it.
      gap()
      const after = reason === MISCOUNTED ? cursor.last?.nanos : undefined
      return asEnd(yield* this.read(this.everything(), new TimeSeek(after, this.bounds())))
    })

  private readonly read = (selection: Selection, seek: Seek) => {
    const { client, ask, taker, onGive, onOpen, parkMs } = this.options
    let given = 0
    const onRecord = (record: LogRecord): Exclude<Finding, "give" | "skip"> | undefined => {
      const finding = seek.next(record)
      if (finding === "skip") return undefined
      if (finding !== "give") return finding
      given++
      onGive(record)
      taker.record(record)
      return undefined
    }
    return EngineQuestion.ask(client, ask, {
      selection: { follow: false, ...selection },
      taker,
      onRecord,
      onOpen,
      parkMs,
    }).pipe(
      Effect.tap(() =>
        Effect.sync(() => {
          if (seek.arrived()) this.guess = Math.max(FIRST_GUESS, given * 2)
        }),
      ),
    )
  }

  private lastRecords(cursor: LogCursor, size: number): Selection {
    if (cursor.anchor === undefined || size > MAX_TAIL) return {}
    return { tail: size }
  }

  private around(anchor: RecordMark | undefined): Selection {
    return EngineTimes.around(anchor?.nanos, this.options.ask)
  }

  private everything(): Selection {
    return this.isPodman() ? this.around(undefined) : {}
  }

  private isPodman(): boolean {
    return this.options.ask.engine.kind === "podman"
  }
}

const asEnd = (end: WindowEnd | "short" | "astray"): WindowEnd => (end === "short" || end === "astray" ? "ended" : end)

/** So many of the last records, and the first of them. */
interface Reach {
  readonly size: number
  readonly first: RecordMark
}

const isSameMark = (one: RecordMark, other: RecordMark | undefined): boolean =>
  other !== undefined && one.nanos === other.nanos && one.hash === other.hash

/**
 * How many records reach back to the anchor, at the rate at which they came between two reaches that did not: a tenth of what
 * is missing more, and twice as many more with each try. At most eight times as many as before.
 */
const grown = (reach: Reach, before: Reach | undefined, anchor: RecordMark, tries: number): number => {
  const { size, first } = reach
  if (before === undefined) return size * 4
  const perNano = (size - before.size) / Number(before.first.nanos - first.nanos)
  const missing = Number(first.nanos - anchor.nanos) * perNano
  if (!(perNano > 0 && Number.isFinite(missing))) return size * 4
  return Math.ceil(Math.min(size * 8, size + missing * 1.1 + FIRST_GUESS * 2 ** tries))
}

/**
 * One reading of a log through the engine's API. History is read without following, as that is what engines do right. The
 * engine's follow is for what comes slowly; whenever it cannot be trusted, reading goes on from the place reached.
 */
import { Clock, Effect, Option } from "effect"
import type { End } from "@rdl/core/link/LinkMessage"
import type { StreamError } from "@rdl/core/link/StreamError"
import type { LogRecord } from "@rdl/core/log/LogRecord"
import { toMillis } from "@rdl/core/log/LogTime"
import type { EngineClient } from "../engine/EngineClient.ts"
import type { EnginePass } from "./EnginePass.ts"
import { PARK_MS } from "./EnginePass.ts"
import { asStreamError, brokenOff, type ReadProblem } from "../engine/EngineProblems.ts"
import * as EngineQuestion from "./EngineQuestion.ts"
import { EngineHistory } from "./EngineHistory.ts"
import { EngineWindow, type WindowEnd } from "./EngineWindow.ts"
import { FollowCheck } from "./FollowCheck.ts"
import * as FollowEnd from "./FollowEnd.ts"
import { BURST_MS, burstLimit, FollowWatch } from "./FollowWatch.ts"
import { type LogAsk, type LogTaker, room } from "../log/LogOrigin.ts"
import { PlaceSeek } from "./PlaceSeek.ts"

export interface ReadingSettings {
  /** So long an answer is held for a taker without room before it is dropped, in milliseconds. */
  readonly parkMs: number
  /** A follow silent for so long is compared with the log's newest record. */
  readonly watchMs: number
  /** So long a record that the log has may take to come in a follow. */
  readonly lateMs: number
  /** So long an engine that is gone is waited for. */
  readonly retryMs: number
}

export const defaults: ReadingSettings = { parkMs: PARK_MS, watchMs: 30_000, lateMs: 1_000, retryMs: 120_000 }

/** After a read that gave more records than this, another one comes before a follow. */
const MANY_RECORDS = 500
/** How long after `until` a follow must be silent before it is ended: what was written in time has come by then. */
const UNTIL_GRACE_MS = 1_000
/** Answers that make no sense, one after the other and without a record between them, until the log is given up. */
const MAX_WRONG_ANSWERS = 3
/** While much comes from a log that rotates it is not followed, but read anew as often as this. */
const POLL_MS = 50
/** A log that Podman begins anew when it is full is read as often as this, or less often: it is at rest so many times longer than read. */
const PODMAN_POLL_MS = 250
const POLL_REST = 4
const FIRST_PAUSE_MS = 100
const LONGEST_PAUSE_MS = 5_000

type Problem = ReadProblem | StreamError
/** What is done next. `last`: the follow has ended, what it may have missed is read; `until`: the same, and then no more. */
type Step = "history" | "go-on" | "follow" | "last" | "until"
/** `doubtful`: the follow is not to be trusted any more. */
type StepEnd = WindowEnd | "doubtful" | "until"

export class EngineReading {
  private readonly client: typeof EngineClient.Service
  private readonly ask: LogAsk
  private readonly taker: LogTaker
  private readonly settings: ReadingSettings
  private readonly window: EngineWindow
  private readonly history: EngineHistory
  private readonly limit: number
  private readonly check = new FollowCheck()
  /** Podman's follow loses records where the log is begun anew, and shows nothing of it. */
  private readonly isPolled: boolean
  /** How long it took to read what had come, when that was last done, in milliseconds. */
  private readMs = 0
  /** What `poll` found. */
  private found: End["reason"] | undefined
  private isOpen = false
  /** Whether the taker's cursor says where to go on. */
  private isPlaced: boolean
  private given = 0
  private bytes = 0
  /** Since a burst, or since it was last looked whether it is over: what had been given then. */
  private busySince: { readonly at: number; readonly bytes: number } | undefined
  /** `given` when something went wrong last, when that began, and how often it did since. */
  private givenAtFailure = -1
  private failingSince = 0
  private failures = 0
  /** How often in a row what was tried brought nothing. */
  private idle = 0

  constructor(client: typeof EngineClient.Service, ask: LogAsk, taker: LogTaker, settings: Partial<ReadingSettings>) {
    this.client = client
    this.ask = ask
    this.taker = taker
    this.settings = { ...defaults, ...settings }
    this.isPlaced = ask.from !== undefined
    this.isPolled = ask.engine.kind === "podman" && ask.details.logOptions["max-size"] !== undefined
    this.limit = burstLimit(ask.details, ask.engine.kind)
    const { onGive, onOpen, onPlaced } = this
    const parts = { client, ask, taker, parkMs: this.settings.parkMs, onGive, onOpen }
    this.window = new EngineWindow(parts)
    this.history = new EngineHistory({ ...parts, onPlaced })
  }

  readonly run: Effect.Effect<End["reason"], StreamError> = Effect.suspend(() => this.steps())

  private readonly steps = Effect.fnUntraced(function* (this: EngineReading) {
    const { query } = this.ask
    const isLive =
      query.follow && (query.until === undefined || toMillis(query.until) > (yield* Clock.currentTimeMillis))
    let step = again("history", this.isPlaced)
    for (;;) {
      const before = this.given
      const end = yield* Effect.either(this.take(step, isLive))
      if (end._tag === "Left") {
        const reason = yield* this.recover(end.left, isLive)
        if (reason !== undefined) return reason
        step = again(step, this.isPlaced)
        continue
      }
      this.failures = 0
      if (end.right === "past" || (end.right === "ended" && (!isLive || step === "until"))) return "eof"
      if (end.right === "parked") yield* room(this.taker)
      else if (end.right === "ended" && step === "last") {
        const asked = this.isPolled ? Effect.succeed(this.found) : FollowEnd.reason(this.client, this.ask)
        const reason = yield* Effect.catchAll(asked, (problem) => this.recover(problem, isLive))
        if (reason !== undefined) return reason
      }
      const moved = this.given - before
      if (end.right === "doubtful" || (step === "last" && !this.isPolled)) yield* this.pause(moved)
      if (step === "go-on" && end.right === "ended" && this.isBusy()) yield* Effect.sleep(POLL_MS)
      else step = next(step, end.right, moved)
    }
  })

  private take(step: Step, isLive: boolean): Effect.Effect<StepEnd, Problem> {
    if (step === "history") return this.history.read(isLive)
    if (step === "follow") return this.isPolled ? this.poll() : this.follow()
    const begun = performance.now()
    const isDone = Effect.sync(() => {
      this.readMs = performance.now() - begun
    })
    return Effect.tap(this.window.goOn(this.check.counted(this.taker.cursor())), isDone)
  }

  private readonly follow = Effect.fnUntraced(function* (this: EngineReading) {
    const cursor = this.taker.cursor()
    const seek = new PlaceSeek(cursor, this.window.bounds(), this.window.patience())
    const watch = new FollowWatch(this.limit)
    this.check.begin(cursor)
    return yield* EngineQuestion.ask<StepEnd>(this.client, this.ask, {
      selection: { follow: true, ...this.window.selection(cursor) },
      taker: this.taker,
      parkMs: this.settings.parkMs,
      onOpen: this.onOpen,
      watch: (pass) => Effect.raceFirst(this.silence(pass), this.untilPassed(pass)),
      onRecord: (record) => {
        const finding = seek.next(record)
        const isRepeated = watch.isRepeated(record)
        if (finding === "skip" || finding === "past") return finding === "past" ? finding : undefined
        if (finding !== "give" || isRepeated || this.isTooMuch(watch, record)) return "doubtful"
        this.check.given()
        return this.give(record)
      },
    })
  })

  /** Instead of a follow: waits, and looks whether the container still runs, before what came meanwhile is read. */
  private readonly poll = Effect.fnUntraced(function* (this: EngineReading) {
    yield* Effect.sleep(Math.min(LONGEST_PAUSE_MS, Math.max(PODMAN_POLL_MS, this.readMs * POLL_REST)))
    this.found = yield* FollowEnd.reason(this.client, this.ask)
    const { until } = this.ask.query
    const isOver = until !== undefined && toMillis(until) + UNTIL_GRACE_MS <= (yield* Clock.currentTimeMillis)
    return isOver ? ("until" as const) : ("ended" as const)
  })

  /** Looks whether a follow that is silent has missed something. */
  private readonly silence = Effect.fnUntraced(function* (this: EngineReading, pass: EnginePass) {
    const { watchMs, lateMs } = this.settings
    for (;;) {
      yield* Effect.sleep(Math.max(watchMs - pass.quietMs(), watchMs / 8))
      if (pass.quietMs() < watchMs) continue
      const newest = yield* Effect.option(EngineQuestion.newest(this.client, this.ask))
      // Without headers it is not known whether there is an answer at all.
      if (Option.isNone(newest) && !pass.opened()) return "doubtful" as const
      const found = Option.getOrUndefined(newest)
      if (found !== undefined && !EngineQuestion.isSame(found, this.taker.cursor().last)) {
        yield* Effect.sleep(lateMs)
        if (pass.quietMs() >= watchMs) {
          this.window.doubt()
          return "doubtful" as const
        }
      } else yield* Effect.sleep(watchMs)
    }
  })

  /** The engine itself ends a follow only when something is written after `until`: a silent container would never end. */
  private readonly untilPassed = Effect.fnUntraced(function* (this: EngineReading, pass: EnginePass) {
    const { until } = this.ask.query
    if (until === undefined) return yield* Effect.never
    for (;;) {
      const left = toMillis(until) - (yield* Clock.currentTimeMillis)
      if (left <= 0) break
      yield* Effect.sleep(Math.min(left, 3_600_000))
    }
    while (pass.quietMs() < UNTIL_GRACE_MS) yield* Effect.sleep(100)
    return "until" as const
  })

  /** Waits until it may be tried again, or fails. A container that is gone has ended a follow. */
  private readonly recover = Effect.fnUntraced(function* (this: EngineReading, problem: Problem, isLive: boolean) {
    if (!this.isOpen && problem._tag !== "StreamError") return yield* asStreamError(problem)
    if (problem._tag === "LogsUnsupported") return yield* asStreamError(problem)
    if (problem._tag === "ContainerNotFound") return isLive ? ("removed" as const) : yield* brokenOff(problem)
    const now = yield* Clock.currentTimeMillis
    if (this.failures === 0 || this.given > this.givenAtFailure) {
      this.failures = 0
      this.failingSince = now
      this.givenAtFailure = this.given
    }
    this.failures++
    const isOver =
      problem._tag === "EngineUnavailable"
        ? now - this.failingSince >= this.settings.retryMs
        : this.failures >= MAX_WRONG_ANSWERS
    if (isOver) return yield* brokenOff(problem)
    yield* Effect.sleep(Math.min(LONGEST_PAUSE_MS, this.settings.retryMs, FIRST_PAUSE_MS * 2 ** (this.failures - 1)))
    return undefined
  })

  /** What brings nothing again and again is tried less and less often. */
  private pause(moved: number): Effect.Effect<void> {
    this.idle = moved > 0 ? 0 : this.idle + 1
    return this.idle < 2 ? Effect.void : Effect.sleep(Math.min(LONGEST_PAUSE_MS, 25 * 2 ** this.idle))
  }

  private isTooMuch(watch: FollowWatch, record: LogRecord): boolean {
    const isBurst = this.limit < Number.POSITIVE_INFINITY && watch.isBurst(record.end - record.start, performance.now())
    if (isBurst) this.busySince = { at: performance.now(), bytes: this.bytes }
    return isBurst
  }

  /** Whether still more comes since a burst than half of what is one. */
  private isBusy(): boolean {
    if (this.busySince === undefined) return false
    const now = performance.now()
    if (now - this.busySince.at < BURST_MS) return true
    const isCalm = this.bytes - this.busySince.bytes < (this.limit * (now - this.busySince.at)) / BURST_MS / 2
    this.busySince = isCalm ? undefined : { at: now, bytes: this.bytes }
    return !isCalm
  }

  private readonly onOpen = (): void => {
    this.isOpen = true
  }

  private readonly onPlaced = (): void => {
    this.isPlaced = this.isOpen = true
  }

  private readonly onGive = (record: LogRecord): void => {
    this.given++
    this.bytes += record.end - record.start
    this.isPlaced = true
  }

  private readonly give = (record: LogRecord): undefined => {
    this.onGive(record)
    this.taker.record(record)
    return undefined
  }
}

/** After something went wrong. */
const again = (step: Step, isPlaced: boolean): Step =>
  step === "until" || step === "last" || !isPlaced ? step : "go-on"

const next = (step: Step, end: StepEnd, given: number): Step => {
  if (end === "until") return "until"
  if (step === "until") return "until"
  if (end === "doubtful") return "go-on"
  if (end === "parked") return step === "last" ? "last" : "go-on"
  if (step === "follow") return "last"
  return step !== "last" && given > MANY_RECORDS ? "go-on" : "follow"
}

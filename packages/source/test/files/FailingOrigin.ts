/** An origin that becomes unable in the middle of a log. */
import { Deferred, Effect } from "effect"
import type { LogCursor } from "@rdl/core/log/LogCursor"
import type { LogGap } from "@rdl/core/log/LogGap"
import type { LogRecord } from "@rdl/core/log/LogRecord"
import { type LogOrigin, type LogTaker, OriginUnable } from "../../src/log/LogOrigin.ts"

/** Gives so many records more, then cannot go on; unless the log ends before. */
export const failAfter = (origin: LogOrigin, records: number): LogOrigin => ({
  name: origin.name,
  read: (ask, taker) =>
    Effect.gen(function* () {
      const failed = yield* Deferred.make<never, OriginUnable>()
      const fail = () => Deferred.unsafeDone(failed, new OriginUnable({ detail: "it was made to fail" }))
      return yield* Effect.raceFirst(origin.read(ask, new LimitedTaker(taker, records, fail)), Deferred.await(failed))
    }),
})

class LimitedTaker implements LogTaker {
  private readonly taker: LogTaker
  private readonly fail: () => void
  private left: number

  constructor(taker: LogTaker, left: number, fail: () => void) {
    this.taker = taker
    this.left = left
    this.fail = fail
    if (left === 0) fail()
  }

  record(record: LogRecord, offset?: number, lasts?: boolean): void {
    if (this.left === 0) return
    this.taker.record(record, offset, lasts)
    if (--this.left === 0) this.fail()
  }

  get literals(): ReadonlyArray<string> {
    return this.taker.literals
  }

  passed(count: number, last: LogRecord, offset?: number): void {
    if (this.left > 0) this.taker.passed(count, last, offset)
  }

  startAt(place: LogCursor): void {
    if (this.left > 0) this.taker.startAt(place)
  }

  file(device: number, inode: bigint): void {
    if (this.left > 0) this.taker.file(device, inode)
  }

  startAfter(record: LogRecord | undefined, offset?: number): void {
    if (this.left > 0) this.taker.startAfter(record, offset)
  }

  settled(): void {
    if (this.left > 0) this.taker.settled()
  }

  blocked(): boolean {
    return this.left === 0 || this.taker.blocked()
  }

  onRoom(callback: () => void): void {
    if (this.left > 0) this.taker.onRoom(callback)
  }

  gap(gap: Pick<LogGap, "since" | "until" | "reason">): void {
    if (this.left > 0) this.taker.gap(gap)
  }

  cursor() {
    return this.taker.cursor()
  }
}

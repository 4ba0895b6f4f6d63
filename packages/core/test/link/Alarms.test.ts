import { describe, expect, it } from "@effect/vitest"
import { Effect, FastCheck as fc, Scope, Exit, TestClock } from "effect"
import * as Alarms from "../../src/link/Alarms.ts"

/** Alarms over a clock that is turned by hand; `wakes` counts how often they were woken. */
const byHand = () => {
  let now = 0
  let wakes = 0
  let sleeping: Array<{ readonly at: number; readonly wake: () => void }> = []
  const failures: Array<unknown> = []
  const alarms = new Alarms.Alarms(
    () => now,
    (ms, wake) => void sleeping.push({ at: now + ms, wake }),
    (cause) => void failures.push(cause),
  )
  /** Lets time pass, from one that wakes to the next. */
  const until = (end: number) => {
    for (;;) {
      const [first] = sleeping.toSorted((a, b) => a.at - b.at)
      if (first === undefined || first.at > end) break
      sleeping = sleeping.filter((each) => each !== first)
      now = first.at
      wakes++
      first.wake()
    }
    now = end
  }
  return { alarms, until, failures, now: () => now, wakes: () => wakes, sleeping: () => sleeping.length }
}

describe("Alarms", () => {
  it("rings each once, never early and at most the grain late, also what is set while others ring", () => {
    const delay = fc.oneof(fc.nat(30_000), fc.double({ min: 0.001, max: 500, noNaN: true }))
    fc.assert(
      fc.property(fc.array(fc.tuple(delay, delay, fc.option(delay))), (plan) => {
        const { alarms, now, until } = byHand()
        let due = 0
        const set = (ms: number, again: number | null) => {
          const at = now() + ms
          due++
          alarms.after(ms, () => {
            due--
            expect(now()).toBeGreaterThanOrEqual(at)
            expect(now()).toBeLessThanOrEqual(at + Alarms.GRAIN_MS)
            if (again !== null) set(again, null)
          })
        }
        let start = 0
        for (const [wait, ms, again] of plan) {
          until((start += wait))
          set(ms, again)
        }
        until(start + 100_000)
        expect(due).toBe(0)
      }),
    )
  })

  it("is woken ten times a second at most, however many ring", () => {
    const { alarms, sleeping, until, wakes } = byHand()
    for (let at = 0; at < 10_000; at++) alarms.after(1_000 + at / 10, () => undefined)
    until(60_000)
    expect(wakes()).toBeLessThanOrEqual(12)
    expect(sleeping()).toBe(0)
  })

  it("rings on when one throws, and tells of it", () => {
    const { alarms, failures, until } = byHand()
    const rang: Array<number> = []
    for (const at of [1, 2, 3])
      alarms.after(at, () => {
        rang.push(at)
        if (at === 2) throw new Error("no")
      })
    until(1_000)
    expect([rang, failures]).toEqual([[1, 2, 3], [new Error("no")]])
  })

  it.effect(
    "rings by the Effect clock, to the millisecond where nothing rang just before, until its scope closes",
    () =>
      Effect.gen(function* () {
        const scope = yield* Scope.make()
        const alarms = yield* Scope.extend(Alarms.make, scope)
        const rang: Array<string> = []
        alarms.after(5_000, () => rang.push("later"))
        alarms.after(1_000, () => rang.push("sooner"))
        alarms.after(9_000, () => rang.push("never"))
        yield* TestClock.adjust("999 millis")
        expect(rang).toEqual([])
        yield* TestClock.adjust("1 millis")
        expect(rang).toEqual(["sooner"])
        yield* TestClock.adjust("4 seconds")
        expect(rang).toEqual(["sooner", "later"])
        yield* Scope.close(scope, Exit.void)
        yield* TestClock.adjust("1 minute")
        expect(rang).toEqual(["sooner", "later"])
      }),
  )
})

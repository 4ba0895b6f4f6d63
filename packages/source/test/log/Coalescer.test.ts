import { FastCheck as fc } from "effect"
import { describe, expect, it } from "vitest"
import { Coalescer, MAX_LINGER_MS, QUIET_MS } from "../../src/log/Coalescer.ts"

/** Tells of bytes at these times, and lets them leave whenever they are due, as its owner's timer would; when each left. */
const run = (times: ReadonlyArray<number>): ReadonlyArray<number> => {
  const left: Array<number> = []
  const coalescer = new Coalescer()
  let waiting = 0
  let now = 0
  const passUntil = (time: number) => {
    while (coalescer.due() < time) {
      now = Math.max(now, coalescer.due())
      for (; waiting > 0; waiting--) left.push(now)
      coalescer.left(now)
    }
  }
  for (const at of times) {
    passUntil(at)
    now = at
    waiting += 1
    coalescer.added(at)
  }
  passUntil(Number.POSITIVE_INFINITY)
  return left
}

const after = (gaps: ReadonlyArray<number>): ReadonlyArray<number> => {
  let at = 0
  return gaps.map((gap) => (at += gap))
}

const anyTimes = fc.array(fc.oneof(fc.nat(3), fc.nat(30)), { maxLength: 100 }).map(after)
/** They never leave it a quiet time. */
const steadyTimes = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 50, maxLength: 100 }).map(after)

describe("Coalescer", () => {
  it("keeps no byte longer than 3 ms", () => {
    fc.assert(
      fc.property(fc.oneof(anyTimes, steadyTimes), (times) => {
        const left = run(times)
        expect(left.length).toBe(times.length)
        for (const [index, at] of times.entries()) {
          expect(left[index]).toBeGreaterThanOrEqual(at)
          // Compared as the machine adds: the difference of two times is off by their rounding.
          expect(left[index]).toBeLessThanOrEqual(at + 3)
        }
      }),
    )
  })

  it("lets a line go at once after a quiet time", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: QUIET_MS, max: 1000 }), { maxLength: 20 }), (gaps) => {
        expect(run(after(gaps))).toEqual(after(gaps))
      }),
    )
  })

  it("gathers what comes faster than that", () => {
    const left = run(Array.from({ length: 1000 }, (_, at) => at))
    expect(new Set(left).size).toBeLessThanOrEqual(1000 / MAX_LINGER_MS + 2)
  })

  it("has nothing due where nothing waits", () => {
    const coalescer = new Coalescer()
    expect(coalescer.due()).toBe(Number.POSITIVE_INFINITY)
    coalescer.added(5)
    coalescer.left(5)
    expect(coalescer.due()).toBe(Number.POSITIVE_INFINITY)
  })
})

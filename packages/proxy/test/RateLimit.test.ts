import { describe, expect, it } from "@effect/vitest"
import { FastCheck as fc } from "effect"
import { MAX_KEYS, RateLimit } from "../src/RateLimit.ts"

describe("RateLimit", () => {
  it("grants the burst and then the rate, and tells how long to wait for the next", () => {
    let now = 0
    const limit = new RateLimit({ perSecond: 2, burst: 3 }, () => now)
    expect([1, 2, 3].map(() => limit.take("a"))).toEqual([0, 0, 0])
    expect(limit.take("a")).toBe(500)
    expect(limit.wait("a")).toBe(500)
    expect(limit.take("b")).toBe(0)
    now = 499
    expect(limit.take("a")).toBe(1)
    now = 500
    expect(limit.take("a")).toBe(0)
    now = 1_000_000
    expect([1, 2, 3, 4].map(() => limit.take("a"))).toEqual([0, 0, 0, 500])
  })

  it("grants no more than burst and rate together, however it is asked, and keeps its word about the wait", () => {
    const pauses = fc.array(fc.nat(3_000), { minLength: 1, maxLength: 60 })
    fc.assert(
      fc.property(
        pauses,
        fc.integer({ min: 1, max: 20 }),
        fc.integer({ min: 1, max: 9 }),
        (times, perSecond, burst) => {
          let now = 0
          let granted = 0
          const limit = new RateLimit({ perSecond, burst }, () => now)
          for (const pause of times) {
            now += pause
            for (let tries = 0; tries < 5; tries++) if (limit.take("a") === 0) granted++
            expect(granted).toBeLessThanOrEqual(burst + (now / 1000) * perSecond + 1e-6)
            now += limit.wait("a")
            expect(limit.wait("a")).toBe(0)
          }
        },
      ),
    )
  })

  it("remembers a bounded number of keys, and forgets the one not used for longest", () => {
    const limit = new RateLimit({ perSecond: 1, burst: 1 }, () => 0)
    limit.take("old")
    limit.take("used")
    for (let key = 0; key < MAX_KEYS - 1; key++) {
      limit.take("used")
      limit.take(String(key))
    }
    expect(limit.size).toBe(MAX_KEYS)
    expect(limit.wait("old")).toBe(0)
    expect(limit.wait("used")).toBeGreaterThan(0)
  })
})

import { FastCheck as fc } from "effect"
import { describe, expect, it } from "vitest"
import * as Backoff from "../src/Backoff.ts"

const failures = fc.nat(2_000)

describe("The wait after a failed exchange", () => {
  it("is random up to 100 ms at first, up to twice as much after each, and never over 5 s", () => {
    fc.assert(
      fc.property(failures, (count) => {
        const ms = Backoff.wait(Backoff.defaults, count, 0, undefined) ?? Number.NaN
        expect(ms).toBeGreaterThanOrEqual(0)
        expect(ms).toBeLessThanOrEqual(Math.min(5_000, 100 * 2 ** count))
      }),
    )
    const many = Array.from({ length: 500 }, () => Backoff.wait(Backoff.defaults, 50, 0, undefined) ?? Number.NaN)
    expect(Math.max(...many)).toBeGreaterThan(4_000)
    expect(Math.min(...many)).toBeLessThan(1_000)
  })

  it("comes to nothing once 30 s would be over without success", () => {
    fc.assert(
      fc.property(failures, fc.nat(60_000), fc.option(fc.nat(60_000), { nil: undefined }), (count, elapsed, asked) => {
        const ms = Backoff.wait(Backoff.defaults, count, elapsed, asked)
        const isLost = ms === undefined
        // The longest wait there is would be too long; the one there was is not.
        expect(!isLost || elapsed + Math.max(5_000, asked ?? 0) >= 30_000).toBe(true)
        expect(isLost || elapsed + ms < 30_000).toBe(true)
        expect(isLost || elapsed + (asked ?? 0) < 30_000).toBe(true)
      }),
    )
  })

  it("is as long as was asked for", () => {
    expect(Backoff.wait(Backoff.defaults, 0, 0, 7_000)).toBe(7_000)
  })
})

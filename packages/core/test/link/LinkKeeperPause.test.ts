import { describe, expect, it } from "@effect/vitest"
import { FastCheck as fc } from "effect"
import { type LinkDialError } from "@rdl/core/link/Link"
import * as LinkKeeper from "@rdl/core/link/LinkKeeper"
import { seconds, dialError, lost, random, transient, refused, conflict } from "./KeeperWorld.ts"
describe("the pause before the next dial", () => {
  it("lies between 0 and 250 ms after the first failure, and twice as much after each, up to 30 s", () => {
    fc.assert(
      fc.property(transient, fc.nat(5000), random, (cause, failures, chance) => {
        const cap = Math.min(seconds(30), 250 * 2 ** failures)
        const pause = LinkKeeper.pauseMs(cause, failures, chance)
        expect(pause).toBeGreaterThanOrEqual(0)
        expect(pause).toBeLessThanOrEqual(cap)
        expect(Math.abs(pause - chance * cap)).toBeLessThanOrEqual(0.5)
      }),
    )
  })

  it("uses the whole span, so that a fleet spreads out", () => {
    expect(LinkKeeper.pauseMs(lost(0), 20, 0)).toBe(0)
    expect(LinkKeeper.pauseMs(lost(0), 20, 0.9999999)).toBe(seconds(30))
  })

  it("is 60 s and half of it more or less after a refused token, however often", () => {
    fc.assert(
      fc.property(refused, fc.nat(5000), random, (cause, failures, chance) => {
        const pause = LinkKeeper.pauseMs(cause, failures, chance)
        expect(pause).toBeGreaterThanOrEqual(seconds(30))
        expect(pause).toBeLessThanOrEqual(seconds(90))
      }),
    )
  })

  it("is 10 s and half of it more or less while another has the name", () => {
    fc.assert(
      fc.property(conflict, fc.nat(5000), random, (cause, failures, chance) => {
        const pause = LinkKeeper.pauseMs(cause, failures, chance)
        expect(pause).toBeGreaterThanOrEqual(seconds(5))
        expect(pause).toBeLessThanOrEqual(seconds(15))
      }),
    )
  })

  it("is never shorter than the proxy asked for, up to 10 min, with the jitter on top", () => {
    const reason = fc.constantFrom<LinkDialError["reason"]>("unavailable", "unsupported", "refused", "conflict")
    const code = fc.integer({ min: 0, max: 11 })
    const asking = fc.oneof(
      reason.map((why) => (asked?: number) => dialError(why, asked)),
      code.map((why) => (asked?: number) => lost(why, false, asked)),
    )
    const asked = fc.integer({ min: 0, max: seconds(100_000) })
    fc.assert(
      fc.property(asking, asked, fc.nat(50), random, (fail, retryAfterMs, failures, chance) => {
        const own = LinkKeeper.pauseMs(fail(), failures, chance)
        const pause = LinkKeeper.pauseMs(fail(retryAfterMs), failures, chance)
        expect(Math.abs(pause - own - Math.min(retryAfterMs, seconds(600)))).toBeLessThanOrEqual(1)
      }),
    )
  })

  it("is a number of milliseconds whatever the proxy asks for", () => {
    for (const retryAfterMs of [NaN, Infinity, -Infinity, -5]) {
      const pause = LinkKeeper.pauseMs(lost(0, false, retryAfterMs), 0, 0.5)
      expect([125, seconds(600) + 125]).toContain(pause)
    }
  })
})

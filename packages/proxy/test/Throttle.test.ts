import { afterEach, beforeEach, describe, expect, it } from "@effect/vitest"
import { FastCheck as fc } from "effect"
import { vi } from "vitest"
import { Throttle } from "../src/Throttle.ts"

const clock = { toFake: ["setTimeout", "clearTimeout", "performance"] as Array<"setTimeout"> }

describe("Throttle", () => {
  beforeEach(() => void vi.useFakeTimers(clock))
  afterEach(() => void vi.useRealTimers())

  const metered = (throttle: Throttle, user: string, source: string) => {
    const given: Array<number> = []
    const meter = throttle.meter(user, source, (bytes) => void given.push(bytes))
    return { ...meter, total: () => given.reduce((sum, bytes) => sum + bytes, 0), given }
  }

  it("hands every call on at once where there is no rate", () => {
    const { consumed, given } = metered(new Throttle({ perUser: Infinity, perSource: Infinity }), "ann", "edge-1")
    for (let call = 0; call < 100; call++) consumed(1_000_000)
    expect(given).toHaveLength(100)
  })

  it("gives credit back at the rate once a second's worth has left, and loses none of it", () => {
    const { consumed, total } = metered(new Throttle({ perUser: 1_000, perSource: Infinity }), "ann", "edge-1")
    for (let call = 0; call < 50; call++) consumed(100)
    expect(total()).toBe(1_000)
    vi.advanceTimersByTime(1_020)
    expect(total()).toBeGreaterThanOrEqual(1_900)
    expect(total()).toBeLessThanOrEqual(2_100)
    vi.advanceTimersByTime(10_000)
    expect(total()).toBe(5_000)
  })

  it("counts all logs of one user together, and users apart", () => {
    const throttle = new Throttle({ perUser: 1_000, perSource: Infinity })
    const [one, two, other] = [
      metered(throttle, "ann", "edge-1"),
      metered(throttle, "ann", "edge-2"),
      metered(throttle, "bob", "edge-1"),
    ]
    for (const { consumed } of [one, two, other]) consumed(1_000)
    expect([one.total(), two.total(), other.total()]).toEqual([1_000, 0, 1_000])
    vi.advanceTimersByTime(1_040)
    expect(two.total()).toBe(1_000)
  })

  it("counts all users of one source together, and tells of each wait", () => {
    let waits = 0
    const throttle = new Throttle({ perUser: Infinity, perSource: 1_000 }, () => void waits++)
    const [ann, bob] = [metered(throttle, "ann", "edge-1"), metered(throttle, "bob", "edge-1")]
    ann.consumed(1_000)
    expect(waits).toBe(0)
    bob.consumed(500)
    expect([bob.total(), waits]).toEqual([0, 1])
    vi.advanceTimersByTime(540)
    expect(bob.total()).toBe(500)
  })

  it("remembers 10,000 spenders, and lets the one not used for longest begin anew", () => {
    const throttle = new Throttle({ perUser: 1_000, perSource: Infinity })
    const spend = (user: string) => {
      const { consumed, total } = metered(throttle, user, "edge-1")
      consumed(1_000)
      return total()
    }
    expect([spend("first"), spend("used"), spend("first")]).toEqual([1_000, 1_000, 0])
    for (let user = 0; user < 9_998; user++) spend(`${user}`)
    expect(spend("used")).toBe(0)
    expect(spend("first")).toBe(0)
    for (let user = 0; user < 9_999; user++) {
      spend(`more ${user}`)
      if (user % 1_000 === 0) spend("used")
    }
    expect([spend("first"), spend("used")]).toEqual([1_000, 0])
  })

  it("gives nothing back once it is closed", () => {
    const meter = metered(new Throttle({ perUser: 1_000, perSource: Infinity }), "ann", "edge-1")
    meter.consumed(10_000)
    meter.close()
    vi.advanceTimersByTime(60_000)
    expect(meter.total()).toBe(0)
  })

  it("never gives back more than the burst and the rate, whatever the pieces, and in the end all", () => {
    const piece = fc.record({ bytes: fc.integer({ min: 1, max: 5_000 }), pause: fc.nat(400) })
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 60 }), (pieces) => {
        const began = performance.now()
        const meter = metered(new Throttle({ perUser: 4_000, perSource: Infinity }), "ann", "edge-1")
        for (const { bytes, pause } of pieces) {
          meter.consumed(bytes)
          vi.advanceTimersByTime(pause)
          const seconds = (performance.now() - began) / 1000
          expect(meter.total()).toBeLessThanOrEqual(4_000 * (1 + seconds) + 1)
        }
        vi.advanceTimersByTime(200_000)
        expect(meter.total()).toBe(pieces.reduce((sum, { bytes }) => sum + bytes, 0))
      }),
      { numRuns: 50 },
    )
  })
})

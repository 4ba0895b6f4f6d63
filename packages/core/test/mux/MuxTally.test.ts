import { FastCheck } from "effect"
import { describe, expect, it } from "vitest"
import * as Frame from "../../src/link/Frame.ts"
import { FrameType } from "../../src/link/FrameType.ts"
import { MAX_PER_MS, SourceTallies } from "../../src/link/SourceTallies.ts"
import { MuxPair } from "./MuxPair.ts"
import { feed, json } from "./MuxPeer.ts"

const nothing = { lines: 0, parks: 0, creditWaits: 0, fallbacks: 0, withheldLines: 0 }
const tally = (value: unknown) => json(FrameType.tally, 0, value)

/** Lets so much time pass at both ends. */
const pass = (pair: MuxPair, ms: number) => {
  pair.now += ms
  pair.source.tick(pair.now)
  pair.proxy.tick(pair.now)
  pair.settle()
}

describe("a tally (docs/protocol.md#tally)", () => {
  it("follows a heartbeat where there is something to tell, and is told once", () => {
    const pair = MuxPair.ready()
    expect(pair.sent.source).not.toContain("TALLY")
    pair.untold = { ...nothing, lines: 7 }
    pass(pair, 14_999)
    expect(pair.tallies).toEqual([])
    pass(pair, 1)
    expect(pair.sent.source.filter((name) => name !== "PONG")).toEqual(["PING", "TALLY"])
    pass(pair, 30_000)
    expect(pair.tallies).toEqual([{ ...nothing, lines: 7 }])
    expect(pair.failures).toEqual([])
  })

  it("may be skipped by whoever does not know it", () => {
    const frame = Frame.tally(new TextEncoder().encode("{}"))
    expect(frame[1]! & Frame.IGNORABLE).toBe(Frame.IGNORABLE)
    frame[0] = 0x7f
    expect(Frame.check(frame, 65_536)).toBe(0)
  })

  it("counts what it does not name as nothing, and what nobody knows not at all", () => {
    const pair = MuxPair.ready()
    expect(feed(pair, "proxy", tally({ parks: 2, moons: 3 }), tally({}))).toBeUndefined()
    expect(pair.tallies).toEqual([{ ...nothing, parks: 2 }, nothing])
  })

  it.each([[{ lines: -1 }], [{ lines: 0.5 }], [{ lines: 2 ** 32 }], [{ parks: "1" }], [{ parks: null }], [[]], [12]])(
    "that reads %j ends the session",
    (value) => {
      const pair = MuxPair.ready()
      expect(feed(pair, "proxy", tally(value))).toMatch(/^1: TALLY is not as it must be/)
      expect(pair.tallies).toEqual([])
    },
  )

  it("ends the session where it is too long, on a stream, before WELCOME, or from a proxy", () => {
    expect(feed(MuxPair.ready(), "proxy", tally({ more: "x".repeat(1_024) }))).toMatch(/^4: TALLY has/)
    expect(feed(MuxPair.ready(), "proxy", json(FrameType.tally, 1, {}))).toBe("1: TALLY stands on stream 1")
    expect(feed(new MuxPair(), "proxy", tally({}))).toBe("1: the first frame must be HELLO, not TALLY")
    expect(feed(MuxPair.ready(), "source", tally({}))).toBe("1: TALLY may not come from a proxy")
  })
})

describe("The sums of what sources told", () => {
  const count = FastCheck.integer({ min: 0, max: 0xffff_ffff })
  const told = FastCheck.record({
    of: FastCheck.constantFrom(0, 1),
    after: FastCheck.oneof(FastCheck.constant(0), FastCheck.double({ min: 0, max: 1e9, noNaN: true })),
    tally: FastCheck.record({ lines: count, parks: count, creditWaits: count, fallbacks: count, withheldLines: count }),
  })

  it("only grow, by whole numbers, and by no more than a link's time allows, whatever it tells", () => {
    FastCheck.assert(
      FastCheck.property(FastCheck.array(told, { maxLength: 50 }), (all) => {
        const sums = new SourceTallies()
        const links = [sums.link(0), sums.link(0)]
        const times = [0, 0]
        for (const { of, after, tally: one } of all) {
          const before = { ...sums.totals }
          times[of]! += after
          links[of]!(one, times[of]!)
          for (const name of Object.keys(nothing) as ReadonlyArray<keyof typeof nothing>) {
            const grown = sums.totals[name] - before[name]
            expect(Number.isSafeInteger(sums.totals[name])).toBe(true)
            expect(grown).toBeGreaterThanOrEqual(0)
            expect(grown).toBeLessThanOrEqual(Math.min(one[name], after * MAX_PER_MS))
          }
        }
      }),
    )
  })

  it("are those of all links, as they were told where that can be", () => {
    const sums = new SourceTallies()
    const [one, other] = [sums.link(0), sums.link(5)]
    one({ ...nothing, lines: 5, parks: 1 }, 15_000)
    other({ ...nothing, lines: 6, withheldLines: 2 }, 15_000)
    one({ ...nothing, lines: 1 }, 15_001)
    expect(sums.totals).toEqual({ ...nothing, lines: 12, parks: 1, withheldLines: 2 })
  })

  it("stay what a number can hold", () => {
    const sums = new SourceTallies()
    const link = sums.link(0)
    for (let n = 1; n < 2 ** 21 + 10; n++) link({ ...nothing, lines: 0xffff_ffff }, n * 1e9)
    expect(sums.totals.lines).toBe(Number.MAX_SAFE_INTEGER)
  })
})

import { FastCheck as fc } from "effect"
import { describe, expect, it } from "vitest"
import * as SourceCounters from "../src/SourceCounters.ts"

describe("What a source has counted", () => {
  it("is told once, all of it, and not at all where it is nothing", () => {
    const name = fc.constantFrom("lines", "parks", "creditWaits", "fallbacks", "withheldLines")
    const step = fc.oneof(fc.constant("tell" as const), fc.record({ name, more: fc.nat(1_000_000) }))
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        SourceCounters.untold()
        const counted = { lines: 0, parks: 0, creditWaits: 0, fallbacks: 0, withheldLines: 0 }
        const told = { ...counted }
        for (const one of [...steps, "tell" as const]) {
          if (one !== "tell") {
            SourceCounters[one.name].unsafeUpdate(one.more, [])
            counted[one.name] += one.more
            continue
          }
          const tally = SourceCounters.untold()
          for (const each of Object.keys(told) as ReadonlyArray<keyof typeof told>) told[each] += tally?.[each] ?? 0
          expect(told).toEqual(counted)
          expect(SourceCounters.untold()).toBeUndefined()
        }
      }),
    )
  })

  it("is told in parts where it is more than one can hold", () => {
    SourceCounters.untold()
    SourceCounters.lines.unsafeUpdate(2 ** 32 + 5, [])
    expect([SourceCounters.untold()?.lines, SourceCounters.untold()?.lines, SourceCounters.untold()]).toEqual([
      2 ** 32 - 1,
      6,
      undefined,
    ])
  })
})

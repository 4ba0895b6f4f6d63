import type { Tally } from "@rdl/core/link/LinkMessage"
import { FastCheck as fc } from "effect"
import { describe, expect, it } from "vitest"
import { creditWaits, fallbacks, lines, parks, untold, withheldLines } from "../src/SourceCounters.ts"

const counters = { lines, parks, creditWaits, fallbacks, withheldLines }

describe("What a source has counted", () => {
  it("is told once, all of it, and not at all where it is nothing", () => {
    const name = fc.constantFrom<keyof Tally>("lines", "parks", "creditWaits", "fallbacks", "withheldLines")
    const step = fc.oneof(fc.constant("tell" as const), fc.record({ name, more: fc.nat(1_000_000) }))
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        untold()
        const counted = { lines: 0, parks: 0, creditWaits: 0, fallbacks: 0, withheldLines: 0 }
        const told = { ...counted }
        for (const one of [...steps, "tell" as const]) {
          if (one !== "tell") {
            counters[one.name].unsafeUpdate(one.more, [])
            counted[one.name] += one.more
            continue
          }
          const tally = untold()
          for (const each of Object.keys(told) as ReadonlyArray<keyof typeof told>) told[each] += tally?.[each] ?? 0
          expect(told).toEqual(counted)
          expect(untold()).toBeUndefined()
        }
      }),
    )
  })

  it("is told in parts where it is more than one can hold", () => {
    untold()
    lines.unsafeUpdate(2 ** 32 + 5, [])
    expect([untold()?.lines, untold()?.lines, untold()]).toEqual([2 ** 32 - 1, 6, undefined])
  })
})

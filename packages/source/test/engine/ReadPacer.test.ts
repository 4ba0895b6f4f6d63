import { FastCheck as fc } from "effect"
import { describe, expect, it } from "vitest"
import { FREE_READS, ReadPacer, REST_MS, ROW_GAP_MS, SHORT_READ } from "../../src/engine/ReadPacer.ts"

const reads = (length: number, bytes: number, gap: number): ReadonlyArray<boolean> => {
  const pacer = new ReadPacer()
  let now = 0
  return Array.from({ length }, () => {
    now += gap
    const rests = pacer.restsAfter(bytes, now)
    if (rests) now += REST_MS
    return rests
  })
}

describe("ReadPacer", () => {
  it("never rests after what comes now and then", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(100_000), fc.double({ min: 0.001, max: 50, noNaN: true }))), (steps) => {
        const pacer = new ReadPacer()
        let now = 0
        for (const [bytes, gap] of steps) {
          now += ROW_GAP_MS + gap
          expect(pacer.restsAfter(bytes, now)).toBe(false)
        }
      }),
    )
  })

  it("never rests after a long read, which more may be waiting behind", () => {
    expect(reads(50, SHORT_READ, 0)).not.toContain(true)
  })

  it("rests after each of many short reads in a row, but for the first few", () => {
    const rests = reads(50, SHORT_READ - 1, 0.1)
    expect(rests.indexOf(true)).toBe(FREE_READS)
    expect(rests.slice(FREE_READS)).not.toContain(false)
  })

  it("begins anew after a silence", () => {
    const pacer = new ReadPacer()
    for (let read = 0; read <= FREE_READS; read++) pacer.restsAfter(1, 0)
    expect(pacer.restsAfter(1, REST_MS + ROW_GAP_MS)).toBe(true)
    expect(pacer.restsAfter(1, 100)).toBe(false)
  })
})

import { FastCheck as fc } from "effect"
import { describe, expect, it } from "vitest"
import { Coalescer, MAX_LINGER_MS, MAX_PIECE, QUIET_MS } from "../src/Coalescer.ts"

interface Left {
  readonly at: number
  readonly piece: Uint8Array
}

/** Adds each part at its time, and flushes whenever something is due, as its owner's timer would. */
const run = (parts: ReadonlyArray<{ readonly at: number; readonly bytes: Uint8Array }>): ReadonlyArray<Left> => {
  const left: Array<Left> = []
  let now = 0
  const coalescer = new Coalescer((piece) => left.push({ at: now, piece }))
  const passUntil = (time: number) => {
    while (coalescer.due() < time) {
      now = Math.max(now, coalescer.due())
      coalescer.flush(now)
    }
  }
  for (const { at, bytes } of parts) {
    passUntil(at)
    now = at
    coalescer.add(bytes, at)
  }
  passUntil(Number.POSITIVE_INFINITY)
  return left
}

const anyParts = fc
  .array(
    fc.record({
      gap: fc.oneof(fc.nat(3), fc.nat(30)),
      length: fc.oneof(fc.nat(300), fc.nat(MAX_PIECE * 3), fc.constantFrom(MAX_PIECE - 1, MAX_PIECE, MAX_PIECE + 1)),
    }),
    { maxLength: 60 },
  )
  .map((parts) => {
    let at = 0
    let byte = 0
    return parts.map(({ gap, length }) => {
      at += gap
      const bytes = Uint8Array.from({ length }, () => byte++ % 251)
      return { at, bytes }
    })
  })

/** Small pieces that never leave it a quiet time. */
const anySteadyParts = fc
  .array(fc.integer({ min: 1, max: 300 }), { minLength: 50, maxLength: 100 })
  .map((lengths) => lengths.map((length, at) => ({ at, bytes: new Uint8Array(length) })))

/** How long the last byte of any part waited, at most. */
const longestWait = (parts: Parameters<typeof run>[0], left: ReadonlyArray<Left>): number => {
  let longest = 0
  let sent = 0
  for (const { at, bytes } of parts.filter((part) => part.bytes.length > 0)) {
    sent += bytes.length
    let received = 0
    const last = left.find(({ piece }) => (received += piece.length) >= sent)
    longest = Math.max(longest, (last?.at ?? Number.POSITIVE_INFINITY) - at)
  }
  return longest
}

describe("Coalescer", () => {
  it("hands out every byte once, in order, in pieces of at most 64 KiB", () => {
    fc.assert(
      fc.property(anyParts, (parts) => {
        const left = run(parts)
        expect(left.every(({ piece }) => piece.length > 0 && piece.length <= MAX_PIECE)).toBe(true)
        const given = Buffer.concat(parts.map(({ bytes }) => bytes))
        expect(Buffer.concat(left.map(({ piece }) => piece)).equals(given)).toBe(true)
      }),
      { numRuns: 40 },
    )
  })

  it("keeps no byte longer than 10 ms", () => {
    fc.assert(
      fc.property(fc.oneof(anyParts, anySteadyParts), (parts) => {
        expect(longestWait(parts, run(parts))).toBeLessThanOrEqual(MAX_LINGER_MS)
      }),
      { numRuns: 40 },
    )
  })

  it("lets a line go at once after a quiet time", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: QUIET_MS, max: 1000 }), { maxLength: 20 }), (gaps) => {
        let at = 0
        const parts = gaps.map((gap) => ({ at: (at += gap), bytes: new Uint8Array(100) }))
        expect(run(parts).map((left) => left.at)).toEqual(parts.map((part) => part.at))
      }),
    )
  })

  it("gathers what comes faster than that", () => {
    const parts = Array.from({ length: 1000 }, (_, at) => ({ at, bytes: new Uint8Array(100) }))
    expect(run(parts).length).toBeLessThanOrEqual(1000 / MAX_LINGER_MS + 2)
  })

  it("gives each piece a buffer of its own", () => {
    const left = run([
      { at: 0, bytes: new Uint8Array(MAX_PIECE + 5).fill(1) },
      { at: 50, bytes: new Uint8Array(5).fill(2) },
    ])
    expect(left.map(({ piece }) => piece[0])).toEqual([1, 1, 2])
    expect(new Set(left.map(({ piece }) => piece.buffer)).size).toBe(3)
  })
})

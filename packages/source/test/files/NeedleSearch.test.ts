import { describe, expect, it } from "@effect/vitest"
import { FastCheck as fc } from "effect"
import { NeedleSearch } from "@rdl/source/files/NeedleSearch"

/** What is written in few letters has most of a text in it, again and again. */
const written = (letters: string, minLength: number, maxLength: number) =>
  fc.stringOf(fc.constantFrom(...letters.split("")), { minLength, maxLength })
const block = fc.oneof(
  written("ab", 0, 300),
  written("aaaaaaaab", 0, 300),
  fc.tuple(fc.nat(40), written("aaaaaaaab", 1, 60)).map(([times, text]) => text.repeat(times)),
  fc.string({ maxLength: 60 }),
)
const needle = fc.oneof(written("ab", 3, 14), written("aaaaab", 3, 14), fc.string({ minLength: 3, maxLength: 9 }))

/** What comes of searching one block after the other to its end, the text being put into each where it is said. */
const places = (
  find: (bytes: Buffer, start: number, end: number) => number,
  blocks: ReadonlyArray<Buffer>,
  over: number,
): ReadonlyArray<ReadonlyArray<number>> =>
  blocks.map((bytes) => {
    const end = Math.max(0, bytes.length - over)
    const found: Array<number> = []
    for (let at = find(bytes, 0, end); at < end; at = find(bytes, at + 1, end)) found.push(at)
    return found
  })

describe("NeedleSearch", () => {
  it("finds a text wherever it is in a block, whatever it learned from those before, and nothing behind the block's end", () => {
    fc.assert(
      fc.property(
        needle,
        fc.array(fc.tuple(block, fc.boolean(), block), { minLength: 1, maxLength: 5 }),
        fc.nat(20),
        (text, parts, over) => {
          const wanted = Buffer.from(text)
          const blocks = parts.map(([one, has, other]) => Buffer.from(`${one}${has ? text : ""}${other}`))
          const search = new NeedleSearch(wanted)
          const plain = (bytes: Buffer, start: number, end: number): number => {
            const found = bytes.subarray(0, end).indexOf(wanted, start)
            return found < 0 ? end : found
          }
          const found = places((bytes, start, end) => search.find(bytes, start, end), blocks, over)
          expect(found).toEqual(places(plain, blocks, over))
        },
      ),
      { numRuns: Number(process.env["RDL_TEST_RUNS"] ?? 500) },
    )
  })

  it("finds a text whose parts are everywhere", () => {
    const bytes = Buffer.from(`${"one two ".repeat(5000)}one two three${" two three".repeat(3000)}`)
    for (const text of ["one two three", "two three two", "e two three", "three"]) {
      const search = new NeedleSearch(Buffer.from(text))
      for (const start of [0, 39_990, 40_003, 40_020, 0, 39_999])
        expect(search.find(bytes, start, bytes.length)).toBe(
          bytes.includes(text, start) ? bytes.indexOf(text, start) : bytes.length,
        )
    }
  })
})

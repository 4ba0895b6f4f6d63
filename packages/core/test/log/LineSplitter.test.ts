import { describe, expect, it } from "vitest"
import { FastCheck as fc } from "effect"
import * as LineSplitter from "../../src/log/LineSplitter.ts"

const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes)

describe("LineSplitter", () => {
  it("gives the lines of the whole, however it is cut", () => {
    fc.assert(
      fc.property(fc.array(fc.string({ maxLength: 20 })), fc.array(fc.nat(400)), (parts, cuts) => {
        const lines = parts.map((part) => part.replaceAll("\n", ""))
        const all = new TextEncoder().encode(lines.map((each) => `${each}\n`).join("") + "rest")
        const found: Array<string> = []
        const splitter = LineSplitter.make(1000, (bytes) => found.push(decode(bytes)))
        let from = 0
        for (const to of [...cuts.sort((a, b) => a - b), all.length]) {
          const piece = Buffer.from(all.subarray(from, to))
          expect(splitter.push(piece)).toBe(true)
          // Who pushes may use its buffer again.
          piece.fill(0xaa)
          from = Math.min(to, all.length)
        }
        expect(found).toEqual(lines.map((each) => decode(new TextEncoder().encode(each))))
        expect(splitter.pending()).toBe(4)
      }),
    )
  })

  it("takes a line of the bound and no longer one, and then nothing any more", () => {
    const found: Array<string> = []
    const splitter = LineSplitter.make(4, (bytes) => found.push(decode(bytes)))
    expect(splitter.push(new TextEncoder().encode("abcd\nab"))).toBe(true)
    expect(splitter.push(new TextEncoder().encode("cde"))).toBe(false)
    expect(splitter.push(new TextEncoder().encode("\nx\n"))).toBe(false)
    expect(splitter.pending()).toBe(0)
    expect(found).toEqual(["abcd"])
  })
})

import { FastCheck as fc } from "effect"
import { describe, expect, it } from "vitest"
import { LogOutput } from "../../src/log/LogOutput.ts"
import { writeJsonText } from "../../src/log/LogNdjsonText.ts"
import { incompleteTail } from "../../src/log/LogUtf8.ts"

/** Bytes that are often nearly UTF-8. */
const almostText = fc
  .array(
    fc.oneof(
      fc.uint8Array({ maxLength: 4 }),
      fc.fullUnicodeString({ maxLength: 4 }).map((text) => new TextEncoder().encode(text)),
      fc
        .constantFrom(
          [0xe0, 0x9f],
          [0xed, 0xa0, 0x80],
          [0xf0, 0x8f, 0x80],
          [0xf4, 0x90],
          [0xf1, 0x80, 0x80],
          [0xc0, 0x80],
          [0xff],
          [0xe2, 0x82],
        )
        .map((bytes) => Uint8Array.from(bytes)),
    ),
    { maxLength: 8 },
  )
  .map((parts) => Uint8Array.from(parts.flatMap((part) => [...part])))

const output = new LogOutput(false)

const json = (bytes: Uint8Array): string => {
  const out: Array<Uint8Array> = []
  output.begin((piece) => out.push(piece))
  writeJsonText(output, bytes, 0, bytes.length)
  output.flush()
  return Buffer.concat(out).toString("utf8")
}

const decode = (bytes: Uint8Array): string => new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes)

describe("bytes that may be text", () => {
  it("become the JSON that a TextDecoder and JSON.stringify make of them", () => {
    fc.assert(
      fc.property(almostText, (bytes) => {
        expect(json(bytes)).toBe(JSON.stringify(decode(bytes)).slice(1, -1))
      }),
      { numRuns: 2000 },
    )
  })

  it("do so for every pair of bytes", () => {
    const wrong = Array.from({ length: 65_536 }, (_, pair) => Uint8Array.of(pair >> 8, pair & 0xff)).filter(
      (bytes) => json(bytes) !== JSON.stringify(decode(bytes)).slice(1, -1),
    )
    expect(wrong).toEqual([])
  })

  it("are cut between characters: what goes before the cut reads as before", () => {
    fc.assert(
      fc.property(almostText, fc.nat(), (bytes, at) => {
        const end = at % (bytes.length + 1)
        const tail = incompleteTail(bytes, 0, end)
        expect(decode(bytes.subarray(0, end - tail)) + decode(bytes.subarray(end - tail))).toBe(decode(bytes))
      }),
      { numRuns: 2000 },
    )
  })
})

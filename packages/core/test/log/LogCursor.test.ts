import { FastCheck as fc } from "effect"
import { describe, expect, it } from "vitest"
import * as LogCursor from "../../src/log/LogCursor.ts"

const record = fc.record({ nanos: fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n), hash: fc.nat(0xffffffff) })

const cursor = fc
  .record({
    container: fc.stringMatching(/^[0-9a-f]{16}$/),
    anchor: fc.option(record, { nil: undefined }),
    last: record,
    count: fc.nat(2 ** 48 - 1),
    lines: fc.nat(0xffffffff),
    file: fc.option(
      fc.record({
        device: fc.nat(0xffffffff),
        inode: fc.bigInt(0n, 2n ** 64n - 1n),
        offset: fc.nat(2 ** 48 - 1),
      }),
      { nil: undefined },
    ),
  })
  .map(({ anchor, last, count, file, ...rest }): LogCursor.LogCursor => ({
    ...rest,
    count,
    ...(anchor === undefined ? {} : { anchor }),
    ...(count === 0 ? {} : { last }),
    ...(file === undefined ? {} : { file }),
  }))

describe("LogCursor", () => {
  it("is read back as it was written, as bytes and as text", () => {
    fc.assert(
      fc.property(cursor, (cursor) => {
        const bytes = LogCursor.encode(cursor)
        expect(bytes.length).toBeLessThanOrEqual(LogCursor.MAX_BYTES)
        expect(LogCursor.decode(bytes)).toEqual(cursor)
        expect(LogCursor.fromText(LogCursor.toText(bytes))).toEqual(cursor)
      }),
    )
  })

  it("takes at most the 64 bytes of a MARK", () => {
    expect(LogCursor.MAX_BYTES).toBeLessThanOrEqual(64)
  })

  it("is none where a byte is missing, where one is too many, and in another version", () => {
    fc.assert(
      fc.property(cursor, fc.integer({ min: 2, max: 255 }), (cursor, version) => {
        const bytes = LogCursor.encode(cursor)
        expect(LogCursor.decode(bytes.subarray(1))).toBeUndefined()
        expect(LogCursor.decode(bytes.subarray(0, -1))).toBeUndefined()
        expect(LogCursor.decode(Uint8Array.from([...bytes, 0]))).toBeUndefined()
        expect(LogCursor.decode(Uint8Array.from([version, ...bytes.subarray(1)]))).toBeUndefined()
      }),
    )
  })

  it("is none in any text that is no base64url of one", () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(LogCursor.fromText(text)).toBeUndefined()
      }),
    )
  })

  it("tells records apart by stream, length, and either end, and knows one that lost its newline", () => {
    const hash = (stream: 1 | 2, text: string) => {
      const bytes = new TextEncoder().encode(`>>${text}<<`)
      return LogCursor.hashOf(stream, bytes, 2, bytes.length - 2)
    }
    const long = "x".repeat(16_384)
    const all = ["", "a", "b", "ab", long, `y${long.slice(1)}`, `${long.slice(1)}y`, long.slice(1)]
    const hashes = all.flatMap((text) => [hash(1, text), hash(2, text)])
    expect(new Set(hashes).size).toBe(hashes.length)
    for (const text of all) expect(hash(1, `${text}\n`)).toBe(hash(1, text))
  })
})

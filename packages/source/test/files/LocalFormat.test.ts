import { describe, expect, it } from "@effect/vitest"
import { FastCheck } from "effect"
import { LogRecord } from "@rdl/core/log/LogRecord"
import { endsLongLines, LocalFormat, type LocalOptions } from "@rdl/source/files/LocalFormat"
import { CORRUPT, MORE } from "@rdl/source/files/RecordFormat"
import { type LocalRecord, localRecord } from "./LocalFile.ts"

const MODERN: LocalOptions = { details: false, endsLongLines: true }
const NANOS = 1_795_361_000_123_456_789n

const textOf = ({ stream, bytes, start, end }: LogRecord): string =>
  `${stream} ${Buffer.from(bytes.subarray(start, end)).toString("latin1")}`

/** Reads a whole file; the code it ended with, too. */
const readAll = (
  bytes: Buffer,
  options: LocalOptions = MODERN,
): { readonly texts: Array<string>; readonly end: number } => {
  const format = new LocalFormat(options)
  const record = new LogRecord()
  const texts: Array<string> = []
  let at = 0
  for (;;) {
    const next = format.next(bytes, at, bytes.length, record)
    if (next < 0) return { texts, end: at === bytes.length ? bytes.length : next }
    texts.push(textOf(record))
    at = next
  }
}

/** What the engine's API says of a record. */
const expected = ({ stream, nanos, line, piece }: LocalRecord, options: LocalOptions): string => {
  const billion = 1_000_000_000n
  const fraction = ((nanos % billion) + billion) % billion
  const seconds = new Date(Number((nanos - fraction) / billion) * 1000).toISOString().slice(0, 19)
  const isWhole = piece === undefined || (piece.last && options.endsLongLines)
  const details = options.details ? " " : ""
  const text = Buffer.from(line).toString("latin1")
  return `${stream} ${seconds}.${fraction.toString().padStart(9, "0")}Z ${details}${text}${isWhole ? "\n" : ""}`
}

const record: FastCheck.Arbitrary<LocalRecord> = FastCheck.record({
  stream: FastCheck.constantFrom<1 | 2>(1, 2),
  nanos: FastCheck.oneof(
    FastCheck.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
    FastCheck.bigInt({ min: NANOS, max: NANOS + 3_000_000_000n }),
    FastCheck.constantFrom(0n, 1n, -1n, 999_999_999n, 1_000_000_000n, 2n ** 32n, 2n ** 48n),
  ),
  // A line is what stands between newlines.
  line: FastCheck.uint8Array({ maxLength: 200 }).map((bytes) => bytes.filter((byte) => byte !== 0x0a)),
  piece: FastCheck.option(FastCheck.record({ last: FastCheck.boolean(), ordinal: FastCheck.nat(300) }), {
    nil: undefined,
  }),
  unknown: FastCheck.constantFrom(
    undefined,
    Buffer.from([0x32, 0x02, 0x0a, 0x01]),
    Buffer.from([0x38, 0xff, 0x01]),
    Buffer.from("2\u0007\n\u0006stdou"),
    Buffer.from([0x41, 1, 2, 3, 4, 5, 6, 7, 8]),
    Buffer.from([0x4d, 1, 2, 3, 4]),
  ),
})
const options = FastCheck.record({ details: FastCheck.boolean(), endsLongLines: FastCheck.boolean() })

/** Where the records of a file begin, and its end. */
const boundariesOf = (parts: ReadonlyArray<Buffer>): ReadonlyArray<number> =>
  parts.reduce((places, part) => [...places, places.at(-1)! + part.length], [0])

describe("LocalFormat", () => {
  it("reads each record as the engine's API gives it", () => {
    FastCheck.assert(
      FastCheck.property(FastCheck.array(record, { maxLength: 20 }), options, (records, options) => {
        const bytes = Buffer.concat(records.map(localRecord))
        const read = readAll(bytes, options)
        expect(read.texts).toEqual(records.map((one) => expected(one, options)))
        expect(read.end).toBe(bytes.length)
      }),
    )
  })

  it("asks for more bytes where a record is not whole, wherever the block ends", () => {
    FastCheck.assert(
      FastCheck.property(record, record, (one, other) => {
        const parts = [localRecord(one), localRecord(other)]
        const bytes = Buffer.concat(parts)
        const [, boundary = 0] = boundariesOf(parts)
        const format = new LocalFormat(MODERN)
        for (let end = boundary; end < bytes.length; end++) {
          expect(format.next(bytes, 0, end, new LogRecord())).toBe(boundary)
          expect(format.next(bytes, boundary, end, new LogRecord())).toBe(MORE)
          expect(format.skip(bytes, boundary, end)).toBe(MORE)
        }
      }),
    )
  })

  it("finds the records before a boundary, and the boundary after any place", () => {
    FastCheck.assert(
      FastCheck.property(FastCheck.array(record, { minLength: 1, maxLength: 8 }), (records) => {
        const parts = records.map(localRecord)
        const bytes = Buffer.concat(parts)
        const boundaries = boundariesOf(parts)
        const format = new LocalFormat(MODERN)
        for (let at = 1; at < boundaries.length; at++) {
          expect(format.previous(bytes, 0, boundaries[at]!)).toBe(boundaries[at - 1])
          expect(format.previous(bytes, boundaries[at - 1]! + 1, boundaries[at]!)).toBe(MORE)
        }
        for (let from = 0; from <= bytes.length; from++) {
          const next = boundaries.find((boundary) => boundary >= from && boundary < bytes.length)
          expect(format.boundary(bytes, from, bytes.length)).toBe(next ?? MORE)
        }
      }),
    )
  })

  it("takes nothing that a container writes for a record", () => {
    const inner = localRecord({ stream: 2, nanos: NANOS, line: Buffer.from("not a record") })
    // A line cannot hold a newline: everything else of a record it can.
    const line = Buffer.from(inner.map((byte) => (byte === 0x0a ? 0x0b : byte)))
    const records = [0, 1, 2].map(() => localRecord({ stream: 1, nanos: NANOS, line: Buffer.concat([line, line]) }))
    const bytes = Buffer.concat(records)
    const format = new LocalFormat(MODERN)
    const boundaries = new Set([0, records[0]!.length, 2 * records[0]!.length])
    for (let from = 0; from <= 2 * records[0]!.length; from++)
      expect(boundaries).toContain(format.boundary(bytes, from, bytes.length))
  })

  it("says that a file is damaged, or reads on, whatever bytes are changed", () => {
    const bytes = Buffer.concat(
      [1, 2, 3].map((stream) =>
        localRecord({
          stream: stream === 2 ? 2 : 1,
          nanos: NANOS,
          line: Buffer.from("some line"),
          piece: { last: stream === 3, ordinal: stream },
        }),
      ),
    )
    FastCheck.assert(
      FastCheck.property(
        FastCheck.nat(bytes.length - 1),
        FastCheck.nat(255),
        FastCheck.nat(bytes.length),
        (at, byte, length) => {
          const damaged = Buffer.from(bytes)
          damaged[at] = byte
          const { texts, end } = readAll(damaged.subarray(0, length))
          expect(texts.length).toBeLessThanOrEqual(3)
          expect([MORE, CORRUPT, length]).toContain(end)
        },
      ),
      { numRuns: 500 },
    )
  })

  it("says of lengths that disagree, or are over 1 MiB, or zero, that the file is damaged", () => {
    const good = localRecord({ stream: 1, nanos: NANOS, line: Buffer.from("abc") })
    const format = new LocalFormat(MODERN)
    const next = (bytes: Buffer) => [
      format.next(bytes, 0, bytes.length, new LogRecord()),
      format.skip(bytes, 0, bytes.length),
    ]
    const changed = (at: number, byte: number) => {
      const bytes = Buffer.from(good)
      bytes[at] = byte
      return bytes
    }
    expect(next(good)).toEqual([good.length, good.length])
    expect(next(changed(good.length - 1, 1))).toEqual([CORRUPT, CORRUPT])
    expect(next(changed(1, 0x11))).toEqual([CORRUPT, CORRUPT])
    expect(next(Buffer.alloc(64))).toEqual([CORRUPT, CORRUPT])
    expect(format.previous(changed(3, 1), 0, good.length)).toBe(CORRUPT)
    expect(format.previous(Buffer.alloc(64), 0, 64)).toBe(CORRUPT)
    // Its frame is whole, but the message in it is not: the stream's name, and the length of the line.
    expect(next(changed(7, 0x53))[0]).toBe(CORRUPT)
    expect(next(changed(good.indexOf("abc") - 1, 0x7f))[0]).toBe(CORRUPT)
  })

  it("reads records of up to 1 MiB", () => {
    const record = new LogRecord()
    const bytes = localRecord({ stream: 1, nanos: NANOS, line: Buffer.alloc(1_048_500, "x") })
    expect(new LocalFormat(MODERN).next(bytes, 0, bytes.length, record)).toBe(bytes.length)
    expect(record.end - record.payload).toBe(1_048_501)
  })

  it("knows which engines lose the newline behind a long line", () => {
    expect(["20.10.24+dfsg1", "19.03.1", "22.06.0-beta"].map(endsLongLines)).toEqual([false, false, false])
    expect(["23.0.0", "26.1.5+dfsg1", "100.1", "dev"].map(endsLongLines)).toEqual([true, true, true, true])
  })
})

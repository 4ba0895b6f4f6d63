import { FastCheck as fc } from "effect"
import { describe, expect, it } from "vitest"
import { CursorTracker, markOf } from "../../src/log/CursorTracker.ts"
import type { LogCursor } from "../../src/log/LogCursor.ts"
import { decode, encode } from "../../src/log/LogCursor.ts"
import { LogRecord } from "../../src/log/LogRecord.ts"
import { stampText } from "../../src/log/LogStamp.ts"

const ID = "0123456789abcdef".repeat(4)
const ANCHOR_RECORDS = 5

interface Given {
  readonly stream: 1 | 2
  readonly nanos: bigint
  readonly text: string
}

const recordOf = ({ stream, nanos, text }: Given): LogRecord => {
  const stamp = `${stampText(nanos)} `
  const record = new LogRecord()
  record.stream = stream
  record.bytes = Buffer.from(`${stamp}${text}\n`)
  record.details = record.payload = stamp.length
  record.end = record.bytes.length
  return record
}

/** Equal times, times that go back, or differ in seconds alone, and equal records are all there. */
const anyRecords = fc.array(
  fc.record({
    stream: fc.constantFrom<1 | 2>(1, 2),
    nanos: fc
      .oneof(
        fc.nat(30),
        fc.nat(3).map((seconds) => seconds * 1_000_000),
        fc.nat(5_000_000),
      )
      .map((nanos) => 1_795_341_075_000_000_000n + BigInt(nanos) * 1000n),
    text: fc.oneof(fc.constantFrom("", "x"), fc.string({ maxLength: 300 })),
  }),
  { maxLength: 60 },
)

const tracker = (from?: LogCursor) => new CursorTracker({ container: ID, from, anchorRecords: ANCHOR_RECORDS })

/** The cursor after each record. */
const cursorsOf = (records: ReadonlyArray<Given>, from?: LogCursor): ReadonlyArray<LogCursor> => {
  const places = tracker(from)
  return records.map((record) => {
    places.advance(recordOf(record))
    return places.cursor()
  })
}

describe("a tracker of places", () => {
  it("says the same again when it goes on from any of its own cursors", () => {
    fc.assert(
      fc.property(anyRecords, (records) => {
        const whole = cursorsOf(records)
        for (const [index, cursor] of whole.entries()) {
          const again = decode(encode(cursor))
          expect(cursorsOf(records.slice(index + 1), again)).toEqual(whole.slice(index + 1))
        }
      }),
    )
  })

  it("says the same of records that it only points at while their bytes last", () => {
    const moments = fc.array(fc.constantFrom("go on", "look", "change"), { minLength: 60, maxLength: 60 })
    fc.assert(
      fc.property(anyRecords, fc.nat(20), moments, (given, cut, then) => {
        const from = cursorsOf(given.slice(0, cut)).at(-1)
        const whole = cursorsOf(given.slice(cut), from)
        const places = tracker(from)
        const seen: Array<unknown> = []
        const wanted: Array<unknown> = []
        let lasting: Array<LogRecord> = []
        for (const [index, one] of given.slice(cut).entries()) {
          const record = recordOf(one)
          lasting.push(record)
          places.advance(record, undefined, true)
          if (then[index] === "look") {
            seen.push(places.cursor())
            wanted.push(whole[index])
          }
          if (then[index] !== "change") continue
          places.keep()
          for (const { bytes } of lasting) bytes.fill(0)
          lasting = []
        }
        expect(seen).toEqual(wanted)
        expect(places.cursor()).toEqual(whole.at(-1) ?? tracker(from).cursor())
      }),
    )
  })

  it("counts from an anchor that is in the log, to the record that it names", () => {
    fc.assert(
      fc.property(anyRecords, (records) => {
        const marks = records.map((record) => markOf(recordOf(record)))
        for (const [index, { anchor, count, last }] of cursorsOf(records).entries()) {
          expect(anchor).toEqual(marks[index - count + 1])
          expect(last).toEqual(marks[index])
        }
      }),
    )
  })

  it("takes a newer anchor after so many records, where one is newer than the last", () => {
    const records = Array.from({ length: 23 }, (_, nanos): Given => ({ stream: 1, nanos: BigInt(nanos), text: "x" }))
    expect(cursorsOf(records).map(({ count }) => count)).toEqual(
      Array.from({ length: 23 }, (_, index) => (index % ANCHOR_RECORDS) + 1),
    )
    const still = Array.from({ length: 23 }, (): Given => ({ stream: 1, nanos: 7n, text: "x" }))
    expect(cursorsOf(still).at(-1)?.count).toBe(23)
  })

  it("leaves a row of pieces that share a time for the first record after it", () => {
    const pieces = Array.from({ length: 4 }, (): Given => ({ stream: 1, nanos: 7n, text: "x" }))
    const next: Given = { stream: 1, nanos: 8n, text: "y" }
    expect(cursorsOf([...pieces, next]).map(({ count }) => count)).toEqual([1, 2, 3, 4, 1])
  })

  it("begins anew behind a gap, and has the file only of a record that came from one", () => {
    const [one, two, three] = [1n, 2n, 3n].map((nanos) => recordOf({ stream: 2, nanos, text: "x" }))
    const places = tracker()
    places.advance(one!)
    places.restart()
    places.file({ device: 5, inode: 6n })
    places.advance(two!, 77)
    expect(places.cursor()).toMatchObject({
      anchor: markOf(two!),
      count: 1,
      file: { device: 5, inode: 6n, offset: 77 },
    })
    places.advance(three!)
    expect(places.cursor().file).toBeUndefined()
  })
})

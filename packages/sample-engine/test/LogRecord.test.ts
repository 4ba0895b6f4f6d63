import { FastCheck as fc } from "effect"
import { describe, expect, it } from "vitest"
import { type LogRecord, MAX_RECORD_BYTES, RecordSplitter } from "@rdl/sample-engine/LogRecord"

/** Text with newlines in all places, long lines among it. */
const text = fc
  .array(
    fc.oneof(
      fc.string({ maxLength: 40 }),
      fc.constant("\n"),
      fc.constant("x".repeat(MAX_RECORD_BYTES - 3)),
      fc.constant("yy"),
    ),
  )
  .map((parts) => Buffer.from(parts.join("")))

/** What is stored of writes that end where `cuts` say; time counts the questions. */
const split = (bytes: Buffer, cuts: ReadonlyArray<number>): ReadonlyArray<LogRecord> => {
  const records: Array<LogRecord> = []
  const store = (record: LogRecord) => void records.push(record)
  const splitter = new RecordSplitter("stdout", false)
  let time = 0n
  const now = () => (time += 1n)
  const places = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length]
  for (let i = 1; i < places.length; i++) splitter.write(bytes.subarray(places[i - 1], places[i]), now, store)
  splitter.end(now, store)
  return records
}

/** Compared instead of the record: comparing bytes one by one takes the test runner seconds. */
const summary = ({ stream, time, payload }: LogRecord): string => `${stream} ${time} ${payload.toString("latin1")}`

describe("RecordSplitter", () => {
  it("stores the same records however the text was cut into writes", () => {
    fc.assert(
      fc.property(text, fc.array(fc.nat(), { maxLength: 8 }), (bytes, cuts) => {
        expect(split(bytes, cuts).map(summary)).toEqual(split(bytes, []).map(summary))
      }),
    )
  })

  it("loses and adds nothing, cuts at every newline and nowhere else but at 16 KiB", () => {
    fc.assert(
      fc.property(text, (bytes) => {
        const records = split(bytes, [])
        expect(Buffer.concat(records.map(({ payload }) => payload)).equals(bytes)).toBe(true)
        records.forEach(({ payload }, index) => {
          expect(payload.indexOf(0x0a)).toBeOneOf([-1, payload.length - 1])
          const whole = payload.at(-1) === 0x0a || index === records.length - 1
          expect(payload.length).toBeLessThanOrEqual(MAX_RECORD_BYTES)
          expect(whole || payload.length === MAX_RECORD_BYTES).toBe(true)
        })
      }),
    )
  })

  it("gives all parts of one line the time of the first, and every line a time of its own", () => {
    fc.assert(
      fc.property(text, fc.array(fc.nat(), { maxLength: 8 }), (bytes, cuts) => {
        let expected = 1n
        for (const { payload, time } of split(bytes, cuts)) {
          expect(time).toBe(expected)
          if (payload.at(-1) === 0x0a) expected += 1n
        }
      }),
    )
  })
})

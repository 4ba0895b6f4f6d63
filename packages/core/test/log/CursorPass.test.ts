import { FastCheck as fc } from "effect"
import { describe, expect, it } from "vitest"
import { CursorTracker } from "../../src/log/CursorTracker.ts"
import { LogRecord } from "../../src/log/LogRecord.ts"
import { stampText } from "../../src/log/LogStamp.ts"

const recordOf = (n: number): LogRecord => {
  const stamp = `${stampText(1_795_341_075_000_000_000n + BigInt(n))} `
  const record = new LogRecord()
  record.stream = n % 2 === 0 ? 1 : 2
  record.bytes = Buffer.from(`${stamp}line ${n}\n`)
  record.details = record.payload = stamp.length
  record.end = record.bytes.length
  return record
}

/** Places are counted from the first record only, so that both ways must say the same. */
const tracker = () => new CursorTracker({ container: "ab".repeat(32), anchorRecords: 1_000_000 })

describe("a tracker of places", () => {
  it("says the same place whether records were written or passed over", () => {
    const runs = fc.array(fc.record({ count: fc.integer({ min: 1, max: 9 }), isPassed: fc.boolean() }), {
      maxLength: 12,
    })
    fc.assert(
      fc.property(runs, (runs) => {
        const all = tracker()
        const some = tracker()
        for (const places of [all, some]) {
          places.file({ device: 1, inode: 2n })
          places.advance(recordOf(0), 10)
        }
        let n = 0
        for (const { count, isPassed } of runs) {
          for (let at = 1; at <= count; at++) all.advance(recordOf(n + at), 10 * (n + at))
          if (isPassed) some.pass(count, recordOf(n + count), 10 * (n + count))
          else for (let at = 1; at <= count; at++) some.advance(recordOf(n + at), 10 * (n + at))
          n += count
          expect(some.cursor()).toEqual(all.cursor())
        }
      }),
    )
  })

  it("makes no anchor of a record that was passed over, but soon of one behind it", () => {
    const places = new CursorTracker({ container: "ab".repeat(32), anchorRecords: 5 })
    places.advance(recordOf(0))
    places.pass(50, recordOf(50))
    expect([places.cursor().count, places.cursor().anchor]).toEqual([
      51,
      expect.objectContaining({ nanos: 1_795_341_075_000_000_000n }),
    ])
    places.advance(recordOf(51))
    expect([places.cursor().count, places.cursor().anchor?.nanos]).toEqual([1, 1_795_341_075_000_000_051n])
  })
})

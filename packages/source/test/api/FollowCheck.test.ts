import { describe, expect, it } from "vitest"
import type { LogCursor } from "@rdl/core/log/LogCursor"
import { LogRecord } from "@rdl/core/log/LogRecord"
import { stampText } from "@rdl/core/log/LogStamp"
import { FollowCheck, MAX_CHECKED } from "../../src/api/FollowCheck.ts"
import { FollowWatch, REMEMBERED } from "../../src/api/FollowWatch.ts"

const mark = (nanos: number) => ({ nanos: BigInt(nanos), hash: 1 })
const place = (count: number): LogCursor => ({
  container: "0".repeat(16),
  anchor: mark(1),
  count,
  last: mark(count),
  lines: 0,
})

describe("a check of a follow", () => {
  const after = (records: number) => {
    const check = new FollowCheck()
    check.begin(place(7))
    for (let given = 0; given < records; given++) check.given()
    return check.counted(place(99))
  }

  it("counts from where the follow began, and not at all where that would be too much to read again", () => {
    expect(after(5)).toEqual({ ...place(12), last: mark(99) })
    expect(after(MAX_CHECKED)?.count).toBe(7 + MAX_CHECKED)
    expect(after(MAX_CHECKED + 1)).toBeUndefined()
    expect(after(0)).toBeUndefined()
  })
})

const recordOf = (nanos: number): LogRecord => {
  const record = new LogRecord()
  const stamp = `${stampText(BigInt(nanos))} `
  record.bytes = Buffer.from(`${stamp}line ${nanos}\n`)
  record.details = record.payload = stamp.length
  record.end = record.bytes.length
  return record
}

describe("a watch over a follow", () => {
  it("knows the last records again, as many as it remembers and no more", () => {
    const watch = new FollowWatch(1024)
    for (let at = 0; at <= REMEMBERED; at++) expect(watch.isRepeated(recordOf(at))).toBe(false)
    expect(watch.isRepeated(recordOf(REMEMBERED))).toBe(true)
    expect(watch.isRepeated(recordOf(1))).toBe(true)
    expect(watch.isRepeated(recordOf(0))).toBe(false)
  })
})

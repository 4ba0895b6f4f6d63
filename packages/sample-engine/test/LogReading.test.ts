import { FastCheck as fc } from "effect"
import { describe, expect, it } from "vitest"
import type { SinceRule } from "@rdl/sample-engine/Flavour"
import type { LogQuery } from "@rdl/sample-engine/LogQuery"
import { LogReading } from "@rdl/sample-engine/LogReading"
import type { LogRecord, LogStream } from "@rdl/sample-engine/LogRecord"
import { LogStore } from "@rdl/sample-engine/LogStore"

const ENCODING = { tty: true, timestamps: false, details: undefined, zoneMinutes: 0 }

/** Records of few different times, in any order; each one's text is its place. */
const records: fc.Arbitrary<ReadonlyArray<LogRecord>> = fc
  .array(fc.record({ stream: fc.constantFrom<LogStream>("stdout", "stderr"), time: fc.bigInt(1n, 6n) }), {
    maxLength: 30,
  })
  .map((list) => list.map((record, index) => ({ ...record, payload: Buffer.from(`${index}\n`) })))

const query: fc.Arbitrary<LogQuery> = fc.record(
  {
    follow: fc.constant(false),
    stdout: fc.boolean(),
    stderr: fc.boolean(),
    timestamps: fc.constant(false),
    details: fc.constant(false),
    since: fc.bigInt(0n, 7n),
    until: fc.bigInt(0n, 7n),
    tail: fc.nat(32),
  },
  { requiredKeys: ["follow", "stdout", "stderr", "timestamps", "details"] },
)

/** What a reading brings, as the places of its records. */
const read = (reading: LogReading): ReadonlyArray<number> => {
  const chunks = reading.next().toString().split("\r\n")
  return chunks.filter((_line, index) => index % 2 === 1).map((line) => Number(line.trim()))
}

const storeOf = (list: ReadonlyArray<LogRecord>): LogStore => {
  const store = new LogStore(1e9)
  for (const record of list) store.append(record)
  return store
}

const open = (store: LogStore, wanted: LogQuery, since: SinceRule) =>
  new LogReading(store, { query: wanted, since, running: true, tailCountsLines: false, encoding: ENCODING })

/** The rules in the words of the facts: tail, then since, then until, then streams. */
const model = (list: ReadonlyArray<LogRecord>, wanted: LogQuery, rule: SinceRule): ReadonlyArray<number> => {
  const { since, until, tail } = wanted
  let rest = list.map((record, place) => ({ ...record, place }))
  if (tail !== undefined) rest = rest.slice(Math.max(0, rest.length - tail))
  if (since !== undefined && rule === "each") rest = rest.filter(({ time }) => time >= since)
  if (since !== undefined && rule === "after") rest = rest.filter(({ time }) => time > since)
  if (since !== undefined && rule === "first") {
    const found = rest.findIndex(({ time }) => time >= since)
    rest = found < 0 ? [] : rest.slice(found)
  }
  if (until !== undefined) {
    // What since has left out does not end the reading: an older record cannot be after until, a skipped newer one can.
    const from = tail === undefined ? 0 : Math.max(0, list.length - tail)
    const stop = list.findIndex(({ time }, place) => place >= from && time > until)
    rest = rest.filter(({ place, time }) => (stop < 0 || place < stop) && (rule !== "after" || time < until))
  }
  return rest.filter(({ stream }) => wanted[stream]).map(({ place }) => place)
}

describe("LogReading", () => {
  it.each<SinceRule>(["each", "first", "after"])("reads what the rules say, since by the rule '%s'", (rule) => {
    fc.assert(
      fc.property(records, query, (list, wanted) => {
        expect(read(open(storeOf(list), wanted, rule))).toEqual(model(list, wanted, rule))
      }),
      { numRuns: 500 },
    )
  })

  it("brings the same to one who follows while it is written", () => {
    fc.assert(
      fc.property(
        records,
        records,
        query,
        fc.constantFrom<SinceRule>("each", "first", "after"),
        (past, live, wanted, rule) => {
          const store = storeOf(past)
          const reading = open(store, { ...wanted, follow: true }, rule)
          const got = [...read(reading)]
          const all = [
            ...past,
            ...live.map((record, index) => ({ ...record, payload: Buffer.from(`${past.length + index}\n`) })),
          ]
          for (const record of all.slice(past.length)) {
            store.append(record)
            got.push(...read(reading))
          }
          // Tail counts what was there when the follow began.
          const tail = wanted.tail === undefined ? {} : { tail: Math.min(wanted.tail, past.length) + live.length }
          expect(got).toEqual(model(all, { ...wanted, ...tail }, rule))
        },
      ),
    )
  })

  it("counts lines for tail where Podman does", () => {
    const parts = ["a", "b\n", "c\n", "d", "e", "f\n"].map((payload) => ({
      stream: "stdout" as const,
      time: 1n,
      payload: Buffer.from(payload),
    }))
    const tail = (lines: number) =>
      new LogReading(storeOf(parts), {
        query: { follow: false, stdout: true, stderr: true, timestamps: false, details: false, tail: lines },
        since: "after",
        running: true,
        tailCountsLines: true,
        encoding: ENCODING,
      })
        .next()
        .toString()
        .split("\r\n")
        .filter((_line, index) => index % 2 === 1)
        .join("")
    expect([0, 1, 2, 3, 9].map(tail)).toEqual(["", "def\n", "c\ndef\n", "ab\nc\ndef\n", "ab\nc\ndef\n"])
  })

  it("hands out at most 64 KiB at a time, or one record", () => {
    const store = storeOf(
      Array.from({ length: 40 }, () => ({ stream: "stdout" as const, time: 1n, payload: Buffer.alloc(16_384, "x") })),
    )
    const reading = open(
      store,
      { follow: false, stdout: true, stderr: true, timestamps: false, details: false },
      "each",
    )
    let total = 0
    while (!reading.ended) {
      const batch = reading.next()
      expect(batch.length).toBeLessThanOrEqual(64 * 1024)
      total += batch.length
    }
    expect(total).toBe(40 * (4 + 2 + 16_384 + 2))
  })
})

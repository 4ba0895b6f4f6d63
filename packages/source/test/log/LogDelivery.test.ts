import { Effect, Either, FastCheck as fc, Metric } from "effect"
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest"
import { ContainerName } from "@rdl/core/model/Container"
import * as LogCursor from "@rdl/core/log/LogCursor"
import * as LogFilter from "@rdl/core/log/LogFilter"
import type { LogFormat, LogRendering } from "@rdl/core/log/LogQuery"
import { LogRecord } from "@rdl/core/log/LogRecord"
import { stampText } from "@rdl/core/log/LogStamp"
import { SourceName } from "@rdl/core/model/SourceName"
import { MAX_LINGER_MS, QUIET_MS } from "../../src/log/Coalescer.ts"
import { LogDelivery, MARK_BYTES, MARK_MS } from "../../src/log/LogDelivery.ts"
import { PlaceSeek } from "../../src/api/PlaceSeek.ts"
import { RecordBounds } from "../../src/api/RecordBounds.ts"
import { creditWaits } from "../../src/SourceCounters.ts"
import { CollectingWriter } from "./CollectingWriter.ts"

const ID = "0123456789abcdef".repeat(4)
const FORMATS: ReadonlyArray<LogRendering> = [
  { format: "text", host: "none" },
  { format: "text", host: "prefix" },
  { format: "text", host: "suffix" },
  { format: "ndjson", host: "none" },
  { format: "ndjson", host: "none", cursors: true },
  { format: "sse", host: "none" },
  { format: "multiplexed", host: "none" },
  { format: "raw", host: "none" },
  { format: "frames", host: "none" },
]

interface Given {
  readonly stream: 1 | 2
  readonly nanos: bigint
  readonly text: string
}

const recordOf = ({ stream, nanos, text }: Given): LogRecord => {
  const stamp = `${stampText(nanos)} `
  const record = new LogRecord()
  record.stream = stream
  record.bytes = Buffer.from(stamp + text)
  record.details = record.payload = stamp.length
  record.end = record.bytes.length
  return record
}

const PIECE = 16_384

/** Lines of both streams, some long and cut into pieces that lie between the other stream's; times equal, or going back. */
const anyLog = fc
  .array(
    fc.record({
      stream: fc.constantFrom<1 | 2>(1, 2),
      step: fc.oneof({ weight: 8, arbitrary: fc.nat(3) }, { weight: 1, arbitrary: fc.integer({ min: -100, max: 0 }) }),
      pieces: fc.oneof({ weight: 5, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat(3) }),
      ending: fc.constantFrom("\n", "\n", "\n", "\n", ""),
      turn: fc.nat(2),
    }),
    { maxLength: 14 },
  )
  .map((lines) => {
    const records: Array<Given & { readonly turn: number }> = []
    let nanos = 1_795_341_075_000_000_000n
    for (const [index, { stream, step, pieces, ending, turn }] of lines.entries()) {
      nanos += BigInt(step) * 1000n
      for (let piece = 0; piece < pieces; piece++) records.push({ stream, nanos, text: "x".repeat(PIECE), turn })
      records.push({ stream, nanos, text: `line ${index}${ending}`, turn })
    }
    // Pieces of one stream stay in order, and the other's come between.
    const of = (stream: number) => records.filter((record) => record.stream === stream)
    const [one, other] = [of(1), of(2)]
    const merged: Array<Given> = []
    while (one.length > 0 && other.length > 0) merged.push((one[0]!.turn >= other[0]!.turn ? one : other).shift()!)
    return [...merged, ...one, ...other]
  })

const deliveryTo = (
  writer: CollectingWriter,
  rendering: LogRendering,
  resume?: { readonly cursor: LogCursor.LogCursor; readonly received: number },
  streams: { readonly stdout: boolean; readonly stderr: boolean } = { stdout: true, stderr: true },
  filter?: LogFilter.LineFilter,
) =>
  new LogDelivery({
    filter,
    query: { ...streams, timestamps: true, details: false },
    rendering,
    tty: false,
    source: SourceName.make("edge-1"),
    container: { id: ID, name: ContainerName.make("web") },
    partials: "docker",
    writer,
    resume,
  })

type Resume = Parameters<typeof deliveryTo>[2]

/** Reads the log as an origin would: from the place on. `marking`: a second goes by after each of these records. */
const deliver = (
  log: ReadonlyArray<Given>,
  rendering: LogRendering,
  marking: (index: number) => boolean,
  resume?: Resume,
  filter?: LogFilter.LineFilter,
) => {
  const writer = new CollectingWriter()
  const delivery = deliveryTo(writer, rendering, resume, undefined, filter)
  const bounds = new RecordBounds({}, { kind: "docker", apiVersion: "1.41" })
  const seek = resume === undefined ? undefined : new PlaceSeek(resume.cursor, bounds, "end")
  delivery.settled()
  for (const [index, given] of log.entries()) {
    const record = recordOf(given)
    if (seek !== undefined && seek.next(record) !== "give") continue
    delivery.record(record)
    record.bytes.fill(0xaa)
    delivery.settled()
    if (marking(index)) vi.advanceTimersByTime(MARK_MS)
  }
  delivery.end()
  return writer
}

const always = () => true

/** The last mark that had come when `received` bytes had, as a proxy would use it. */
const placeAt = ({ marks }: CollectingWriter, received: number): Resume => {
  const mark = marks.findLast(({ offset }) => offset <= received)!
  return { cursor: LogCursor.decode(mark.cursor)!, received: received - mark.offset }
}

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

describe("a log that is gone on with", () => {
  it("is byte for byte what it would have been, wherever it was cut, in every format", () => {
    const log: ReadonlyArray<Given> = [
      { stream: 1, nanos: 10n, text: "one\n" },
      { stream: 2, nanos: 30n, text: "two\n" },
      { stream: 1, nanos: 20n, text: "same\n" },
      { stream: 1, nanos: 20n, text: "same\n" },
      { stream: 1, nanos: 40n, text: "x".repeat(PIECE) },
      { stream: 2, nanos: 41n, text: "between\n" },
      { stream: 1, nanos: 40n, text: "and its end\n" },
      { stream: 1, nanos: 50n, text: "unterminated" },
      { stream: 2, nanos: 60n, text: "last\n" },
    ]
    for (const rendering of FORMATS)
      for (const marking of [always, () => false, (index: number) => index % 3 === 1]) {
        const whole = deliver(log, rendering, marking)
        const bytes = whole.bytes()
        // Inside of the long line every place is like any other.
        const inLong = bytes.indexOf("xxxxxxxx")
        for (let cut = 0; cut <= bytes.length; cut += cut > inLong + 8 && cut < inLong + 16_300 ? 997 : 1) {
          const rest = deliver(log, rendering, marking, placeAt(whole, cut))
          expect(rest.bytes().equals(bytes.subarray(cut)), `${rendering.format} ${cut}`).toBe(true)
        }
      }
  })

  it("is the same whatever the log, and cut again and again", () => {
    fc.assert(
      fc.property(
        anyLog,
        fc.constantFrom(...FORMATS),
        fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: 4 }),
        fc.array(fc.boolean(), { minLength: 14, maxLength: 60 }),
        (log, rendering, cuts, seconds) => {
          fc.pre(log.length > 0)
          const marking = (index: number) => seconds[index % seconds.length]!
          const truth = deliver(log, rendering, marking).bytes()
          const got: Array<Buffer> = []
          let at = 0
          let resume: Resume
          for (const fraction of cuts) {
            const writer = deliver(log, rendering, marking, resume)
            const bytes = writer.bytes()
            const taken = Math.floor(fraction * bytes.length)
            got.push(bytes.subarray(0, taken))
            at += taken
            // Without a mark of its own, the place is the one before, and more has come since.
            const mark = writer.marks.findLast(({ offset }) => offset <= taken)
            resume =
              mark === undefined
                ? { cursor: resume!.cursor, received: resume!.received + taken }
                : { cursor: LogCursor.decode(mark.cursor)!, received: taken - mark.offset }
          }
          got.push(deliver(log, rendering, marking, resume).bytes())
          expect(at).toBeLessThanOrEqual(truth.length)
          expect(Buffer.concat(got).equals(truth)).toBe(true)
        },
      ),
      { numRuns: 150 * Number(process.env["RDL_TEST_RUNS"] ?? 1) },
    )
  })

  it("goes on after the very line whose cursor is given, and says the same cursors again", () => {
    fc.assert(
      fc.property(anyLog, fc.constantFrom<LogFormat>("ndjson", "sse"), (log, format) => {
        const rendering: LogRendering = { format, host: "none", cursors: true }
        const whole = deliver(log, rendering, always).text()
        const objects = whole.split(format === "sse" ? "\n\n" : "\n").slice(0, -1)
        for (const [index, object] of objects.entries()) {
          const [, cursor = ""] = /(?:id: |"cursor":")([A-Za-z0-9_-]+)/.exec(object)!
          const rest = deliver(log, rendering, always, { cursor: LogCursor.fromText(cursor)!, received: 0 })
          const expected = objects.slice(index + 1).map((one) => one + (format === "sse" ? "\n\n" : "\n"))
          expect(rest.text()).toBe(expected.join(""))
        }
      }),
      { numRuns: 60 * Number(process.env["RDL_TEST_RUNS"] ?? 1) },
    )
  })
})

describe("a log whose container runs again", () => {
  const first: ReadonlyArray<Given> = [
    { stream: 1, nanos: 10n, text: "one\n" },
    { stream: 1, nanos: 20n, text: "x".repeat(PIECE) },
  ]
  const second: ReadonlyArray<Given> = [
    { stream: 2, nanos: 30n, text: "two\n" },
    { stream: 1, nanos: 40n, text: "three\n" },
  ]

  const wanted = Either.getOrThrow(LogFilter.make({ grep: ["[a-z]"] }, { tty: false }))
  const cases = [undefined, wanted].flatMap((filter) => FORMATS.map((rendering) => ({ rendering, filter })))

  it.each(cases)("has each line once, also after one that was left unfinished: $rendering", ({ filter, rendering }) => {
    const before = deliver(first, rendering, () => false, undefined, filter)
    const place = placeAt(before, before.bytes().length)
    const after = deliver([...first, ...second], rendering, () => false, place, filter)
    const text = before.text() + after.text()
    for (const line of ["one", "x".repeat(PIECE), "two", "three"])
      expect(text.split(line).map(() => line)).toEqual([line, line])
    if (rendering.format !== "text" || rendering.host === "none") return
    const contents = text.split("\n").map((line) => line.replace(/^edge-1 \| |\S+Z | \| edge-1$/g, ""))
    expect(contents).toEqual(["one", "x".repeat(PIECE), "two", "three", ""])
  })
})

describe("the marks of a log", () => {
  const line = (nanos: number, text = "x\n"): Given => ({ stream: 1, nanos: BigInt(nanos), text })

  it("stand before the first byte, and then a second after what was written, at the latest", () => {
    const writer = new CollectingWriter()
    const delivery = deliveryTo(writer, FORMATS[0]!)
    delivery.settled()
    expect(writer.marks).toEqual([])
    delivery.record(recordOf(line(1)))
    expect(writer.marks.map(({ offset }) => offset)).toEqual([0])
    expect(LogCursor.decode(writer.marks[0]!.cursor)).toMatchObject({ count: 0, anchor: { nanos: 1n } })
    delivery.settled()
    vi.advanceTimersByTime(MARK_MS)
    expect(LogCursor.decode(writer.marks[1]!.cursor)).toMatchObject({ count: 1, last: { nanos: 1n } })
    vi.advanceTimersByTime(10 * MARK_MS)
    expect(writer.marks).toHaveLength(2)
    delivery.stop()
  })

  it("stand at least every 256 KiB while bytes flow", () => {
    const writer = new CollectingWriter()
    const delivery = deliveryTo(writer, FORMATS[0]!)
    for (let index = 0; index < 20_000; index++) delivery.record(recordOf(line(index, `${"x".repeat(80)}\n`)))
    delivery.end()
    const offsets = writer.marks.map(({ offset }) => offset)
    const steps = offsets.slice(1).map((offset, index) => offset - offsets[index]!)
    expect(Math.max(...steps)).toBeLessThanOrEqual(MARK_BYTES + 65_536)
    expect(offsets.at(-1)).toBe(writer.bytes().length)
    delivery.stop()
  })

  it("say where a log begins of which nothing is wanted that is there", () => {
    const writer = new CollectingWriter()
    const delivery = deliveryTo(writer, FORMATS[0]!)
    delivery.startAfter(recordOf(line(7)))
    expect(LogCursor.decode(writer.marks[0]!.cursor)).toMatchObject({ count: 1, last: { nanos: 7n } })
    delivery.stop()
    const empty = new CollectingWriter()
    const other = deliveryTo(empty, FORMATS[0]!)
    other.startAfter(undefined)
    expect(LogCursor.decode(empty.marks[0]!.cursor)).toEqual({ container: ID.slice(0, 16), count: 0, lines: 0 })
    other.stop()
  })
})

describe("a gap", () => {
  const line = (nanos: number, text = "x\n"): Given => ({ stream: 1, nanos: BigInt(nanos), text })

  it("is told once, between whole lines, before the next record, with the times of both sides", () => {
    for (const rendering of FORMATS) {
      const writer = new CollectingWriter()
      const delivery = deliveryTo(writer, rendering)
      delivery.record(recordOf(line(1, "x".repeat(PIECE))))
      delivery.gap({ reason: "rotated" })
      delivery.settled()
      expect(writer.gaps).toEqual([])
      delivery.gap({ reason: "rotated" })
      delivery.record(recordOf(line(5, "after\n")))
      delivery.end()
      expect(writer.gaps.map(({ gap }) => gap)).toEqual([
        {
          source: "edge-1",
          container: "web",
          since: "1970-01-01T00:00:00.000000001Z",
          until: "1970-01-01T00:00:00.000000005Z",
          reason: "rotated",
        },
      ])
      const { offset } = writer.gaps[0]!
      expect(writer.bytes().subarray(0, offset).includes("after")).toBe(false)
      expect(writer.bytes().subarray(0, offset).includes("xxx")).toBe(true)
      expect(rendering.format !== "text" || writer.bytes()[offset - 1] === 10).toBe(true)
      const behind = writer.marks.find((mark) => mark.offset === offset)!
      expect(LogCursor.decode(behind.cursor)).toMatchObject({ count: 0, anchor: { nanos: 5n } })
    }
  })

  it("leaves nothing out of what comes after it, whatever was received", () => {
    const cursor = LogCursor.fromText(
      LogCursor.toText(LogCursor.encode({ container: ID.slice(0, 16), count: 0, lines: 0 })),
    )
    const writer = new CollectingWriter()
    const delivery = deliveryTo(writer, FORMATS[0]!, { cursor: cursor!, received: 1000 })
    delivery.gap({ reason: "gone" })
    delivery.record(recordOf(line(5, "after\n")))
    delivery.end()
    expect(writer.text()).toBe("1970-01-01T00:00:00.000000005Z after\n")
    expect(writer.gaps).toHaveLength(1)
  })

  it("is told at the end where nothing follows", () => {
    const writer = new CollectingWriter()
    const delivery = deliveryTo(writer, FORMATS[0]!)
    delivery.record(recordOf(line(1)))
    delivery.gap({ reason: "rotated" })
    delivery.end()
    expect(writer.gaps).toHaveLength(1)
  })
})

describe("what is delivered", () => {
  const give = (delivery: LogDelivery, text: string) => {
    delivery.record(recordOf({ stream: 1, nanos: 1n, text }))
    delivery.settled()
  }
  const plain: LogRendering = { format: "raw", host: "none" }
  const raw = (writer: CollectingWriter) => writer.pieces.map((piece) => String(piece).slice(39))

  it("leaves in the same turn where it is a lone line, and as one piece where lines follow closely", () => {
    const writer = new CollectingWriter()
    const delivery = deliveryTo(writer, plain)
    for (const text of ["one\n", "two\n", "three\n"]) give(delivery, text)
    expect(raw(writer)).toEqual(["one\n"])
    vi.advanceTimersByTime(Math.max(QUIET_MS, MAX_LINGER_MS))
    expect(writer.pieces).toHaveLength(2)
    expect(writer.text()).toContain("three\n")
    delivery.stop()
  })

  it("waits from the write that found no room until there is some", () => {
    const writer = new CollectingWriter(5)
    const delivery = deliveryTo(writer, plain)
    const before = Effect.runSync(Metric.value(creditWaits)).count
    give(delivery, "one\n")
    expect(delivery.blocked()).toBe(true)
    expect(Effect.runSync(Metric.value(creditWaits)).count).toBe(before + 1)
    let told = 0
    delivery.onRoom(() => told++)
    give(delivery, "two\n")
    vi.advanceTimersByTime(10 * MARK_MS)
    expect(raw(writer)).toEqual(["one\n"])
    expect(told).toBe(0)
    writer.give(1000)
    vi.advanceTimersByTime(MAX_LINGER_MS)
    expect(told).toBe(1)
    expect(delivery.blocked()).toBe(false)
    expect(writer.text()).toContain("two\n")
    expect(writer.marks.at(-1)?.offset).toBe(writer.bytes().length)
    delivery.stop()
  })
})

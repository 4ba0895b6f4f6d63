import { Context, Effect, FastCheck as fc, Fiber, Layer, Metric } from "effect"
import { describe, expect, it } from "@effect/vitest"
import * as LogCursor from "@rdl/core/log/LogCursor"
import type { LogQuery, LogRendering } from "@rdl/core/log/LogQuery"
import { fromNanos } from "@rdl/core/log/LogTime"
import { SourceName } from "@rdl/core/model/SourceName"
import * as SampleEngine from "@rdl/sample-engine/SampleEngine"
import * as EngineClient from "../../src/engine/EngineClient.ts"
import * as EngineOrigin from "../../src/api/EngineOrigin.ts"
import * as LogReader from "../../src/log/LogReader.ts"
import { parks } from "../../src/SourceCounters.ts"
import { asContainer } from "../AsContainer.ts"
import { CollectingWriter } from "../log/CollectingWriter.ts"

type SampleContainer = SampleEngine.SampleEngine["containers"][number]
type Flavour = NonNullable<SampleEngine.Options["flavour"]>

const QUICK = { parkMs: 30, watchMs: 80, lateMs: 10, retryMs: 5_000 }

const start = Effect.fnUntraced(function* (flavour: Flavour) {
  const engine = yield* SampleEngine.make({ flavour })
  const origins = Effect.map(EngineOrigin.make(QUICK), (origin) => [origin])
  const layer = Layer.provide(LogReader.layer(origins), EngineClient.layer({ engine: engine.url, env: {} }))
  const reader = Context.get(yield* Layer.build(layer), LogReader.LogReader)
  const read = (
    from: SampleContainer,
    query: Partial<LogQuery>,
    writer: CollectingWriter,
    rendering: LogRendering = PLAIN,
    resume?: LogReader.LogRequest["resume"],
  ) =>
    reader.read(
      {
        container: asContainer(from),
        query: { follow: false, stdout: true, stderr: true, timestamps: false, details: false, ...query },
        rendering,
        source: SourceName.make("edge-1"),
        resume,
      },
      writer,
    )
  return { engine, read }
})

const PLAIN: LogRendering = { format: "text", host: "none" }
const FRAMES: LogRendering = { format: "multiplexed", host: "none" }
const FORMATS: ReadonlyArray<LogRendering> = [
  PLAIN,
  { format: "text", host: "prefix" },
  { format: "ndjson", host: "none", cursors: true },
  { format: "sse", host: "none" },
  { format: "multiplexed", host: "none" },
  { format: "frames", host: "none" },
]

const BASE = 1_795_341_075_000_000_000n
const flavours: ReadonlyArray<Flavour> = ["docker-20.10", "docker-26.1", "podman"]

/** Steps of a clock that stands still, runs, and goes back. */
const anyWrites = fc.array(
  fc.record({
    stream: fc.constantFrom<"stdout" | "stderr">("stdout", "stderr"),
    step: fc.oneof(
      { weight: 12, arbitrary: fc.nat(5) },
      { weight: 2, arbitrary: fc.integer({ min: -40, max: 0 }) },
      // 30 s back, an hour ahead.
      { weight: 1, arbitrary: fc.constantFrom(-30_000_000, 3_600_000_000) },
    ),
    length: fc.oneof(
      { weight: 8, arbitrary: fc.nat(40) },
      { weight: 1, arbitrary: fc.constantFrom(16_383, 16_384, 40_000) },
    ),
  }),
  { minLength: 1, maxLength: 40 },
)

const write = (
  container: SampleContainer,
  writes: ReadonlyArray<{ stream: "stdout" | "stderr"; step: number; length: number }>,
) => {
  let at = BASE
  for (const [index, { stream, step, length }] of writes.entries()) {
    at += BigInt(step) * 1000n
    container.log(stream, `${index} ${"x".repeat(length)}\n`, { at })
  }
}

const resumeFrom = (writer: CollectingWriter, received: number, before: LogReader.LogRequest["resume"]) => {
  const mark = writer.marks.findLast(({ offset }) => offset <= received)
  return mark === undefined
    ? { cursor: before!.cursor, received: before!.received + received }
    : { cursor: LogCursor.toText(mark.cursor), received: received - mark.offset }
}

describe.each(flavours)("a log of %s that is gone on with", (flavour) => {
  it.scopedLive(
    "is byte for byte what it would have been, whatever it is and wherever it was cut",
    () =>
      Effect.gen(function* () {
        const { engine, read } = yield* start(flavour)
        const runs = Number(process.env["RDL_TEST_RUNS"] ?? 1) * 15
        const samples = fc.sample(
          fc.record({
            writes: anyWrites,
            rendering: fc.constantFrom(...FORMATS),
            times: fc.record({ since: fc.nat(100), until: fc.nat(200) }, { requiredKeys: [] }),
            cuts: fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: 3 }),
            resolution: fc.constantFrom<"ns" | "us">("ns", "us"),
          }),
          runs,
        )
        for (const { writes, rendering, times, cuts, resolution } of samples) {
          const web = engine.createContainer({ timeResolution: resolution, created: BASE })
          write(web, writes)
          const at = (units: number | undefined) =>
            units === undefined ? undefined : fromNanos(BASE + BigInt(units) * 1000n)!
          const since = at(times.since)
          const until = at(times.until)
          const query = { ...(since === undefined ? {} : { since }), ...(until === undefined ? {} : { until }) }
          const whole = new CollectingWriter()
          yield* read(web, query, whole, rendering)
          const got: Array<Buffer> = []
          let resume: LogReader.LogRequest["resume"]
          for (const fraction of cuts) {
            const writer = new CollectingWriter()
            yield* read(web, query, writer, rendering, resume)
            const taken = Math.floor(fraction * writer.bytes().length)
            got.push(writer.bytes().subarray(0, taken))
            if (writer.marks.length > 0 || resume !== undefined) resume = resumeFrom(writer, taken, resume)
          }
          const rest = new CollectingWriter()
          yield* read(web, query, rest, rendering, resume)
          got.push(rest.bytes())
          const same = Buffer.concat(got).equals(whole.bytes())
          const gaps = [...whole.gaps, ...rest.gaps]
          // Beside the result stands what it was of, so that a failure can be played again.
          expect({ writes, rendering, times, cuts, resolution, same, gaps }).toMatchObject({ same: true, gaps: [] })
          web.remove()
        }
      }),
    120_000,
  )
})

const numbers = (from: number, to: number): string =>
  Array.from({ length: to - from }, (_, index) => `${from + index}\n`).join("")
const wrote = (writer: CollectingWriter, text: string) =>
  Effect.promise(() => writer.until(() => writer.text() === text))

describe("a follow", () => {
  const rotating = { logOptions: { "max-size": "1m" } }
  const isFollow = ({ path, params }: { readonly path: string; readonly params: URLSearchParams }) =>
    path.endsWith("/logs") && params.get("follow") === "1"

  it.scopedLive("gives once what the engine repeats after a rotation", () =>
    Effect.gen(function* () {
      const { engine, read } = yield* start("docker-20.10")
      const web = engine.createContainer(rotating)
      const writer = new CollectingWriter()
      const reading = yield* Effect.fork(read(web, { follow: true }, writer))
      for (let at = 0; at < 100; at += 10) {
        yield* engine.until(() => [...engine.openStreams].some(isFollow))
        web.log("stdout", numbers(at, at + 10))
        yield* wrote(writer, numbers(0, at + 10))
        web.rotate({ drop: 0, duplicate: 7 })
      }
      web.exit()
      expect(yield* Fiber.join(reading)).toEqual({ reason: "stopped" })
      expect(writer.text()).toBe(numbers(0, 100))
      expect(writer.gaps).toEqual([])
    }),
  )

  it.scopedLive("gives what the engine left out at the end", () =>
    Effect.gen(function* () {
      const { engine, read } = yield* start("docker-20.10")
      const web = engine.createContainer()
      const writer = new CollectingWriter()
      const reading = yield* Effect.fork(read(web, { follow: true }, writer))
      yield* engine.until(() => [...engine.openStreams].some(isFollow))
      web.log("stdout", numbers(0, 100))
      web.log("stdout", "unterminated")
      web.exit(0, { followersMiss: 50 })
      expect(yield* Fiber.join(reading)).toEqual({ reason: "stopped" })
      expect(writer.text()).toBe(`${numbers(0, 100)}unterminated`)
    }),
  )

  it.scopedLive("tells a gap where records were rotated away while nobody could read them", () =>
    Effect.gen(function* () {
      const { engine, read } = yield* start("docker-26.1")
      const web = engine.createContainer(rotating)
      web.log("stdout", numbers(0, 10))
      const writer = new CollectingWriter()
      const reading = yield* Effect.fork(read(web, { follow: true }, writer))
      yield* engine.until(() => [...engine.openStreams].some(isFollow))
      yield* engine.down
      web.log("stdout", numbers(10, 20))
      web.rotate()
      web.log("stdout", numbers(20, 30))
      yield* engine.up
      yield* wrote(writer, numbers(0, 10) + numbers(20, 30))
      web.exit()
      expect(yield* Fiber.join(reading)).toEqual({ reason: "stopped" })
      expect(writer.gaps.map(({ offset }) => offset)).toEqual([numbers(0, 10).length])
      expect(writer.gaps[0]!.gap.since! < writer.gaps[0]!.gap.until!).toBe(true)
    }),
  )

  it.scopedLive("finds its place without a gap where only what came before it was rotated away", () =>
    Effect.gen(function* () {
      const { engine, read } = yield* start("docker-20.10")
      const web = engine.createContainer(rotating)
      web.log("stdout", numbers(0, 100))
      const writer = new CollectingWriter()
      const reading = yield* Effect.fork(read(web, { follow: true }, writer))
      yield* engine.until(() => [...engine.openStreams].some(isFollow))
      yield* engine.down
      web.rotate({ drop: 60 })
      web.log("stdout", numbers(100, 130))
      yield* engine.up
      yield* wrote(writer, numbers(0, 130))
      web.exit()
      yield* Fiber.join(reading)
      expect(writer.text()).toBe(numbers(0, 130))
      expect(writer.gaps).toEqual([])
    }),
  )

  it.scopedLive("tells that records are missing in what an engine gave, once a read shows it", () =>
    Effect.gen(function* () {
      const { engine, read } = yield* start("docker-26.1")
      const web = engine.createContainer(rotating)
      web.log("stdout", numbers(0, 10))
      const writer = new CollectingWriter()
      const reading = yield* Effect.fork(read(web, { follow: true }, writer))
      yield* wrote(writer, numbers(0, 10))
      yield* engine.until(() => [...engine.openStreams].some(isFollow))
      web.log("stdout", numbers(10, 20))
      web.rotate({ drop: 0, skip: 10 })
      web.log("stdout", numbers(20, 30))
      yield* wrote(writer, numbers(0, 10) + numbers(20, 30))
      web.exit()
      expect(yield* Fiber.join(reading)).toEqual({ reason: "stopped" })
      expect(writer.text()).toBe(numbers(0, 10) + numbers(20, 30))
      expect(writer.gaps.map(({ gap }) => gap.reason)).toEqual([
        "the engine left out or repeated records of what was read before",
      ])
    }),
  )

  it.scopedLive("is opened anew where it is silent although the log has grown", () =>
    Effect.gen(function* () {
      const { engine, read } = yield* start("docker-26.1")
      const web = engine.createContainer()
      web.log("stdout", numbers(0, 10))
      const writer = new CollectingWriter()
      const reading = yield* Effect.fork(read(web, { follow: true }, writer))
      yield* wrote(writer, numbers(0, 10))
      yield* engine.until(() => [...engine.openStreams].some(isFollow))
      web.log("stdout", numbers(10, 20))
      web.rotate({ drop: 0, skip: 1000 })
      yield* wrote(writer, numbers(0, 20))
      web.exit()
      yield* Fiber.join(reading)
      expect(writer.text()).toBe(numbers(0, 20))
      expect(writer.gaps).toEqual([])
    }),
  )

  it.scopedLive("lets go of the engine while its reader takes nothing, and goes on when it does", () =>
    Effect.gen(function* () {
      const { engine, read } = yield* start("docker-20.10")
      const web = engine.createContainer()
      web.log("stdout", numbers(0, 1000))
      const parked = () => Effect.runSync(Metric.value(parks)).count
      const before = parked()
      const writer = new CollectingWriter(1)
      const reading = yield* Effect.fork(read(web, { follow: true }, writer))
      yield* engine.until(() => parked() > before && engine.openStreams.size === 0)
      web.log("stdout", numbers(1000, 2000))
      writer.give(Number.POSITIVE_INFINITY)
      yield* wrote(writer, numbers(0, 2000))
      web.exit()
      expect(yield* Fiber.join(reading)).toEqual({ reason: "stopped" })
      expect(writer.text()).toBe(numbers(0, 2000))
    }),
  )

  it.scopedLive("reaches back at most eight times as far with each try", () =>
    Effect.gen(function* () {
      for (const flavour of ["docker-20.10", "docker-26.1"] as const) {
        const { engine, read } = yield* start(flavour)
        const web = engine.createContainer({ created: BASE })
        // At a rate that changes, so that no estimate is right at once.
        for (let at = 0; at < 30_000; at++) web.log("stdout", `${at}\n`, { at: BASE + BigInt(at * at) * 1000n })
        const whole = new CollectingWriter()
        yield* read(web, {}, whole)
        const asked = engine.requests.length
        const rest = new CollectingWriter()
        yield* read(web, {}, rest, PLAIN, resumeFrom(whole, 10_000, undefined))
        expect(rest.text()).toBe(whole.text().slice(10_000))
        const tails = engine.requests
          .slice(asked)
          .flatMap(({ params }) => (params.has("tail") ? [Number(params.get("tail"))] : []))
        expect(tails.length).toBeGreaterThan(2)
        expect(tails.length).toBeLessThan(16)
        for (const [index, tail] of tails.slice(1).entries()) {
          expect(tail).toBeGreaterThan(tails[index]!)
          expect(tail).toBeLessThanOrEqual(8 * tails[index]!)
        }
      }
    }),
  )

  it.scopedLive("goes on through an engine that goes and comes, and is no end of the container", () =>
    Effect.gen(function* () {
      const { engine, read } = yield* start("docker-26.1")
      const web = engine.createContainer()
      const writer = new CollectingWriter()
      const reading = yield* Effect.fork(read(web, { follow: true }, writer))
      for (let at = 0; at < 30; at += 10) {
        yield* engine.until(() => [...engine.openStreams].some(isFollow))
        web.log("stdout", numbers(at, at + 5))
        if (at === 10) engine.cutStreams("end")
        else yield* engine.down
        web.log("stdout", numbers(at + 5, at + 10))
        if (at !== 10) yield* engine.up
        yield* wrote(writer, numbers(0, at + 10))
      }
      web.exit()
      expect(yield* Fiber.join(reading)).toEqual({ reason: "stopped" })
      expect(writer.text()).toBe(numbers(0, 30))
    }),
  )
})

describe("a cursor", () => {
  it.scopedLive(
    "that is none, of another container, or of another format leads nowhere, and the user is told why",
    () =>
      Effect.gen(function* () {
        const { engine, read } = yield* start("docker-20.10")
        const web = engine.createContainer()
        const cursor = { container: web.id.slice(0, 16), count: 0, lines: 0 }
        const wrong = [
          ["AAAA", /cannot be read/],
          [LogCursor.toText(LogCursor.encode({ ...cursor, container: "f".repeat(16) })), /another container/],
          [LogCursor.toText(LogCursor.encode({ ...cursor, lines: 1 })), /ndjson or sse/],
        ] as const
        for (const [text, why] of wrong) {
          const writer = new CollectingWriter()
          const problem = yield* Effect.flip(read(web, {}, writer, PLAIN, { cursor: text, received: 0 }))
          expect(problem.reason).toBe("resume-impossible")
          expect(problem.detail).toMatch(why)
          expect(writer.heads).toEqual([])
        }
      }),
  )

  it.scopedLive("leads on although the clock was set back behind it", () =>
    Effect.gen(function* () {
      for (const flavour of flavours)
        for (const back of [5n, 3600n]) {
          const { engine, read } = yield* start(flavour)
          const web = engine.createContainer({ created: BASE })
          web.log("stdout", numbers(0, 10), { at: BASE })
          const writer = new CollectingWriter()
          yield* read(web, {}, writer)
          for (let at = 10; at < 300; at++) web.log("stdout", numbers(at, at + 1), { at: BASE - back * 1_000_000_000n })
          const rest = new CollectingWriter()
          yield* read(web, {}, rest, PLAIN, resumeFrom(writer, writer.bytes().length, undefined))
          expect(rest.text()).toBe(numbers(10, 300))
          expect(rest.gaps).toEqual([])
        }
    }),
  )

  it.scopedLive("in the middle of a line of pieces that are all the same is exact, whatever it was counted from", () =>
    Effect.gen(function* () {
      for (const flavour of ["docker-20.10", "docker-26.1"] as const)
        for (const query of [{ tail: 2 }, { tail: 5 }, { tail: 12 }, { tail: 5, since: fromNanos(BASE + 1n)! }]) {
          const { engine, read } = yield* start(flavour)
          const web = engine.createContainer({ created: BASE })
          web.log("stdout", numbers(0, 1), { at: BASE - 1n })
          web.log("stdout", numbers(1, 5), { at: BASE })
          web.log("stdout", `${"x".repeat(20 * 16_384)}end\n`, { at: BASE + 1n })
          web.log("stdout", numbers(5, 6), { at: BASE + 2n })
          const writer = new CollectingWriter()
          yield* read(web, query, writer, FRAMES)
          const truth = writer.bytes()
          for (let taken = 0; taken <= truth.length; taken += 4_099) {
            const rest = new CollectingWriter()
            yield* read(web, query, rest, FRAMES, resumeFrom(writer, taken, undefined))
            expect(rest.bytes().equals(truth.subarray(taken)), `${flavour} ${query.tail} ${taken}`).toBe(true)
            expect(rest.gaps).toEqual([])
          }
        }
    }),
  )

  it.scopedLive("is told for a log that begins in the middle of a line, however much of it is asked for", () =>
    Effect.gen(function* () {
      for (const flavour of ["docker-20.10", "docker-26.1"] as const) {
        const { engine, read } = yield* start(flavour)
        const web = engine.createContainer({ created: BASE })
        web.log("stdout", `${"x".repeat(3 * 16_384)}end\n`, { at: BASE })
        web.log("stderr", numbers(0, 5), { at: BASE + 1n })
        web.rotate({ drop: 2 })
        const whole = new CollectingWriter()
        yield* read(web, {}, whole, FRAMES)
        for (const tail of [7, 8, 100]) {
          const writer = new CollectingWriter()
          yield* read(web, { tail }, writer, FRAMES)
          expect(writer.bytes().equals(whole.bytes()), `${flavour} ${tail}`).toBe(true)
          const rest = new CollectingWriter()
          yield* read(web, { tail }, rest, FRAMES, resumeFrom(writer, 5_000, undefined))
          expect(rest.bytes().equals(whole.bytes().subarray(5_000)), `${flavour} ${tail}`).toBe(true)
        }
      }
    }),
  )

  it.scopedLive("of a log of which nothing was wanted is the place behind its last record", () =>
    Effect.gen(function* () {
      const { engine, read } = yield* start("docker-26.1")
      const web = engine.createContainer()
      web.log("stdout", numbers(0, 10))
      const query = { follow: true, tail: 0 }
      const writer = new CollectingWriter()
      const reading = yield* Effect.fork(read(web, query, writer))
      yield* Effect.promise(() => writer.until(({ heads }) => heads.length === 1))
      yield* Fiber.interrupt(reading)
      const resume = resumeFrom(writer, 0, undefined)
      web.log("stdout", numbers(10, 20))
      const rest = new CollectingWriter()
      const again = yield* Effect.fork(read(web, query, rest, PLAIN, resume))
      yield* wrote(rest, numbers(10, 20))
      web.exit()
      yield* Fiber.join(again)
      expect(rest.text()).toBe(numbers(10, 20))
    }),
  )
})

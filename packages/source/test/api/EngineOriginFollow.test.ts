import { Effect, Fiber, Metric } from "effect"
import { describe, expect, it } from "@effect/vitest"
import { parks } from "../../src/SourceCounters.ts"
import { CollectingWriter, resumeFrom } from "../log/CollectingWriter.ts"
import { BASE, type Flavour, numbers, PLAIN, start, wrote } from "./SampleLogs.ts"

const isFollow = ({ path, params }: { readonly path: string; readonly params: URLSearchParams }) =>
  path.endsWith("/logs") && params.get("follow") === "1"

interface Given {
  readonly logOptions?: Record<string, string>
  /** How many numbers its log has already. */
  readonly written?: number
}

/** A follow of a container that has given what was there, and has the engine's own follow open; `followed` waits for one again. */
const following = Effect.fnUntraced(function* (flavour: Flavour, { written = 0, ...options }: Given = {}) {
  const { engine, read } = yield* start(flavour)
  const web = engine.createContainer(options)
  web.log("stdout", numbers(0, written))
  const writer = new CollectingWriter()
  const reading = yield* Effect.fork(read(web, { follow: true }, writer))
  const followed = engine.until(() => [...engine.openStreams].some(isFollow))
  yield* wrote(writer, numbers(0, written))
  yield* followed
  return { engine, followed, reading, web, writer }
})

describe("a follow", () => {
  const rotating = { logOptions: { "max-size": "1m" } }

  it.scopedLive("gives once what the engine repeats after a rotation", () =>
    Effect.gen(function* () {
      const { followed, reading, web, writer } = yield* following("docker-20.10", rotating)
      for (let at = 0; at < 100; at += 10) {
        yield* followed
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
      const { reading, web, writer } = yield* following("docker-20.10")
      web.log("stdout", numbers(0, 100))
      web.log("stdout", "unterminated")
      web.exit(0, { followersMiss: 50 })
      expect(yield* Fiber.join(reading)).toEqual({ reason: "stopped" })
      expect(writer.text()).toBe(`${numbers(0, 100)}unterminated`)
    }),
  )

  it.scopedLive("tells a gap where records were rotated away while nobody could read them", () =>
    Effect.gen(function* () {
      const { engine, reading, web, writer } = yield* following("docker-26.1", { ...rotating, written: 10 })
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
      const { engine, reading, web, writer } = yield* following("docker-20.10", { ...rotating, written: 100 })
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
      const { reading, web, writer } = yield* following("docker-26.1", { ...rotating, written: 10 })
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
      const { reading, web, writer } = yield* following("docker-26.1", { written: 10 })
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
      const { engine, followed, reading, web, writer } = yield* following("docker-26.1")
      for (let at = 0; at < 30; at += 10) {
        yield* followed
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

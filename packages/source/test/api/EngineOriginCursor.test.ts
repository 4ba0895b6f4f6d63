import { Effect, Fiber } from "effect"
import { describe, expect, it } from "@effect/vitest"
import * as LogCursor from "@rdl/core/log/LogCursor"
import { fromNanos } from "@rdl/core/log/LogTime"
import { CollectingWriter, resumeFrom } from "../log/CollectingWriter.ts"
import { BASE, flavours, FRAMES, numbers, PLAIN, start, wrote } from "./SampleLogs.ts"

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

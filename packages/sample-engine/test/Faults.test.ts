import { describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import * as SampleEngine from "@rdl/sample-engine/SampleEngine"
import { ask, askWhole, frameOf, framesOf, send } from "./contract/RawClient.ts"

const LOGS = "/containers/web/logs?stdout=1"

/** An engine with a container `web` of ten lines `0` … `9`. */
const withTen = (options: SampleEngine.Options = {}) =>
  Effect.map(SampleEngine.make(options), (engine) => {
    const container = engine.createContainer({ name: "web" })
    for (let i = 0; i < 10; i++) container.log("stdout", `${i}\n`)
    return { engine, container }
  })

const whole = (engine: SampleEngine.SampleEngine, path: string) => Effect.promise(() => askWhole(engine.url, path))

/** The chunk of one such line on the wire: `a\r\n`, ten bytes, `\r\n`. */
const CHUNK_BYTES = 15

describe("faults", () => {
  it.live("answers late, or never, and no longer to one who has left", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { engine } = yield* withTen()
        const late = engine.faults.add({ delay: 100 })
        const first = send(engine.url, "/_ping")
        yield* engine.until(() => late.strikes === 1)
        expect((yield* whole(engine, "/_ping")).text).toBe("OK")
        expect(first.status).toBe(0)
        yield* Effect.promise(() => first.whenEnded())
        expect(first.text).toBe("OK")
        const never = engine.faults.add({ delay: Infinity })
        const silent = send(engine.url, "/_ping")
        yield* engine.until(() => never.strikes === 1)
        expect((yield* whole(engine, "/_ping")).text).toBe("OK")
        expect([silent.status, silent.ending]).toEqual([0, undefined])
        silent.close()
      }),
    ),
  )

  it.scoped("strikes as often as told, only what it is told, until removed", () =>
    Effect.gen(function* () {
      const { engine } = yield* withTen()
      const answer = { status: 502, contentType: "text/html", body: "<html>bad gateway</html>" }
      const fault = engine.faults.add({ when: ({ path }) => path.endsWith("/logs"), times: Infinity, answer })
      expect((yield* whole(engine, "/_ping")).status).toBe(200)
      for (let i = 0; i < 3; i++) {
        const got = yield* whole(engine, LOGS)
        expect([got.status, got.headers["content-type"], got.text]).toEqual([502, "text/html", answer.body])
      }
      expect(fault.strikes).toBe(3)
      fault.remove()
      expect((yield* whole(engine, LOGS)).status).toBe(200)
      engine.faults.add({ answer })
      expect((yield* whole(engine, "/_ping")).status).toBe(502)
      expect((yield* whole(engine, "/_ping")).status).toBe(200)
    }),
  )

  it.scoped("cuts an answer after any number of bytes, without its end, on a unix socket and on TCP", () =>
    Effect.gen(function* () {
      for (const listen of [undefined, "tcp"] as const) {
        const { engine } = yield* withTen(listen === undefined ? {} : { listen })
        for (const afterBytes of [0, 1, 2, 3, 14, CHUNK_BYTES, 31, 150]) {
          engine.faults.add({ cut: { afterBytes, how: "fin" } })
          const answer = yield* Effect.promise(() => ask(engine.url, LOGS))
          expect(yield* Effect.promise(() => answer.whenEnded())).toBe("broken")
          expect(answer.chunks).toHaveLength(Math.floor(afterBytes / CHUNK_BYTES))
        }
        engine.faults.add({ cut: { afterBytes: 151, how: "fin" } })
        expect(framesOf(yield* whole(engine, LOGS))).toHaveLength(10)
      }
    }),
  )

  it.scoped("resets a TCP connection", () =>
    Effect.gen(function* () {
      const { engine } = yield* withTen({ listen: "tcp" })
      const answer = yield* Effect.promise(() => ask(engine.url, `${LOGS}&follow=1`))
      yield* engine.until(() => engine.openStreams.size === 1)
      engine.cutStreams("rst")
      expect(yield* Effect.promise(() => answer.whenEnded())).toBe("reset")
      expect(engine.openStreams.size).toBe(0)
    }),
  )

  it.scoped("reports an error in band after so many records, and ends as if all were well", () =>
    Effect.gen(function* () {
      const { engine } = yield* withTen()
      engine.faults.add({ error: { afterRecords: 3, message: "invalid character" } })
      const answer = yield* whole(engine, LOGS)
      expect(framesOf(answer)).toEqual([
        ...["0\n", "1\n", "2\n"].map((payload) => ({ type: 1, payload })),
        { type: 3, payload: "Error grabbing logs: invalid character\n" },
      ])
    }),
  )

  it.scoped("sends garbage in place of a frame, then goes on", () =>
    Effect.gen(function* () {
      const { engine } = yield* withTen()
      engine.faults.add({ garbage: { afterRecords: 9, bytes: Buffer.from("<html>") } })
      const answer = yield* whole(engine, LOGS)
      expect(answer.chunks.map(String)[9]).toBe("<html>")
      expect(answer.chunks.slice(10).map((bytes) => frameOf(bytes).payload)).toEqual(["9\n"])
    }),
  )

  it.live("sends no faster than told", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { engine } = yield* withTen()
        engine.faults.add({ bytesPerSecond: 500 })
        const before = performance.now()
        expect(framesOf(yield* whole(engine, LOGS))).toHaveLength(10)
        // 150 bytes: a busy machine makes it longer, never shorter.
        expect(performance.now() - before).toBeGreaterThan(250)
      }),
    ),
  )

  it.scoped("ends or breaks the streams that are chosen, and leaves the others", () =>
    Effect.gen(function* () {
      const { engine, container } = yield* withTen()
      const follow = yield* Effect.promise(() => ask(engine.url, `${LOGS}&follow=1`))
      const events = yield* Effect.promise(() => ask(engine.url, "/events"))
      yield* engine.until(() => engine.openStreams.size === 2)
      engine.cutStreams("end", ({ path }) => path === "/events")
      expect(yield* Effect.promise(() => events.whenEnded())).toBe("whole")
      container.log("stdout", "still here\n")
      yield* Effect.promise(() => follow.when(() => follow.text.includes("still here")))
      engine.cutStreams("fin")
      expect(yield* Effect.promise(() => follow.whenEnded())).toBe("broken")
    }),
  )

  it.scoped("makes followers read again, miss lines and end early, as Docker 20.10 does", () =>
    Effect.gen(function* () {
      const { engine, container } = yield* withTen()
      const answer = yield* Effect.promise(() => ask(engine.url, `${LOGS}&follow=1&timestamps=1`))
      yield* Effect.promise(() => answer.when(() => answer.chunks.length === 10))
      container.rotate({ drop: 8, duplicate: 2 })
      yield* Effect.promise(() => answer.when(() => answer.chunks.length === 12))
      expect(answer.chunks.slice(10)).toEqual(answer.chunks.slice(8, 10))
      for (const line of ["a", "b", "c", "d"]) container.log("stdout", `${line}\n`)
      container.rotate({ drop: 0, skip: 2 })
      container.log("stdout", "e\nf\n")
      container.stop({ followersMiss: 1 })
      yield* Effect.promise(() => answer.whenEnded())
      const texts = framesOf(answer).map(({ payload }) => payload.slice(31).trim())
      expect(texts.join("")).toBe("012345678989cde")
      const again = yield* whole(engine, LOGS)
      expect(
        framesOf(again)
          .map(({ payload }) => payload.trim())
          .join(""),
      ).toBe("89abcdef")
    }),
  )

  it.scoped("keeps no more than 100 faults", () =>
    Effect.gen(function* () {
      const engine = yield* SampleEngine.make()
      for (let i = 0; i < 100; i++) engine.faults.add({})
      expect(() => engine.faults.add({})).toThrow("more than 100 faults")
    }),
  )
})

import { get } from "node:http"
import { describe, expect, it } from "@effect/vitest"
import { Context, Effect, Fiber, Layer, Option } from "effect"
import { ContainerId, ContainerName } from "@rdl/core/model/Container"
import type { LogQuery, LogRendering } from "@rdl/core/log/LogQuery"
import { LogTime } from "@rdl/core/log/LogTime"
import { SourceName } from "@rdl/core/model/SourceName"
import * as SampleEngine from "@rdl/sample-engine/SampleEngine"
import { payloads } from "@rdl/test-kit/RealEngineTruth"
import * as EngineClient from "../../src/engine/EngineClient.ts"
import * as EngineOrigin from "../../src/api/EngineOrigin.ts"
import * as LogReader from "../../src/log/LogReader.ts"
import { CollectingWriter } from "../log/CollectingWriter.ts"

type SampleContainer = SampleEngine.SampleEngine["containers"][number]

const start = Effect.fnUntraced(function* (flavour: NonNullable<SampleEngine.Options["flavour"]> = "docker-20.10") {
  const engine = yield* SampleEngine.make({ flavour })
  const layer = Layer.provide(
    LogReader.layer(Effect.map(EngineOrigin.make({ retryMs: 300 }), (engine) => [engine])),
    EngineClient.layer({ engine: engine.url, env: {} }),
  )
  const reader = Context.get(yield* Layer.build(layer), LogReader.LogReader)
  const read = (
    from: SampleContainer,
    query: Partial<LogQuery>,
    writer: CollectingWriter,
    rendering: LogRendering = { format: "text", host: "none" },
  ) => {
    const name = ContainerName.make(from.name)
    const container = { id: ContainerId.make(from.id), name, names: [name] as const, labels: {}, ports: [], created: 0 }
    return reader.read(
      {
        container: { ...container, image: "", imageId: "", command: "", state: "", status: "" },
        query: { follow: false, stdout: true, stderr: true, timestamps: false, details: false, ...query },
        rendering,
        source: SourceName.make("edge-1"),
      },
      writer,
    )
  }
  return { engine, read }
})

const open = (writer: CollectingWriter) => Effect.promise(() => writer.until(({ heads }) => heads.length === 1))
const wrote = (writer: CollectingWriter, text: string) =>
  Effect.promise(() => writer.until(() => writer.text() === text))
const bodyOf = (url: string, path: string): Promise<Buffer> =>
  new Promise((resolve, reject) => {
    const asked = get({ socketPath: url.replace("unix://", ""), path }, (answer) => {
      answer.toArray().then((parts) => resolve(Buffer.concat(parts as Array<Buffer>)), reject)
    })
    asked.on("error", reject)
  })
const isLogs = ({ path }: { readonly path: string }) => path.endsWith("/logs")

describe("EngineOrigin", () => {
  it.scopedLive("hands each line of an idle follow on by itself", () =>
    Effect.gen(function* () {
      const { engine, read } = yield* start()
      const web = engine.createContainer()
      const writer = new CollectingWriter()
      const reading = yield* Effect.fork(read(web, { follow: true }, writer))
      yield* open(writer)
      let text = ""
      for (const line of ["one\n", "two\n", "three\n"]) {
        web.log("stdout", line)
        yield* wrote(writer, (text += line))
      }
      web.exit()
      expect(yield* Fiber.join(reading)).toEqual({ reason: "stopped" })
    }),
  )

  it.scopedLive("goes on exactly where an answer broke off, wherever that was", () =>
    Effect.gen(function* () {
      const { engine, read } = yield* start()
      const web = engine.createContainer()
      for (let line = 0; line < 100; line++) web.log("stdout", `line ${line}\n`)
      const whole = new CollectingWriter()
      yield* read(web, {}, whole)
      for (const afterBytes of [0, 1, 7, 60, 500, 3000]) {
        const fault = engine.faults.add({ when: isLogs, cut: { afterBytes, how: "fin" } })
        const writer = new CollectingWriter()
        expect(yield* read(web, {}, writer)).toEqual({ reason: "eof" })
        expect(fault.strikes).toBe(1)
        expect(writer.text()).toBe(whole.text())
      }
    }),
  )

  it.scopedLive("calls a log broken that breaks off again and again, and gives what came before", () =>
    Effect.gen(function* () {
      const { engine, read } = yield* start()
      const web = engine.createContainer()
      for (let line = 0; line < 100; line++) web.log("stdout", `line ${line}\n`)
      const whole = new CollectingWriter()
      yield* read(web, {}, whole)
      for (const afterBytes of [0, 60, 500]) {
        const fault = engine.faults.add({ when: isLogs, times: Infinity, cut: { afterBytes, how: "fin" } })
        const writer = new CollectingWriter()
        const problem = yield* Effect.flip(read(web, {}, writer))
        fault.remove()
        expect(problem.reason).toBe("engine-unavailable")
        expect(whole.text().startsWith(writer.text())).toBe(true)
        expect(whole.text()).not.toBe(writer.text())
      }
    }),
  )

  it.scopedLive("takes bytes that are no log, and the engine's own word that it cannot go on, for broken", () =>
    Effect.gen(function* () {
      const { engine, read } = yield* start()
      const web = engine.createContainer()
      for (let line = 0; line < 10; line++) web.log("stdout", `line ${line}\n`)
      const strikes = [
        { garbage: { afterRecords: 3, bytes: Buffer.from("garbage!!") } },
        { error: { afterRecords: 3, message: "invalid character" } },
      ]
      for (const strike of strikes) {
        const fault = engine.faults.add({ when: isLogs, times: Infinity, ...strike })
        const writer = new CollectingWriter()
        const problem = yield* Effect.flip(read(web, {}, writer))
        expect(fault.strikes).toBe(3)
        fault.remove()
        expect(problem.reason).toBe("engine-error")
        expect(writer.text()).toBe("line 0\nline 1\nline 2\n")
      }
    }),
  )

  it.scopedLive("passes the engine's own words on in the engine's own formats, as the engine says them", () =>
    Effect.gen(function* () {
      const { engine, read } = yield* start()
      for (const [tty, format] of [
        [false, "multiplexed"],
        [true, "raw"],
        [false, "frames"],
        [true, "frames"],
      ] as const) {
        const web = engine.createContainer({ tty })
        web.log("stdout", "one\n")
        const error = { afterRecords: 1, message: "invalid character" }
        const fault = engine.faults.add({ when: isLogs, times: Infinity, error })
        const truth = yield* Effect.promise(() => bodyOf(engine.url, `/containers/${web.id}/logs?stdout=1`))
        const writer = new CollectingWriter()
        const problem = yield* Effect.flip(read(web, {}, writer, { format, host: "none" }))
        fault.remove()
        expect(problem.detail).toContain("invalid character")
        expect(truth.toString()).toContain("invalid character")
        const said = format === "frames" && tty ? payloads(writer.bytes()) : writer.bytes()
        expect(said.toString("latin1")).toBe(truth.toString("latin1"))
      }
    }),
  )

  it.scopedLive("leaves the rest at the engine while the writer has no room, and holds up nobody else", () =>
    Effect.gen(function* () {
      const { engine, read } = yield* start()
      const web = engine.createContainer()
      for (let line = 0; line < 300; line++) web.log("stdout", `${"x".repeat(10_000)}\n`)
      const full = new CollectingWriter(1)
      const waiting = yield* Effect.fork(read(web, {}, full))
      yield* Effect.promise(() => full.until(({ pieces }) => pieces.length > 0))
      const other = new CollectingWriter()
      yield* read(web, {}, other)
      expect(other.bytes()).toHaveLength(300 * 10_001)
      expect(full.bytes().length).toBeLessThanOrEqual(192 * 1024)
      full.give(Number.POSITIVE_INFINITY)
      expect(yield* Fiber.join(waiting)).toEqual({ reason: "eof" })
      expect(full.sha256()).toBe(other.sha256())
    }),
  )

  it.scopedLive("lets go of the engine as soon as it is interrupted", () =>
    Effect.gen(function* () {
      const { engine, read } = yield* start()
      const web = engine.createContainer()
      const writer = new CollectingWriter()
      const reading = yield* Effect.fork(read(web, { follow: true }, writer))
      yield* engine.until(() => engine.openStreams.size === 1)
      yield* open(writer)
      yield* Fiber.interrupt(reading)
      const gone = yield* Effect.timeoutOption(
        engine.until(() => engine.openStreams.size === 0),
        "10 seconds",
      )
      expect(Option.isSome(gone)).toBe(true)
    }),
  )

  it.scopedLive(
    "asks Podman in Podman's words, with a margin around its times, counts its last lines, and refuses a tail it cannot bear",
    () =>
      Effect.gen(function* () {
        const { engine, read } = yield* start("podman")
        const web = engine.createContainer()
        for (const line of ["zero\n", "one\n", "two\n", "three\n"]) web.log("stdout", line)
        const times = { since: LogTime.make("1000.000000500"), until: LogTime.make("9999999999") }
        const writer = new CollectingWriter()
        expect(yield* read(web, { ...times, details: true }, writer)).toEqual({ reason: "eof" })
        expect(writer.text()).toBe("zero\none\ntwo\nthree\n")
        const { params } = engine.requests.findLast(isLogs)!
        expect(Object.fromEntries(params)).toEqual({
          stdout: "1",
          stderr: "1",
          timestamps: "1",
          details: "1",
          since: "999.999999500",
          until: "9999999999.000001000",
        })
        const last = new CollectingWriter()
        expect(yield* read(web, { ...times, tail: 3 }, last)).toEqual({ reason: "eof" })
        expect(last.text()).toBe("one\ntwo\nthree\n")
        const asked = engine.requests.length
        const refused = yield* Effect.flip(read(web, { tail: EngineOrigin.MAX_PODMAN_TAIL + 1 }, writer))
        expect(refused.reason).toBe("bad-request")
        expect(engine.requests.slice(asked).some(isLogs)).toBe(false)
      }),
  )

  it.scopedLive("says that the engine is gone, and not where it was", () =>
    Effect.gen(function* () {
      const { engine, read } = yield* start()
      const web = engine.createContainer()
      yield* engine.down
      const problem = yield* Effect.flip(read(web, {}, new CollectingWriter()))
      expect(problem.reason).toBe("engine-unavailable")
      expect(problem.detail).not.toContain("sock")
    }),
  )
})

import { describeEachEngine } from "@rdl/test-kit/Engines"
import { type RealContainer, RealEngine } from "@rdl/test-kit/RealEngine"
import { Effect, Fiber, Layer, ManagedRuntime } from "effect"
import { afterAll, beforeAll, expect, it } from "vitest"
import type { LogQuery, LogRendering } from "@rdl/core/log/LogQuery"
import { SourceName } from "@rdl/core/model/SourceName"
import * as EngineClient from "../../src/engine/EngineClient.ts"
import * as EngineOrigin from "../../src/api/EngineOrigin.ts"
import * as LogReader from "../../src/log/LogReader.ts"
import { asContainer } from "../AsContainer.ts"
import { CollectingWriter, resumeFrom } from "../log/CollectingWriter.ts"

const all: LogQuery = { follow: false, stdout: true, stderr: true, timestamps: false, details: false }
const text: LogRendering = { format: "text", host: "none" }
const CUTS = 25
const HISTORY_CUTS = 10

/** Numbers, one a line: in their order, none twice; what is missing was told as a gap at that place. */
const expectNothingLost = (writer: CollectingWriter, written: number) => {
  const lines = writer.text().split("\n").slice(0, -1)
  const gapsAt = new Set(writer.gaps.map(({ offset }) => offset))
  let offset = 0
  // What was gone before the first look was never there for this reader.
  let before = Number(lines[0]) - 1
  for (const line of lines) {
    const number = Number(line)
    expect(number).toBeGreaterThan(before)
    if (number > before + 1) expect(gapsAt.has(offset), `${before} to ${number}`).toBe(true)
    before = number
    offset += line.length + 1
  }
  expect(before).toBe(written)
}

await describeEachEngine("a log", ({ kind, socket }) => {
  const isPodman = kind === "podman"
  const engine = new RealEngine(socket)
  const made: Array<RealContainer> = []
  let runtime: ManagedRuntime.ManagedRuntime<LogReader.LogReader, never>

  const keep = async (container: Promise<RealContainer>) => {
    made.push(await container)
    return container
  }
  const read = (
    container: RealContainer,
    query: Partial<LogQuery>,
    rendering: LogRendering,
    writer: CollectingWriter,
    resume?: LogReader.LogRequest["resume"],
  ) =>
    Effect.flatMap(LogReader.LogReader, (reader) =>
      reader.read(
        {
          container: asContainer(container),
          query: { ...all, ...query },
          rendering,
          source: SourceName.make("edge-1"),
          resume,
        },
        writer,
      ),
    )
  beforeAll(() => {
    const client = EngineClient.layer({ engine: `unix://${socket}`, env: {} })
    const origins = Effect.map(EngineOrigin.make({ watchMs: 500, parkMs: 200 }), (origin) => [origin])
    runtime = ManagedRuntime.make(Layer.provide(LogReader.layer(origins), client))
  })

  afterAll(async () => {
    await Promise.all(made.map((container) => container.remove().catch(() => {})))
    await runtime.dispose()
    await engine.close()
  })

  it.each(isPodman ? ["json-file"] : ["json-file", "local"])(
    "of the driver %s goes on at any byte of its history",
    async (logDriver) => {
      const script =
        "for i in 1 2 3 4 5 6; do seq 1 500; seq 1 300 >&2; head -c 40000 /dev/zero | tr '\\0' x; echo; done"
      const container = await keep(engine.runToEnd({ script, logDriver }))
      for (const rendering of [text, { format: "sse", host: "none" }, { format: "frames", host: "none" }] as const) {
        const whole = new CollectingWriter()
        await runtime.runPromise(read(container, {}, rendering, whole))
        const truth = whole.bytes()
        for (let cut = 0; cut < HISTORY_CUTS; cut++) {
          const taken = Math.floor((truth.length * cut * 0.9973) / HISTORY_CUTS)
          const rest = new CollectingWriter()
          await runtime.runPromise(read(container, {}, rendering, rest, resumeFrom(whole, taken, undefined)))
          expect(rest.bytes().equals(truth.subarray(taken)), `${rendering.format} at ${taken}`).toBe(true)
          expect(rest.gaps).toEqual([])
        }
      }
    },
  )

  // Rotated often, and nothing of it away: it may all be written before the cuts are done.
  const rotating = { logDriver: "json-file", logOptions: { "max-size": "20k", "max-file": "10" } }
  it.each(isPodman ? [{ logDriver: "json-file" }] : [rotating, { logDriver: "local" }])(
    "that is cut again and again while it is written loses and repeats nothing: %o",
    async (driver) => {
      const script = "i=0; while [ $i -lt 1500 ]; do i=$((i+1)); echo $i; usleep 1000; done"
      const container = await keep(engine.run({ script, ...driver }))
      const got: Array<Buffer> = []
      let resume: LogReader.LogRequest["resume"]
      for (let cut = 1; cut < CUTS; cut++) {
        const writer = new CollectingWriter()
        const fiber = runtime.runFork(read(container, { follow: true }, text, writer, resume))
        await writer.until(() => writer.bytes().length > cut * 3)
        await Effect.runPromise(Fiber.interrupt(fiber))
        const taken = cut * 3 - 1
        got.push(writer.bytes().subarray(0, taken))
        expect(writer.gaps).toEqual([])
        resume = resumeFrom(writer, taken, resume)
      }
      const writer = new CollectingWriter()
      expect(await runtime.runPromise(read(container, { follow: true }, text, writer, resume))).toEqual({
        reason: "stopped",
      })
      got.push(writer.bytes())
      expect(writer.gaps).toEqual([])
      expect(Buffer.concat(got).toString()).toBe(Array.from({ length: 1500 }, (_, index) => `${index + 1}\n`).join(""))
    },
  )

  // Podman keeps one file.
  it.each(isPodman ? [] : [60_000])("is whole after a burst of %i lines that is all still there", async (lines) => {
    const logOptions = { "max-size": "2m", "max-file": "4" }
    const container = await keep(engine.run({ script: `seq 1 ${lines}`, logOptions }))
    const writer = new CollectingWriter()
    expect(await runtime.runPromise(read(container, { follow: true }, text, writer))).toEqual({ reason: "stopped" })
    expect(writer.gaps).toEqual([])
    expectNothingLost(writer, lines)
  })

  it("is told with its gaps where a burst rotated it away", async () => {
    const logOptions = { "max-size": "100k", "max-file": "2" }
    const container = await keep(engine.run({ script: "seq 1 40000; sleep 1", logOptions }))
    const writer = new CollectingWriter()
    await runtime.runPromise(read(container, { follow: true }, text, writer))
    expectNothingLost(writer, 40_000)
  })

  it.each(isPodman ? [1_500] : [])("of %i lines is told with its gaps where its file is begun anew", async (lines) => {
    const script = `sleep 0.3; i=0; while [ $i -lt ${lines} ]; do i=$((i+1)); echo $i; usleep 1000; done`
    const container = await keep(engine.run({ script, logOptions: { "max-size": "20k" } }))
    const writer = new CollectingWriter()
    expect(await runtime.runPromise(read(container, { follow: true }, text, writer))).toEqual({ reason: "stopped" })
    expectNothingLost(writer, lines)
  })

  it("waits for a reader that stops, at the engine, and loses nothing that is still there", async () => {
    const container = await keep(engine.run({ script: "seq 1 20000; sleep 1; seq 20001 30000" }))
    const writer = new CollectingWriter(1)
    const reading = runtime.runPromise(read(container, { follow: true }, text, writer))
    await container.wait()
    writer.give(Number.POSITIVE_INFINITY)
    expect(await reading).toEqual({ reason: "stopped" })
    expectNothingLost(writer, 30_000)
    expect(writer.gaps).toEqual([])
  })
})

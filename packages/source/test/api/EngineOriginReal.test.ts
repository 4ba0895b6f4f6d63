import { describeEachEngine } from "@rdl/test-kit/Engines"
import { type RealContainer, RealEngine } from "@rdl/test-kit/RealEngine"
import { type LogAsked, logTruth, payloads } from "@rdl/test-kit/RealEngineTruth"
import { Effect, Either, FastCheck as fc, Fiber, Layer, ManagedRuntime } from "effect"
import { afterAll, beforeAll, expect, it } from "vitest"
import type { LogQuery, LogRendering } from "@rdl/core/log/LogQuery"
import { LogTime } from "@rdl/core/log/LogTime"
import { SourceName } from "@rdl/core/model/SourceName"
import * as EngineClient from "../../src/engine/EngineClient.ts"
import * as EngineOrigin from "../../src/api/EngineOrigin.ts"
import * as LogReader from "../../src/log/LogReader.ts"
import { asContainer } from "../AsContainer.ts"
import { CollectingWriter, sha256 } from "../log/CollectingWriter.ts"
import { type RecordingRelay, startRelay } from "../answer/RecordingRelay.ts"

const source = SourceName.make("edge-1")

/** Everything that has ever been cut or changed on its way: long lines around the engine's 16 KiB, control bytes, no final newline. */
const AWKWARD = `
  line() { head -c "$1" /dev/zero | tr '\\0' "$2"; echo; }
  echo plain; echo; echo to-stderr >&2; printf 'cr\\r\\n'; printf 'nul\\000esc\\033[31mred\\n'
  printf '\\377\\376 not utf-8\\n'; echo 'grüße 日本 😀'
  line 16383 a; line 16384 b; line 16385 c; line 32768 d >&2; line 1048576 e; echo >&2
  for i in 1 2 3 4 5 6 7 8 9; do echo out $i; echo err $i >&2; done
  printf 'no newline at the end'`

const all: LogQuery = { follow: false, stdout: true, stderr: true, timestamps: false, details: false }
const multiplexed: LogRendering = { format: "multiplexed", host: "none" }
const raw: LogRendering = { format: "raw", host: "none" }
const text: LogRendering = { format: "text", host: "none" }

/** The query as a client of the engine would ask it. */
const asked = (query: LogQuery): LogAsked => {
  const flags = (["stdout", "stderr", "timestamps", "details"] as const).filter((flag) => query[flag])
  const { since, tail, until } = query
  return {
    ...Object.fromEntries(flags.map((flag) => [flag, 1])),
    ...(tail === undefined ? {} : { tail }),
    ...(since === undefined ? {} : { since }),
    ...(until === undefined ? {} : { until }),
  }
}

await describeEachEngine("EngineOrigin", ({ kind, socket }) => {
  const engine = new RealEngine(socket)
  const made: Array<RealContainer> = []
  let relay: RecordingRelay
  let runtime: ManagedRuntime.ManagedRuntime<LogReader.LogReader, never>
  let plain: RealContainer
  let terminal: RealContainer
  let moments: ReadonlyArray<LogTime>

  const isPodman = kind === "podman"
  const truthOf = (container: RealContainer, query: LogQuery, tty: boolean) =>
    logTruth(engine, kind, container, tty, asked(query))
  const keep = async (container: Promise<RealContainer>) => {
    made.push(await container)
    return container
  }
  const read = (
    container: RealContainer,
    query: Partial<LogQuery>,
    rendering: LogRendering,
    writer: CollectingWriter,
  ) =>
    Effect.flatMap(LogReader.LogReader, (reader) =>
      reader.read({ container: asContainer(container), query: { ...all, ...query }, rendering, source }, writer),
    )
  const run = async (container: RealContainer, query: Partial<LogQuery>, rendering: LogRendering) => {
    const writer = new CollectingWriter()
    const ended = await runtime.runPromise(Effect.either(read(container, query, rendering, writer)))
    return { writer, ended }
  }

  beforeAll(async () => {
    relay = await startRelay(socket)
    const client = EngineClient.layer({ engine: relay.socket, env: {} })
    runtime = ManagedRuntime.make(
      Layer.provide(LogReader.layer(Effect.map(EngineOrigin.make({ retryMs: 300 }), (engine) => [engine])), client),
    )
    const labels = { "a.label": "x y", other: "1" }
    const logOptions = isPodman ? {} : { labels: "a.label,other", tag: "t" }
    plain = await keep(engine.runToEnd({ script: AWKWARD, labels, logOptions }))
    terminal = await keep(engine.runToEnd({ script: AWKWARD, labels, logOptions, tty: true }))
    const stamped = (await engine.logs(plain.id, "stdout=1&stderr=1&timestamps=1")).toString("latin1")
    moments = [...stamped.matchAll(/(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d{9})?Z /g)].map(([, seconds, decimals]) =>
      LogTime.make(`${Date.parse(`${seconds}Z`) / 1000}${decimals ?? ""}`),
    )
  })

  afterAll(async () => {
    await Promise.all(made.map((container) => container.remove().catch(() => {})))
    await runtime.dispose()
    await relay.close()
    await engine.close()
  })

  it("gives byte for byte what the engine gives, whatever is asked", async () => {
    expect(moments.length).toBeGreaterThan(80)
    const anyQuery = fc.record(
      {
        stdout: fc.boolean(),
        stderr: fc.boolean(),
        timestamps: fc.boolean(),
        details: fc.boolean(),
        tail: fc.oneof(fc.nat(100), fc.nat(10)),
        since: fc.constantFrom(...moments),
        until: fc.constantFrom(...moments),
      },
      { requiredKeys: ["stdout", "stderr", "timestamps", "details"] },
    )
    const anyWanted = anyQuery.filter((query) => query.stdout || query.stderr)
    await fc.assert(
      fc.asyncProperty(anyWanted, fc.boolean(), async (wanted, tty) => {
        const query: LogQuery = { ...wanted, follow: false }
        const container = tty ? terminal : plain
        const truth = await truthOf(container, query, tty)
        const native = await run(container, query, tty ? raw : multiplexed)
        const asText = await run(container, query, text)
        if (Either.isLeft(native.ended)) console.log(JSON.stringify(native.ended.left), String(native.ended.left.cause))
        expect(native.ended).toEqual(Either.right({ reason: "eof" }))
        expect(native.writer.heads.map((head) => head.tty)).toEqual([tty])
        expect(native.writer.sha256()).toBe(sha256(truth))
        expect(asText.writer.sha256()).toBe(sha256(tty ? truth : payloads(truth)))
      }),
      { numRuns: isPodman ? 25 : 60 },
    )
  })

  it("gives the same to a reader that takes it drop by drop, and lets the engine wait meanwhile", async () => {
    const writer = new CollectingWriter(1)
    const reading = runtime.runPromise(read(plain, {}, multiplexed, writer))
    for (let total = 0; total < 1_200_000; total += 50_000) {
      await writer.until(({ room }) => room <= 0 || writer.pieces.length > 0)
      writer.give(50_000)
      await new Promise((resolve) => setImmediate(resolve))
    }
    writer.give(Number.POSITIVE_INFINITY)
    expect(await reading).toEqual({ reason: "eof" })
    expect(writer.sha256()).toBe(sha256(await engine.logs(plain.id, "stdout=1&stderr=1")))
  })

  it("opens an idle follow at once, and tells that the container stopped", async () => {
    const container = await keep(engine.run({ script: "sleep 100" }))
    const writer = new CollectingWriter()
    const reading = runtime.runPromise(read(container, { follow: true }, text, writer))
    await writer.until(({ heads }) => heads.length === 1)
    expect(writer.pieces).toEqual([])
    await container.stop()
    expect(await reading).toEqual({ reason: "stopped" })
  })

  it("follows what is written until the container stops", async () => {
    const script = "for i in 1 2 3 4 5; do echo $i; usleep 30000; done; usleep 200000"
    const { writer, ended } = await run(await keep(engine.run({ script })), { follow: true }, text)
    expect(ended).toEqual(Either.right({ reason: "stopped" }))
    expect(writer.text()).toBe("1\n2\n3\n4\n5\n")
  })

  it("ends a follow of a stopped container, and tells of one that is removed", async () => {
    const stopped = await run(plain, { follow: true, tail: 0 }, text)
    expect(stopped.ended).toEqual(Either.right({ reason: "stopped" }))
    const container = await keep(engine.run({ script: "sleep 100" }))
    const writer = new CollectingWriter()
    const reading = runtime.runPromise(read(container, { follow: true }, text, writer))
    await writer.until(({ heads }) => heads.length === 1)
    await container.remove()
    // Podman's container stops first, and may be seen so.
    expect(isPodman ? ["removed", "stopped"] : ["removed"]).toContain((await reading).reason)
    const gone = await run(container, {}, text)
    expect(Either.isLeft(gone.ended) && gone.ended.left.reason).toBe("not-found")
  })

  it("ends a follow by the clock where the engine would wait for ever", async () => {
    const container = await keep(engine.run({ script: "echo one; sleep 100" }))
    const written = async () => (await run(container, {}, text)).writer.text()
    await expect.poll(written, { timeout: 30_000 }).toBe("one\n")
    const now = Math.floor(Date.now() / 1000)
    const past = await run(container, { follow: true, until: LogTime.make(`${now - 100}`) }, text)
    expect(past.ended).toEqual(Either.right({ reason: "eof" }))
    const future = await run(container, { follow: true, until: LogTime.make(`${now + 1}`) }, text)
    expect(future.ended).toEqual(Either.right({ reason: "eof" }))
    expect(future.writer.text()).toBe("one\n")
  })

  it("says that a log without a readable driver cannot be read", async () => {
    const container = await keep(engine.runToEnd({ script: "echo one", logDriver: "none" }))
    const { ended, writer } = await run(container, {}, text)
    expect(Either.isLeft(ended) && ended.left.reason).toBe("logs-unsupported")
    expect(writer.heads).toEqual([])
  })

  it("lets go of the engine as soon as it is interrupted, reading or waiting for room", async () => {
    const container = await keep(engine.run({ script: "while :; do echo line; usleep 2000; done" }))
    for (const writer of [new CollectingWriter(), new CollectingWriter(1)]) {
      const fiber = runtime.runFork(read(container, { follow: true, tail: 0 }, text, writer))
      await writer.until(({ pieces }) => pieces.length > 0)
      await Effect.runPromise(Fiber.interrupt(fiber))
      const written = writer.pieces.length
      const asked = relay.requests.length
      await expect.poll(() => relay.follows(), { timeout: 30_000, interval: 10 }).toBe(0)
      expect(relay.requests.length).toBe(asked)
      expect(writer.pieces.length).toBe(written)
    }
  })

  it("goes on where the engine's connection breaks, and never calls that an end", async () => {
    const container = await keep(engine.run({ script: "echo one; sleep 1; echo two; sleep 100" }))
    const writer = new CollectingWriter()
    const reading = runtime.runPromise(read(container, { follow: true }, text, writer))
    for (const expected of ["one\n", "one\ntwo\n"]) {
      await writer.until(() => writer.text() === expected)
      await expect.poll(() => relay.follows(), { timeout: 30_000, interval: 10 }).toBe(1)
      relay.cut()
    }
    await container.stop()
    expect(await reading).toEqual({ reason: "stopped" })
    expect(writer.text()).toBe("one\ntwo\n")
  })
})

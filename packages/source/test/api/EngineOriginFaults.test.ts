/** Real engines under a follow: their file cut to nothing, and themselves restarted. */
import { truncateSync } from "node:fs"
import { describeEachEngine } from "@rdl/test-kit/Engines"
import { dockerds, PrivateEngine } from "@rdl/test-kit/PrivateEngine"
import { type RealContainer, RealEngine } from "@rdl/test-kit/RealEngine"
import { Effect, Layer, ManagedRuntime } from "effect"
import { afterAll, describe, expect, it } from "vitest"
import { SourceName } from "@rdl/core/model/SourceName"
import * as EngineClient from "../../src/engine/EngineClient.ts"
import * as EngineOrigin from "../../src/api/EngineOrigin.ts"
import * as LogReader from "../../src/log/LogReader.ts"
import { asContainer } from "../AsContainer.ts"
import { CollectingWriter } from "../log/CollectingWriter.ts"

/** A follow of a container's whole log, as a source reads it. */
const following = (socket: string) => {
  const client = EngineClient.layer({ engine: `unix://${socket}`, env: {} })
  const origins = Effect.map(EngineOrigin.make({ watchMs: 400, lateMs: 100 }), (origin) => [origin])
  const runtime = ManagedRuntime.make(Layer.provide(LogReader.layer(origins), client))
  const follow = (container: RealContainer, writer: CollectingWriter) =>
    runtime.runPromise(
      Effect.flatMap(LogReader.LogReader, (reader) =>
        reader.read(
          {
            container: asContainer(container),
            query: { follow: true, stdout: true, stderr: true, timestamps: false, details: false },
            rendering: { format: "text", host: "none" },
            source: SourceName.make("edge-1"),
          },
          writer,
        ),
      ),
    )
  return { follow, close: () => runtime.dispose() }
}

/** Writes `n` lines on each signal: 1 to 10, then 11 to 20, … */
const ON_SIGNAL = `
  n=0; more() { for i in 1 2 3 4 5 6 7 8 9 10; do n=$((n+1)); echo $n; done; }
  trap more USR1; more; while :; do usleep 20000; done`

const lines = (from: number, to: number): string =>
  Array.from({ length: to - from + 1 }, (_, index) => `${from + index}\n`).join("")

await describeEachEngine(
  "a follow",
  ({ socket }) => {
    const engine = new RealEngine(socket)
    const source = following(socket)
    const made: Array<RealContainer> = []
    afterAll(async () => {
      await source.close()
      await Promise.all(made.map((container) => container.remove()))
      await engine.close()
    })

    it("goes on with a gap where somebody cut the log's file to nothing", { timeout: 60_000 }, async () => {
      const container = await engine.run({ script: ON_SIGNAL })
      made.push(container)
      const { LogPath } = await engine.json<{ LogPath: string }>(`/containers/${container.id}/json`)
      const writer = new CollectingWriter()
      const reading = source.follow(container, writer)
      await writer.until(() => writer.text() === lines(1, 10))
      truncateSync(LogPath)
      await engine.request("POST", `/containers/${container.id}/kill?signal=USR1`)
      await writer.until(() => writer.text() === lines(1, 20))
      await container.stop()
      expect(await reading).toEqual({ reason: "stopped" })
      expect(writer.text()).toBe(lines(1, 20))
      expect(writer.gaps.map(({ offset }) => offset)).toEqual([lines(1, 10).length])
    })
  },
  ({ kind }) => kind === "docker" && process.getuid?.() === 0,
)

describe.skipIf(dockerds().length === 0).each(dockerds())("a follow of a log of $name", (dockerd) => {
  it("goes on over a restart of the engine that lets its containers live", { timeout: 120_000 }, async () => {
    const own = await PrivateEngine.start(dockerd, ["--live-restore"])
    const engine = new RealEngine(own.socket)
    const source = following(own.socket)
    try {
      const container = await engine.run({ script: ON_SIGNAL })
      const writer = new CollectingWriter()
      const reading = source.follow(container, writer)
      await writer.until(() => writer.text() === lines(1, 10))
      await own.restart()
      await engine.request("POST", `/containers/${container.id}/kill?signal=USR1`)
      await writer.until(() => writer.text() === lines(1, 20))
      await container.stop()
      expect(await reading).toEqual({ reason: "stopped" })
      expect(writer.text()).toBe(lines(1, 20))
      expect(writer.gaps).toEqual([])
      await container.remove()
    } finally {
      await source.close()
      await engine.close()
      await own.remove()
    }
  })
})

import { describe, expect, it } from "@effect/vitest"
import { LinkDialer } from "@rdl/core/link/Link"
import { serve, type StreamWriter } from "@rdl/core/link/LinkSession"
import { Context, Effect, Layer } from "effect"
import * as FaultWorld from "./FaultWorld.ts"
import { carriers, status, until } from "./FaultWorld.ts"
import * as RawSource from "./RawSource.ts"

/** What a source with so many containers tells of them, one line each. */
function* inventory(containers: number): Generator<string> {
  yield '{"_tag":"Begin"}\n'
  const like = JSON.stringify({ _tag: "Put", container: RawSource.container("NAME", "ID") })
  for (let n = 0; n < containers; n++)
    yield `${like.replaceAll("NAME", `web-${n}`).replace("ID", n.toString(16).padStart(64, "0"))}\n`
  yield '{"_tag":"Ready"}\n'
}

/** Writes it as fast as it is taken, in pieces of a frame, letting others have their turn. */
const tell = (containers: number, writer: StreamWriter) =>
  Effect.gen(function* () {
    writer.head({ contentType: "application/x-ndjson" })
    let piece = ""
    for (const line of inventory(containers)) {
      piece += line
      if (piece.length < 60_000) continue
      writer.write(Buffer.from(piece))
      piece = ""
      yield* Effect.async<void>((resume) => writer.onWritable(() => resume(Effect.void)))
      yield* Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))
    }
    writer.write(Buffer.from(piece))
    return yield* Effect.never
  })

/** Links a source that has so many containers, and nothing else; succeeds with why its link was lost. */
const crowded = (world: FaultWorld.World, carrier: FaultWorld.Carrier, containers: number) =>
  Effect.gen(function* () {
    const token = yield* world.token("source", "crowded")
    const { dial } = Context.get(yield* Layer.build(FaultWorld.dialerLayer(carrier, world.url, token)), LinkDialer)
    return yield* Effect.flip(
      serve(yield* Effect.orDie(dial), {
        hello: { versions: [1], instanceId: "i", time: Date.now(), agent: "t", engine: null, features: [] },
        handler: (_, writer) => tell(containers, writer),
        onWelcome: () => Effect.void,
      }),
    )
  })

/** The longest the process did nothing else while this went on, in milliseconds of its own work: those that a busy machine takes from it are not counted. */
const longestStop = <A, E, R>(what: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    let worked = process.cpuUsage()
    let stopped = 0
    const beat = () => {
      const { system, user } = process.cpuUsage(worked)
      stopped = Math.max(stopped, (system + user) / 1_000)
      worked = process.cpuUsage()
    }
    const beats = setInterval(beat, 10)
    const result = yield* Effect.ensuring(
      what,
      Effect.sync(() => clearInterval(beats)),
    )
    beat()
    return { result, stopped }
  })

describe.each(carriers)("a source over %s", (carrier) => {
  it.scopedLive("that tells of 100,000 containers loses its link at the bound, and stops nobody", () =>
    Effect.gen(function* () {
      const world = yield* FaultWorld.start(carrier)
      const edge = yield* world.source("edge")
      yield* edge.container({ name: "web" })
      const { result: lost, stopped } = yield* longestStop(crowded(world, carrier, 100_000))
      expect(lost.detail).toContain("more than 50000 containers")
      expect(world.logged.join("\n")).toContain(
        "the source crowded sent more than 50000 containers; its link is closed",
      )
      yield* until(() => status(world.registry, "crowded")?.connected === false)
      expect(status(world.registry, "crowded")?.containers).toBeLessThanOrEqual(50_001)
      expect(status(world.registry, "edge")?.connected).toBe(true)
      expect(stopped).toBeLessThan(1_000)
      // What it has told is still shown, as stale: the longest list there may be of one source.
      const all = yield* longestStop(world.ask("/containers?all=1"))
      expect(yield* all.result.ended).toBe("whole")
      expect(all.result.bytes()).toBeGreaterThan(10_000_000)
      expect(all.stopped).toBeLessThan(5_000)
      const one = yield* world.ask("/containers?source=edge")
      expect(yield* one.ended).toBe("whole")
      expect(one.text()).toContain('"name":"web"')
    }),
  )

  it.scopedLive("that is silent is listed at once, as last told, and so are the others", () =>
    Effect.gen(function* () {
      const world = yield* FaultWorld.start(carrier)
      const silent = yield* world.source("silent")
      const other = yield* world.source("other")
      yield* silent.container({ name: "db" })
      yield* other.container({ name: "web" })
      for (const way of [silent.relay.up, silent.relay.down]) way.set({ blackhole: true })
      const asked = performance.now()
      for (const path of ["/containers", "/sources"]) {
        const list = yield* world.ask(path)
        expect([list.status, yield* list.ended]).toEqual([200, "whole"])
        expect(list.text()).toMatch(/silent/)
        expect(list.text()).toMatch(/other/)
      }
      // Nobody has noticed yet: the answer waited for no link to be found dead.
      expect(status(world.registry, "silent")?.connected).toBe(true)
      expect(performance.now() - asked).toBeLessThan(10_000)
    }),
  )
})

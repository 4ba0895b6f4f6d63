import { describe, expect, it } from "@effect/vitest"
import { Chunk, Clock, Context, Duration, Effect, Fiber, Layer, Option, Queue, Stream, TestClock } from "effect"
import { ContainerId } from "@rdl/core/model/Container"
import type { InventoryChange } from "@rdl/core/model/InventoryChange"
import * as SampleEngine from "@rdl/sample-engine/SampleEngine"
import * as EngineClient from "../../src/engine/EngineClient.ts"
import * as Inventory from "../../src/inventory/Inventory.ts"

/** Watches until the test's scope ends. */
const watch = (engine: SampleEngine.SampleEngine) =>
  Layer.build(Layer.provide(Inventory.layer, EngineClient.layer({ engine: engine.url, env: {} }))).pipe(
    Effect.map((services) => Context.get(services, Inventory.Inventory)),
  )

const isList = (request: { readonly path: string }) => request.path.endsWith("/containers/json")

/** In words: what a change says, without the rest of the container. */
const told = (change: InventoryChange): string => {
  if (change._tag === "Put") return `${change.container.name} ${change.container.state}`
  if (change._tag === "EngineChanged") return change.engine === null ? "no engine" : change.engine.kind
  return change._tag
}

/** A subscriber: `take` gives the next change. */
const subscribe = (inventory: typeof Inventory.Inventory.Service) =>
  Effect.gen(function* () {
    const queue = yield* Queue.unbounded<InventoryChange>()
    yield* Effect.forkScoped(Stream.runForEach(inventory.changes, (change) => queue.offer(change)))
    return { take: Effect.map(queue.take, told) }
  })

/** Takes until the sentence comes; statuses in between may be missed, as they may be in life. */
const takeUntil = (
  next: { readonly take: Effect.Effect<string> },
  sentence: string,
): Effect.Effect<ReadonlyArray<string>> =>
  Effect.gen(function* () {
    const seen: Array<string> = []
    while (seen.at(-1) !== sentence) seen.push(yield* next.take)
    return seen
  })

describe("Inventory", () => {
  it.scopedLive("listens before it lists, then tells the engine, a snapshot, and what happens", () =>
    Effect.gen(function* () {
      const engine = yield* SampleEngine.make()
      const web = engine.createContainer({ name: "web" })
      engine.createContainer({ name: "old", state: "exited" })
      const inventory = yield* watch(engine)
      const next = yield* subscribe(inventory)
      const first = yield* takeUntil(next, "Ready")
      expect(first[0]).toBe("docker")
      expect(first[1]).toBe("Begin")
      expect(first.slice(2, -1).sort()).toEqual(["old exited", "web running"])
      const asked = engine.requests.map((request) => request.path.replace(/^\/v[\d.]+/, ""))
      expect(asked.indexOf("/events")).toBeLessThan(asked.indexOf("/containers/json"))
      web.pause()
      yield* takeUntil(next, "web paused")
      web.unpause()
      yield* takeUntil(next, "web running")
      web.rename("www")
      yield* takeUntil(next, "www running")
      web.stop()
      yield* takeUntil(next, "www exited")
      web.remove()
      yield* takeUntil(next, "Remove")
      engine.createContainer({ name: "new" })
      yield* takeUntil(next, "new running")
    }),
  )

  it.scopedLive("repairs by listing again what was lost while the events were", () =>
    Effect.gen(function* () {
      const engine = yield* SampleEngine.make()
      const inventory = yield* watch(engine)
      const next = yield* subscribe(inventory)
      yield* takeUntil(next, "Ready")
      engine.losingEvents(() => engine.createContainer({ name: "unseen" }))
      engine.cutStreams("fin")
      // The engine never went away: nothing but the container is new.
      expect(yield* takeUntil(next, "unseen running")).toEqual(["unseen running"])
    }),
  )

  it.scoped("lists everything each minute, for events that never came", () =>
    Effect.gen(function* () {
      const engine = yield* SampleEngine.make()
      const inventory = yield* watch(engine)
      const next = yield* subscribe(inventory)
      yield* takeUntil(next, "Ready")
      engine.losingEvents(() => engine.createContainer({ name: "unseen" }))
      const lists = engine.requests.filter(isList).length
      yield* TestClock.adjust("59 seconds")
      expect(engine.requests.filter(isList)).toHaveLength(lists)
      yield* TestClock.adjust("1 seconds")
      expect(yield* takeUntil(next, "unseen running")).toEqual(["unseen running"])
    }),
  )

  it.scopedLive("tells that the engine is gone, remembers the containers, and starts over when it is back", () =>
    Effect.gen(function* () {
      const engine = yield* SampleEngine.make()
      const web = engine.createContainer({ name: "web" })
      const inventory = yield* watch(engine)
      const next = yield* subscribe(inventory)
      yield* takeUntil(next, "Ready")
      yield* engine.down
      expect(yield* next.take).toBe("no engine")
      expect(yield* inventory.engine).toBeNull()
      expect(Option.isSome(yield* inventory.get(ContainerId.make(web.id)))).toBe(true)
      engine.createContainer({ name: "meanwhile" })
      yield* engine.up
      const back = yield* takeUntil(next, "Ready")
      expect(back.slice(0, 2)).toEqual(["docker", "Begin"])
      expect(back.slice(2, -1).sort()).toEqual(["meanwhile running", "web running"])
    }),
  )

  it.scoped("tries an engine that is gone after 0.25 s, after twice as long each time, and then each 10 s", () =>
    Effect.gen(function* () {
      const engine = yield* SampleEngine.make()
      yield* engine.down
      yield* watch(engine)
      const pauses: Array<number> = []
      while (pauses.length < 8) {
        yield* Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))
        const [next] = yield* TestClock.sleeps()
        if (next === undefined) continue
        const pause = next - (yield* Clock.currentTimeMillis)
        pauses.push(pause)
        yield* TestClock.adjust(pause)
      }
      expect(pauses).toEqual([250, 500, 1_000, 2_000, 4_000, 8_000, 10_000, 10_000])
    }),
  )

  it.scopedLive("says at once that there is no engine, and nothing of containers it never saw", () =>
    Effect.gen(function* () {
      const engine = yield* SampleEngine.make()
      yield* engine.down
      const inventory = yield* watch(engine)
      const next = yield* subscribe(inventory)
      expect(yield* next.take).toBe("no engine")
      yield* engine.up
      expect(yield* takeUntil(next, "Ready")).toEqual(["docker", "Begin", "Ready"])
    }),
  )

  it.scopedLive("asks for few lists in a storm of events", () =>
    Effect.gen(function* () {
      const engine = yield* SampleEngine.make()
      const inventory = yield* watch(engine)
      const next = yield* subscribe(inventory)
      yield* takeUntil(next, "Ready")
      const before = engine.requests.filter(isList).length
      const began = performance.now()
      for (let round = 0; round < 50; round++) {
        const container = engine.createContainer({ name: `storm-${round}` })
        container.stop()
        container.remove()
        yield* Effect.sleep("10 millis")
      }
      engine.createContainer({ name: "last" })
      yield* takeUntil(next, "last running")
      const lists = engine.requests.filter(isList).length - before
      expect(lists).toBeLessThanOrEqual((performance.now() - began) / Duration.toMillis(Inventory.LIST_GAP) + 2)
    }),
  )

  it.scopedLive("gives each subscriber a snapshot of its own", () =>
    Effect.gen(function* () {
      const engine = yield* SampleEngine.make()
      engine.createContainer({ name: "web" })
      const inventory = yield* watch(engine)
      const { changes } = inventory
      const take = Effect.fork(Stream.runCollect(Stream.take(changes, 4)))
      const readers = [yield* take, yield* take]
      for (const reader of readers)
        expect(Chunk.toReadonlyArray(yield* Fiber.join(reader)).map(told)).toEqual([
          "docker",
          "Begin",
          "web running",
          "Ready",
        ])
    }),
  )
})

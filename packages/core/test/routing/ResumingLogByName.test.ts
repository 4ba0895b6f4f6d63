import { describe, expect, it } from "@effect/vitest"
import { Effect, TestClock } from "effect"
import { StreamError } from "../../src/link/StreamError.ts"
import * as FakeSession from "./FakeSession.ts"
import { LogWorld, web } from "./LogWorld.ts"
import { reading, settle } from "./ResumingUser.ts"

describe("a follow by name", () => {
  const exited = { ...web, state: "exited" }
  const successor = FakeSession.container("bb2", "web")

  it.scoped("goes on by cursor with the same container's next run", () =>
    Effect.gen(function* () {
      const world = new LogWorld()
      world.length = 300
      const user = yield* reading(world, { byName: true })
      world.send(300)
      world.mark()
      world.containers = [exited]
      world.end("stopped")
      yield* settle
      world.tell()
      yield* TestClock.adjust("9 seconds")
      expect(user.result).toBeUndefined()
      world.containers = [web]
      world.length = 400
      world.tell()
      yield* settle
      world.send(100)
      expect(user.nexts).toEqual([{ container: "web", id: web.id, why: "restarted" }])
      expect([user.hasAll, user.isWrong, user.result]).toEqual([true, false, undefined])
    }),
  )

  it.scoped("goes on with another container of the name, from its log's start and without the tail", () =>
    Effect.gen(function* () {
      const world = new LogWorld()
      world.length = 300
      const user = yield* reading(world, { byName: true })
      world.send(300)
      world.end("removed")
      world.containers = [successor]
      world.tell()
      yield* settle
      expect(user.nexts).toEqual([{ container: "web", id: successor.id, why: "recreated" }])
      const request = world.served[1]?.request
      expect(request?.containerId).toBe(successor.id)
      expect(request?.query).not.toHaveProperty("tail")
      expect(request).not.toHaveProperty("resume")
      world.send(300)
      expect([user.hasAll, user.isWrong]).toEqual([true, false])
    }),
  )

  it.scoped.each(["not-found", "engine-error"] as const)(
    "goes on past a container that is listed still, and refused as %s",
    (reason) =>
      Effect.gen(function* () {
        const world = new LogWorld()
        world.length = 300
        const user = yield* reading(world, { byName: true })
        world.send(300)
        world.mark()
        world.refusals = [new StreamError({ reason, detail: "no such container" })]
        world.end("stopped")
        yield* settle
        yield* TestClock.adjust("1 second")
        yield* settle
        expect([world.refusals, user.result, user.nexts]).toEqual([[], undefined, []])
        yield* TestClock.adjust("9 seconds")
        world.containers = [successor]
        world.tell()
        yield* settle
        expect(user.nexts).toEqual([{ container: "web", id: successor.id, why: "recreated" }])
        world.send(300)
        expect([user.hasAll, user.isWrong, user.result]).toEqual([true, false, undefined])
      }),
  )

  it.scoped("ends where none comes after a container that was gone already", () =>
    Effect.gen(function* () {
      const world = new LogWorld()
      world.length = 300
      const user = yield* reading(world, { byName: true })
      world.send(300)
      world.refusals = [new StreamError({ reason: "not-found", detail: "no such container" })]
      world.end("stopped")
      yield* settle
      yield* TestClock.adjust("1 second")
      yield* settle
      yield* TestClock.adjust("10 seconds")
      yield* settle
      expect([user.result, user.nexts, world.refusals]).toEqual([{ reason: "stopped" }, [], []])
    }),
  )

  it.scoped("ends as it did where none comes in time, or none that the user may see", () =>
    Effect.gen(function* () {
      for (const scope of [{}, { containers: ["other"] }]) {
        const world = new LogWorld()
        world.containers = [exited]
        const user = yield* reading(world, { byName: true, scope })
        world.end("stopped")
        if (scope.containers !== undefined) world.containers = [successor]
        world.tell()
        yield* settle
        yield* TestClock.adjust("10 seconds")
        yield* settle
        expect([user.result, world.served.length]).toEqual([{ reason: "stopped" }, 1])
      }
    }),
  )

  it.scoped("ends once where the inventory has it running and its log ends again without a word", () =>
    Effect.gen(function* () {
      const world = new LogWorld()
      const user = yield* reading(world, { byName: true })
      world.end("stopped")
      yield* settle
      yield* TestClock.adjust("30 seconds")
      yield* settle
      expect([user.result, user.nexts]).toEqual([{ reason: "stopped" }, []])
    }),
  )

  it.scoped("ends with its container where it is asked for by id", () =>
    Effect.gen(function* () {
      const world = new LogWorld()
      const user = yield* reading(world)
      world.end("stopped")
      yield* settle
      expect(user.result).toEqual({ reason: "stopped" })
    }),
  )
})

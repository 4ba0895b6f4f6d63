import { describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { createHash } from "node:crypto"
import * as FaultWorld from "./FaultWorld.ts"
import { brisk, type Carrier, carriers, status, until } from "./FaultWorld.ts"

const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex")

/** Lines of a log that tell where they stand in it. */
const lines = (count: number): string => Array.from({ length: count }, (_, n) => `${n} ${"x".repeat(990)}\n`).join("")

const follow = (source: string) => `/containers/${source}/web/logs?follow=1&host=none`

/** Two sources, each with a container `web` that is followed; only the first's path is broken. */
const twoFollowed = (carrier: Carrier, terms = brisk, options: FaultWorld.Options = {}) =>
  Effect.gen(function* () {
    const world = yield* FaultWorld.start(carrier, { links: terms, ...options })
    const struck = yield* world.source("struck")
    const other = yield* world.source("other")
    const web = yield* struck.container({ name: "web", maxLogBytes: 64 * 1024 * 1024 })
    const otherWeb = yield* other.container({ name: "web" })
    otherWeb.log("stdout", "before\n")
    const unharmed = yield* world.ask(follow("other"))
    yield* until(() => unharmed.text() === "before\n")
    /** Nothing of what was done to the first is felt by the second. */
    const otherGoesOn = Effect.gen(function* () {
      otherWeb.log("stdout", "after\n")
      yield* until(() => unharmed.text() === "before\nafter\n")
      expect(unharmed.isOver()).toBe(false)
      expect(other.states.filter(({ _tag }) => _tag === "waiting")).toEqual([])
    })
    return { world, struck, web, otherGoesOn }
  })

describe.concurrent.each(carriers)("a follow over %s", (carrier) => {
  // Case 1 over WebSocket, where the connection is the link.
  it.scopedLive.each(["rst", "fin"] as const)("whose connection is cut by %s in the middle of a frame", (how) =>
    Effect.gen(function* () {
      const { otherGoesOn, struck, web, world } = yield* twoFollowed(carrier)
      const log = lines(8_000)
      const reader = yield* world.ask(follow("struck"))
      const cut = struck.relay.up.cutAfter(1_000_001, how)
      web.log("stdout", log)
      yield* Effect.promise(() => cut)
      // Over HTTP a connection is no link; over WebSocket it is, and the log goes on over the next one.
      yield* until(() => reader.bytes() === log.length)
      expect(reader.sha256()).toBe(sha256(log))
      expect(reader.isOver()).toBe(false)
      const links = struck.states.filter(({ _tag }) => _tag === "connected").length
      expect(links).toBe(carrier === "ws" ? 2 : 1)
      yield* struck.linked
      yield* otherGoesOn
      const again = yield* world.ask(`${follow("struck")}&tail=1`)
      yield* until(() => again.bytes() > 0)
      expect(again.text()).toBe(log.slice(log.lastIndexOf("\n", log.length - 2) + 1))
    }),
  )

  // Case 3: both ends have to find out by themselves that nobody is there.
  it.scopedLive.each([
    ["both ways", ["up", "down"]],
    ["towards the proxy alone", ["up"]],
    ["towards the source alone", ["down"]],
  ] as const)("whose path swallows everything, %s", ([, ways]) =>
    Effect.gen(function* () {
      const { otherGoesOn, struck, web, world } = yield* twoFollowed(carrier)
      web.log("stdout", "first\n")
      const reader = yield* world.ask(follow("struck"))
      yield* until(() => reader.bytes() > 0)
      for (const way of ways) struck.relay[way].set({ blackhole: true })
      web.log("stdout", "second\n")
      yield* until(() => status(world.registry, "struck")?.connected === false)
      yield* until(() => struck.states.some(({ _tag }) => _tag === "waiting"))
      yield* until(() => struck.openLogs() === 0)
      // What the hole swallowed is gone for good: connections that lived through it are as good as dead.
      struck.relay.dropAll("rst")
      struck.relay.heal()
      yield* struck.linked
      yield* until(() => reader.text() === "first\nsecond\n")
      expect(reader.isOver()).toBe(false)
      yield* otherGoesOn
    }),
  )

  // Case 4, 60 s scaled: 1 s against a limit of 3 s, then for as long as it takes.
  it.scopedLive("whose peer stops reading for a while, and then for good", () =>
    Effect.gen(function* () {
      const { otherGoesOn, struck, web, world } = yield* twoFollowed(carrier, { heartbeatMs: 1_000, deadMs: 3_000 })
      const log = lines(20_000)
      const reader = yield* world.ask(follow("struck"))
      struck.relay.up.set({ freeze: true })
      web.log("stdout", log)
      yield* Effect.sleep("1 second")
      struck.relay.up.set({ freeze: false })
      yield* until(() => reader.bytes() === log.length)
      expect(reader.sha256()).toBe(sha256(log))
      for (const way of [struck.relay.up, struck.relay.down]) way.set({ freeze: true })
      web.log("stdout", log)
      yield* until(() => struck.states.some(({ _tag }) => _tag === "waiting"))
      struck.relay.dropAll("rst")
      struck.relay.heal()
      yield* struck.linked
      yield* until(() => reader.bytes() === 2 * log.length)
      expect(reader.sha256()).toBe(sha256(log + log))
      yield* otherGoesOn
    }),
  )

  it.scopedLive("breaks off and is let go of at the engine where the proxy stops as on SIGTERM", () =>
    Effect.gen(function* () {
      const { struck, web, world } = yield* twoFollowed(carrier)
      web.log("stdout", "first\n")
      const reader = yield* world.ask(follow("struck"))
      yield* until(() => reader.bytes() > 0)
      yield* world.stop
      expect(yield* reader.ended).toBe("broken")
      yield* until(() => struck.openLogs() === 0)
      yield* until(() => struck.states.some((state) => state._tag === "waiting" && /shut|stop/.test(state.why)))
    }),
  )

  it.scopedLive("breaks off where the source stops as on SIGTERM and does not come back in time", () =>
    Effect.gen(function* () {
      const router = { resumeWindow: "300 millis" } as const
      const { otherGoesOn, struck, web, world } = yield* twoFollowed(carrier, brisk, { router })
      web.log("stdout", "first\n")
      const reader = yield* world.ask(follow("struck"))
      yield* until(() => reader.bytes() > 0)
      yield* struck.stop
      expect(yield* reader.ended).toBe("broken")
      yield* until(() => struck.openLogs() === 0)
      yield* until(() => world.logged.includes("the link of the source struck is gone: the source stops"))
      yield* otherGoesOn
    }),
  )
})

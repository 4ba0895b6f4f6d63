import { describe, expect, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import * as FaultWorld from "./FaultWorld.ts"
import { carriers, status, until } from "./FaultWorld.ts"

/** 128 kbit/s. */
const SLOW = 16_000

/** A fourth of the usual patience, so that the watch is longer than it. Over HTTP nothing comes for the 8 s of a first body. */
const terms = { heartbeatMs: 3_000, deadMs: 10_000 }
const WATCHED_MS = 12_000

// Case 12.
describe.concurrent.each(carriers)("a source behind 128 kbit/s, over %s", (carrier) => {
  it.scopedLive("keeps its link while one log fills it, and is listed without waiting", () =>
    Effect.gen(function* () {
      const world = yield* FaultWorld.start(carrier, { links: terms })
      const edge = yield* world.source("edge")
      const web = yield* edge.container({ name: "web", maxLogBytes: 64 * 1024 * 1024 })
      web.log("stdout", `${"x".repeat(999)}\n`.repeat(20_000))
      edge.relay.up.set({ bytesPerSecond: SLOW })
      const asking = yield* Effect.forkScoped(world.ask("/containers/web/logs?host=none"))
      let slowest = 0
      for (const started = performance.now(); performance.now() - started < WATCHED_MS;) {
        const asked = performance.now()
        const list = yield* world.ask("/containers")
        expect(yield* list.ended).toBe("whole")
        slowest = Math.max(slowest, performance.now() - asked)
        expect(list.text()).toMatch(/"name":"web".*"stale":false/)
        yield* Effect.sleep("250 millis")
      }
      // What waits its turn on this link waits longer.
      expect(slowest).toBeLessThan(10_000)
      const bulk = yield* Fiber.join(asking)
      yield* until(() => bulk.bytes() > SLOW)
      expect(bulk.isOver()).toBe(false)
      expect(edge.states.filter(({ _tag }) => _tag === "waiting")).toEqual([])
      expect(status(world.registry, "edge")?.rttMs).toBeGreaterThan(0)
      bulk.leave()
      yield* until(() => edge.openLogs() === 0)
    }),
  )
})

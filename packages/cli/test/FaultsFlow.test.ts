import { describe, expect, it } from "@effect/vitest"
import { processBudget } from "@rdl/core/mux/CreditBudget"
import { GREATEST_WINDOW, INITIAL_WINDOW } from "@rdl/core/link/LinkLimits"
import { parks } from "@rdl/source/SourceCounters"
import { Effect } from "effect"
import { createHash } from "node:crypto"
import { memoryUsage } from "./Garbage.ts"
import * as FaultWorld from "./FaultWorld.ts"
import { carriers, until } from "./FaultWorld.ts"

const KiB = 1024
const MiB = KiB * KiB

const text = (bytes: number): string => `${"x".repeat(1_023)}\n`.repeat(bytes / KiB)
const sha256 = (log: string): string => createHash("sha256").update(log).digest("hex")
const roomy = { maxLogBytes: 256 * MiB }

/** Waits until a number has stayed as it is for a quarter of a second. */
const settled = (number: () => number): Effect.Effect<number> =>
  Effect.suspend(() => {
    const before = number()
    return Effect.as(Effect.sleep("250 millis"), before)
  }).pipe(Effect.repeat({ until: (before) => before === number() }))

describe.each(carriers)("flow control over %s", (carrier) => {
  // Case 13.
  it.scopedLive("lets ten readers that do not read hold up none of ninety, and holds their windows and no more", () =>
    Effect.gen(function* () {
      const world = yield* FaultWorld.start(carrier)
      const edge = yield* world.source("edge")
      const log = text(MiB / 2)
      const small = yield* edge.container({ name: "small", ...roomy })
      const big = yield* edge.container({ name: "big", ...roomy })
      small.log("stdout", log)
      big.log("stdout", text(12 * MiB))
      const lent = processBudget.taken
      const { rss } = yield* memoryUsage
      const stalled = yield* Effect.forEach(
        Array.from({ length: 10 }),
        () => world.ask("/containers/big/logs?follow=1&host=none", "never"),
        { concurrency: "unbounded" },
      )
      yield* Effect.forEach(
        Array.from({ length: 90 }),
        () =>
          Effect.gen(function* () {
            const reader = yield* world.ask("/containers/small/logs?host=none")
            expect(yield* reader.ended).toBe("whole")
            expect([reader.bytes(), reader.sha256()]).toEqual([log.length, sha256(log)])
          }),
        { concurrency: 45 },
      )
      // Those that take nothing for 3 s let go of the engine until they do.
      yield* until(() => edge.openLogs() <= 10)
      const held = processBudget.taken - lent
      expect(held).toBeGreaterThanOrEqual(10 * INITIAL_WINDOW)
      expect(held).toBeLessThanOrEqual(10 * GREATEST_WINDOW)
      // Proxy, source, engine and users together.
      expect((yield* memoryUsage).rss - rss).toBeLessThan(400 * MiB)
      expect(stalled.map((reader) => reader.isOver())).not.toContain(true)
      for (const reader of stalled) reader.leave()
      yield* until(() => edge.openLogs() === 0)
      yield* until(() => processBudget.taken === lent)
    }),
  )

  // Case 14.
  it.scopedLive(
    "lets a reader of 1 KB/s of a fast log hold a bounded part of it, and brings it the rest in order",
    () =>
      Effect.gen(function* () {
        const world = yield* FaultWorld.start(carrier)
        const edge = yield* world.source("edge")
        const web = yield* edge.container({ name: "web", ...roomy })
        const log = text(32 * MiB)
        web.log("stdout", log)
        const before = yield* memoryUsage
        const parked = parks.unsafeValue([]).count
        const reader = yield* world.ask("/containers/web/logs?host=none", { bytesPerSecond: 1_000 })
        yield* until(() => edge.relay.up.bytes > INITIAL_WINDOW)
        const came = yield* settled(() => edge.relay.up.bytes)
        // Source, relay, proxy and user together.
        const held = (yield* memoryUsage).arrayBuffers - before.arrayBuffers
        expect(held).toBeLessThan(6 * MiB)
        // What the sockets of user and proxy take, and the window: the rest is still at the engine.
        expect(came).toBeLessThan(16 * MiB)
        // Open, or let go of for now after 3 s without room: a busy machine may take that long to get here.
        yield* until(() => edge.openLogs() + parks.unsafeValue([]).count - parked === 1)
        expect(reader.isOver()).toBe(false)
        reader.go("fast")
        expect(yield* reader.ended).toBe("whole")
        expect([reader.bytes(), reader.sha256()]).toEqual([log.length, sha256(log)])
      }),
  )
})

import { describe, expect, it } from "@effect/vitest"
import { processBudget } from "@rdl/core/mux/CreditBudget"
import { CREDIT_BUDGET, SMALL_WINDOW } from "@rdl/core/link/LinkLimits"
import { Effect } from "effect"
import { createHash } from "node:crypto"
import { readdirSync } from "node:fs"
import * as FaultWorld from "./FaultWorld.ts"
import { carriers, until } from "./FaultWorld.ts"

const KiB = 1024
const MiB = KiB * KiB

const text = (bytes: number): string => `${"x".repeat(1_023)}\n`.repeat(bytes / KiB)
const sha256 = (log: string): string => createHash("sha256").update(log).digest("hex")
const roomy = { maxLogBytes: 256 * MiB }

/** Open files of this process, sockets among them. */
const openFiles = (): number => readdirSync("/proc/self/fd").length

/** Waits until a number has stayed as it is for a quarter of a second. */
const settled = (number: () => number): Effect.Effect<number> =>
  Effect.suspend(() => {
    const before = number()
    return Effect.as(Effect.sleep("250 millis"), before)
  }).pipe(Effect.repeat({ until: (before) => before === number() }))

describe.each(carriers)("what a stream holds over %s", (carrier) => {
  // Case 15.
  it.scopedLive(
    "lets go of the engine within a second of a reader that stopped and left, and leaves no file open 200 of them later",
    () =>
      Effect.gen(function* () {
        const world = yield* FaultWorld.start(carrier)
        const edge = yield* world.source("edge")
        const long = yield* edge.container({ name: "long", ...roomy })
        const short = yield* edge.container({ name: "short", ...roomy })
        long.log("stdout", text(4 * MiB))
        short.log("stdout", text(4 * KiB))
        const path = (name: string) => `/containers/${name}/logs?follow=1&host=none`
        /** Each fourth leaves a log of which much is yet to come, the others one that waits for more. */
        const round = (n: number) =>
          Effect.scoped(
            Effect.map(world.ask(path(n % 4 === 0 ? "long" : "short"), "never"), (answer) =>
              expect(answer.status).toBe(200),
            ),
          )
        const rounds = (count: number) =>
          Effect.zipRight(
            Effect.forEach(Array(count).keys(), round, { concurrency: 20, discard: true }),
            until(() => edge.openLogs() === 0),
          )
        const took = Effect.gen(function* () {
          yield* Effect.scoped(world.ask(path("long"), "never"))
          const left = performance.now()
          yield* until(() => edge.openLogs() === 0)
          return performance.now() - left
        })
        // The quickest of five: a busy machine may hold up one, and not all of them.
        expect(Math.min(...(yield* Effect.replicateEffect(took, 5)))).toBeLessThan(1_000)
        const lent = processBudget.taken
        yield* rounds(20)
        const files = yield* settled(openFiles)
        yield* rounds(200)
        yield* until(() => openFiles() <= files + 5)
        yield* until(() => processBudget.taken === lent)
      }),
  )

  // Case 16.
  it.scopedLive(
    "goes on with small windows that do not grow while the budget is short, and refuses when it is used up",
    () =>
      Effect.gen(function* () {
        const world = yield* FaultWorld.start(carrier)
        const edge = yield* world.source("edge")
        const web = yield* edge.container({ name: "web", ...roomy })
        const log = text(4 * MiB)
        web.log("stdout", log)
        const { taken } = processBudget
        const others = CREDIT_BUDGET - taken - 2 * SMALL_WINDOW
        yield* Effect.acquireRelease(
          Effect.sync(() => processBudget.take(others, 0)),
          () => Effect.sync(() => processBudget.give(others)),
        )
        const first = yield* world.ask("/containers/web/logs?follow=1&host=none")
        const second = yield* world.ask("/containers/web/logs?follow=1&host=none", "never")
        const third = yield* world.ask("/containers/web/logs?follow=1&host=none")
        expect([first.status, second.status, third.status]).toEqual([200, 200, 429])
        expect(yield* third.ended).toBe("whole")
        expect(third.text()).toContain('"code":"')
        yield* until(() => first.bytes() === log.length)
        expect(first.sha256()).toBe(sha256(log))
        expect(processBudget.taken).toBe(CREDIT_BUDGET)
        second.leave()
        yield* until(() => processBudget.taken === CREDIT_BUDGET - SMALL_WINDOW)
        const fourth = yield* world.ask("/containers/web/logs?host=none")
        expect(yield* fourth.ended).toBe("whole")
        expect(fourth.sha256()).toBe(sha256(log))
      }),
  )
})

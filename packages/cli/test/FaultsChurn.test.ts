import { describe, expect, it } from "@effect/vitest"
import { processBudget } from "@rdl/core/mux/CreditBudget"
import { SourceName } from "@rdl/core/model/SourceName"
import { Effect, Metric, MetricState } from "effect"
import * as FaultWorld from "./FaultWorld.ts"
import { carriers, until } from "./FaultWorld.ts"
import { memoryUsage } from "./Garbage.ts"

const MiB = 1024 * 1024

/** So many come and go; `RDL_CHURN=10000` for the long form, in which the answers take a minute or two for each carrier. */
const STREAMS = Number(process.env["RDL_CHURN"] ?? 1_000)
const ANSWERS = Number(process.env["RDL_CHURN"] ?? 150)

/** Fibers of this process that have not ended. */
const fibers = (): number =>
  Metric.unsafeSnapshot()
    .filter(({ metricKey }) => metricKey.name === "effect_fiber_active")
    .reduce(
      (sum, { metricState }) => sum + (MetricState.isCounterState(metricState) ? Number(metricState.count) : 0),
      0,
    )

/** Runs it so often, some at a time. */
const often = <R>(times: number, what: Effect.Effect<void, never, R>): Effect.Effect<void, never, R> =>
  Effect.forEach(Array.from({ length: times }), () => what, { concurrency: 16, discard: true })

/** Says by how much fibers and heap have grown through it. */
const growth = <R>(what: Effect.Effect<void, never, R>) =>
  Effect.gen(function* () {
    const { heapUsed } = yield* memoryUsage
    const before = { fibers: fibers(), heap: heapUsed, lent: processBudget.taken }
    yield* what
    yield* until(() => processBudget.taken === before.lent)
    yield* until(() => fibers() <= before.fibers + 2)
    return (yield* memoryUsage).heapUsed - before.heap
  })

describe.each(carriers)("streams that come and go over %s", (carrier) => {
  it.scopedLive("by the thousand, leave neither fibers nor memory nor credit behind", () =>
    Effect.gen(function* () {
      const world = yield* FaultWorld.start(carrier)
      yield* world.source("edge")
      const open = Effect.scoped(world.registry.open(SourceName.make("edge"), { op: "inventory" }))
      const stream = Effect.asVoid(Effect.orDie(open))
      yield* often(300, stream)
      expect(fibers()).toBeGreaterThan(5)
      expect(yield* growth(often(STREAMS, stream))).toBeLessThan(4 * MiB)
    }),
  )

  it.scopedLive("as hundreds of whole answers of the proxy to its users, leave nothing behind at either", () =>
    Effect.gen(function* () {
      const world = yield* FaultWorld.start(carrier)
      const edge = yield* world.source("edge")
      const web = yield* edge.container({ name: "web" })
      web.log("stdout", "line\n".repeat(100))
      const answer = Effect.scoped(
        Effect.gen(function* () {
          const reader = yield* world.ask("/containers/web/logs?host=none")
          expect(yield* reader.ended).toBe("whole")
          expect(reader.bytes()).toBe(500)
        }),
      )
      yield* often(60, answer)
      expect(yield* growth(often(ANSWERS, answer))).toBeLessThan(4 * MiB)
      expect(edge.openLogs()).toBe(0)
    }),
  )
})

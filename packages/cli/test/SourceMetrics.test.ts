import { describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as FaultWorld from "./FaultWorld.ts"

describe("The metrics of a proxy", () => {
  it.scopedLive.each(FaultWorld.carriers)(
    "show what its sources have gone through, and how often they waited, over %s",
    (carrier) =>
      Effect.gen(function* () {
        const world = yield* FaultWorld.start(carrier, { links: FaultWorld.brisk })
        const edge = yield* world.source("edge-1")
        const web = yield* edge.container({ name: "web" })
        const metric = (name: string) =>
          Effect.gen(function* () {
            const answer = yield* world.ask("/metrics")
            yield* answer.ended
            return Number(new RegExp(`^${name} (\\d+)$`, "m").exec(answer.text())?.[1])
          }).pipe(Effect.scoped)
        const names = ["rdl_source_lines_total", "rdl_source_credit_waits_total"]
        const before = yield* Effect.forEach(names, metric)
        // More than a window of credit, and the sockets' buffers besides.
        for (let line = 0; line < 500; line++) web.log("stdout", `${"x".repeat(16_000)}\n`)
        const log = yield* world.ask("/containers/web/logs", "never")
        yield* Effect.repeat(metric(names[1]!), { until: (waits) => waits > before[1]! })
        log.go("fast")
        yield* log.ended
        yield* Effect.repeat(metric(names[0]!), { until: (lines) => lines >= before[0]! + 500 })
      }),
    { timeout: 60_000 },
  )
})

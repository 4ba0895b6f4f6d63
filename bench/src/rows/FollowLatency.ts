/** How old a line of a real container is when its user has it: through rdl from the engine's files, and from the engine itself. */
import { Effect } from "effect"
import type { Observation } from "../Finding.ts"
import * as Floors from "../Floors.ts"
import { program } from "../Processes.ts"
import type { LatencyOutcome, Target } from "../programs/Reader.ts"
import * as Rdl from "../Rdl.ts"
import * as RealLogs from "../RealLogs.ts"
import { interleaved } from "../Rounds.ts"
import type { Row } from "../Row.ts"

/** Microseconds from one line to the next. */
const GAP_US = 20_000

export const row: Row = {
  name: "follow-latency",
  title: "latency of following a real container, from its stamp to its user",
  run: (effort) =>
    Effect.gen(function* () {
      const here = yield* RealLogs.open
      const { id } = yield* RealLogs.running(here, { script: `while :; do echo a line; usleep ${GAP_US}; done` })
      yield* RealLogs.pathOf(here, id)
      const reader = yield* program<void>("Reader", {})
      const rdl = yield* Rdl.start({ engine: here.url })
      const seconds = effort.pick(15, 1)
      const follow = (target: Target, head: string) =>
        Effect.map(
          reader.ask<LatencyOutcome>({ do: "follow", target, heads: [head], seconds, by: "stamp" }),
          ({ count, p50, p99 }) => ({ count, p50, p99 }),
        )
      const query = "follow=1&timestamps=1&tail=0"
      const engine = { socketPath: here.socketPath }
      const rounds = yield* interleaved(effort.rounds, [
        { name: "engine itself", measure: follow(engine, Floors.engineLogHead(id, `&${query}`)) },
        { name: "rdl", measure: follow(rdl.target, rdl.logHead(id, query)) },
      ])
      return (["p50", "p99"] as const).map((part): Observation => ({
        what: part,
        unit: "ms",
        ours: rounds.series("rdl", part),
        peer: rounds.series("engine itself", part),
        target: { of: "difference", atMost: part === "p50" ? 0 : 5 },
      }))
    }),
}

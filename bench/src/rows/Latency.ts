/** How much later a line of a followed log comes through rdl than from the engine itself. */
import { Effect } from "effect"
import type { Observation } from "../Finding.ts"
import * as Floors from "../Floors.ts"
import { program } from "../Processes.ts"
import type { LatencyOutcome } from "../LineAges.ts"
import type { Target } from "../programs/Reader.ts"
import * as Rdl from "../Rdl.ts"
import { interleaved } from "../Rounds.ts"
import type { Effort, Row } from "../Row.ts"

/** As many of each follow, in a second: 200 streams have 2,000 in all. */
const LINES_PER_SECOND = 10

const measure = (effort: Effort, streams: number) =>
  Effect.gen(function* () {
    const names = Array.from({ length: streams }, (_, index) => `live-${index}`)
    const engine = yield* Floors.startEngine({
      containers: names.map((name) => ({ name, kind: "live" })),
      linesPerSecond: LINES_PER_SECOND,
    })
    const reader = yield* program<void>("Reader", {})
    const rdl = yield* Rdl.start({ engine: engine.url })
    // One stream has few lines: it is followed for longer.
    const seconds = effort.pick(streams === 1 ? 15 : 8, 1)
    const follow = (target: Target, heads: ReadonlyArray<string>) =>
      Effect.map(reader.ask<LatencyOutcome>({ do: "follow", target, heads, seconds }), ({ count, p50, p99 }) => ({
        count,
        p50,
        p99,
      }))
    const rounds = yield* interleaved(effort.rounds, [
      {
        name: "engine itself",
        measure: follow(
          engine.target,
          names.map((name) => Floors.memoryLogHead(name, "&follow=1")),
        ),
      },
      {
        name: "rdl, ws",
        measure: follow(
          rdl.target,
          names.map((name) => rdl.logHead(name, "follow=1")),
        ),
      },
    ])
    return (["p50", "p99"] as const).map((part): Observation => ({
      what: `${part}, ${streams} live ${streams === 1 ? "stream" : "streams"}`,
      unit: "ms",
      ours: rounds.series("rdl, ws", part),
      peer: rounds.series("engine itself", part),
      target: { of: "difference", atMost: part === "p50" ? 1 : 5 },
    }))
  }).pipe(Effect.scoped)

export const row: Row = {
  name: "latency",
  title: "latency of a follow, line by line",
  run: (effort) =>
    Effect.map(
      Effect.forEach([1, 200], (streams) => measure(effort, streams)),
      (both) => both.flat(),
    ),
}

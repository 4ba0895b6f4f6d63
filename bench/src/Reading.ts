/** Reads logs through anything that relays them, and says what that took. */
import { Effect } from "effect"
import type { BenchError } from "./BenchError.ts"
import { cpuSecondsOf } from "./ProcStat.ts"
import type { ReadOutcome, Target } from "./programs/Reader.ts"
import type { Program } from "./Processes.ts"
import type { Sample } from "./Rounds.ts"

export interface Way {
  readonly target: Target
  readonly heads: ReadonlyArray<string>
  /** Asked for and never read. */
  readonly stalled?: ReadonlyArray<string>
  /** The processes on the way, whose CPU time counts. */
  readonly pids: ReadonlyArray<number>
}

/** One reading of all the logs at once: `seconds`, `cpu` seconds, and bytes on the user's `wire`. */
export const read = (reader: Program<void>, way: Way): Effect.Effect<Sample, BenchError> =>
  Effect.gen(function* () {
    const before = cpuSecondsOf(way.pids)
    const { heads, stalled = [], target } = way
    const { bytes, seconds } = yield* reader.ask<ReadOutcome>({ do: "read", target, heads, stalled })
    return { seconds, wire: bytes, cpu: cpuSecondsOf(way.pids) - before }
  })

/** A reading of so many bytes of log as `mbPerSecond` and `cpuPerGb`. */
export const rates = (sample: Sample, payload: number): Sample => ({
  ...sample,
  mbPerSecond: payload / 1e6 / (sample["seconds"] ?? Number.NaN),
  cpuPerGb: (sample["cpu"] ?? Number.NaN) / (payload / 1e9),
})

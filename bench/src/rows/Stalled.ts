/** Readers that never read: what they take from those that do, and from the proxy's memory. */
import { Effect, Schedule } from "effect"
import type { Observation } from "../Finding.ts"
import * as Floors from "../Floors.ts"
import { residentBytes } from "../ProcStat.ts"
import { program } from "../Processes.ts"
import * as Rdl from "../Rdl.ts"
import * as Reading from "../Reading.ts"
import { interleaved } from "../Rounds.ts"
import type { Row } from "../Row.ts"

const NAME = "bulk"
const READ = 90
const STALLED = 10

/** The most memory a process had while something went on. */
const peakDuring = <A, E, R>(pid: number, work: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    let peak = residentBytes(pid)
    const look = Effect.sync(() => (peak = Math.max(peak, residentBytes(pid))))
    const result = yield* Effect.raceFirst(
      work,
      Effect.zipRight(Effect.repeat(look, Schedule.spaced("20 millis")), Effect.never),
    )
    return { result, peak }
  })

export const row: Row = {
  name: "stalled",
  title: `${READ + STALLED} streams, ${STALLED} of them never read`,
  run: (effort) =>
    Effect.gen(function* () {
      const payload = effort.pick(1.5e9, 1.5e8)
      const engine = yield* Floors.startEngine({ containers: [{ name: NAME, kind: "bulk" }], linesPerSecond: 1 })
      const reader = yield* program<void>("Reader", {})
      const rdl = yield* Rdl.start({ engine: engine.url })
      const heads = (count: number) => Array.from({ length: count }, () => rdl.logHead(NAME, "format=multiplexed"))
      yield* engine.setBytes(payload / READ)
      const measure = (stalled: number) =>
        peakDuring(rdl.proxy.pid, Reading.read(reader, { ...rdl, heads: heads(READ), stalled: heads(stalled) })).pipe(
          Effect.map(({ peak, result }) => ({ ...Reading.rates(result, payload), peak: peak / 1e6 })),
        )
      const none = `${READ} streams, all read`
      const some = `with ${STALLED} never read`
      const rounds = yield* interleaved(
        effort.rounds,
        [
          { name: none, measure: measure(0) },
          { name: some, measure: measure(STALLED) },
        ],
        measure(0),
      )
      const observations: ReadonlyArray<Observation> = [
        {
          what: "throughput of those that are read",
          unit: "MB/s",
          ours: rounds.series(some, "mbPerSecond"),
          peer: rounds.series(none, "mbPerSecond"),
          target: { of: "ratio", atLeast: 0.9 },
        },
        {
          what: "most memory of the proxy",
          unit: "MB",
          ours: rounds.series(some, "peak"),
          peer: rounds.series(none, "peak"),
          target: { of: "difference", atMost: 64 },
        },
      ]
      return observations
    }),
}

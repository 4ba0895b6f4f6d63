/** Searching a large log: at the source, through rdl, against `docker logs` into `grep`. */
import { Effect } from "effect"
import { BenchError, NotHere } from "../BenchError.ts"
import type { Observation } from "../Finding.ts"
import { output, program } from "../Processes.ts"
import * as Rdl from "../Rdl.ts"
import * as Reading from "../Reading.ts"
import * as RealLogs from "../RealLogs.ts"
import { interleaved } from "../Rounds.ts"
import type { Row } from "../Row.ts"

interface Search {
  readonly what: string
  /** For rdl and for `grep -E` alike. */
  readonly pattern: string
  readonly atMost: number
}

const SEARCHES: ReadonlyArray<Search> = [
  { what: "time, a text in 30 lines", pattern: "needle-7f3a", atMost: 0.03 },
  { what: "time, a pattern in 0.1 % of lines", pattern: "user=[0-9]+ .*status=50[0-9]", atMost: 0.15 },
]

/** Lines of 100 bytes, of which 30 have the text and one in a thousand the pattern. */
const script = (lines: number): string => {
  const filler = "x".repeat(100)
  const text = `i % 1000 == 7 ? "user=" i " asked, status=503" : i % ${lines / 30} == 11 ? "a needle-7f3a in the hay" : "request " i " done"`
  return `awk 'BEGIN { for (i = 0; i < ${lines}; i++) print substr((${text}) " ${filler}", 1, 99) }'`
}

export const row: Row = {
  name: "grep",
  title: "searching 500 MB of log",
  run: (effort) =>
    Effect.gen(function* () {
      const here = yield* RealLogs.open
      yield* Effect.mapError(output("docker", ["--version"]), () => new NotHere({ what: "docker's command" }))
      const lines = effort.pick(5_000_000 - (5_000_000 % 30_000), 60_000)
      yield* effort.say(`writing ${lines} lines`)
      const { id } = yield* RealLogs.written(here, script(lines))
      yield* RealLogs.pathOf(here, id)
      const reader = yield* program<void>("Reader", {})
      const rdl = yield* Rdl.start({ engine: here.url })
      const subjects = SEARCHES.flatMap(({ pattern }) => [
        { name: `docker logs | grep ${pattern}`, measure: dockerGrep(here.url, id, pattern) },
        {
          name: `rdl ${pattern}`,
          measure: Reading.read(reader, {
            ...rdl,
            heads: [rdl.logHead(id, `host=none&grep=${encodeURIComponent(pattern)}`)],
          }),
        },
      ])
      const rounds = yield* interleaved(effort.rounds, subjects)
      return SEARCHES.map(({ atMost, pattern, what }): Observation => ({
        what,
        unit: "s",
        ours: { ...rounds.series(`rdl ${pattern}`, "seconds"), name: "rdl" },
        peer: { ...rounds.series(`docker logs | grep ${pattern}`, "seconds"), name: "docker logs, grep" },
        target: { of: "ratio", atMost },
      }))
    }),
}

const dockerGrep = (url: string, id: string, pattern: string): Effect.Effect<{ seconds: number }, BenchError> =>
  Effect.gen(function* () {
    const began = process.hrtime.bigint()
    const found = yield* output("sh", ["-c", 'docker -H "$0" logs "$1" | grep -cE "$2"', url, id, pattern])
    if (!(Number(found) > 0)) return yield* new BenchError({ detail: `docker logs | grep found nothing: ${found}` })
    return { seconds: Number(process.hrtime.bigint() - began) / 1e9 }
  })

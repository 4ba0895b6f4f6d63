/** What a format costs: the same log of 100-byte lines as the engine frames it, as text, as NDJSON. */
import { Effect } from "effect"
import type { Observation } from "../Finding.ts"
import * as Floors from "../Floors.ts"
import { program } from "../Processes.ts"
import * as Rdl from "../Rdl.ts"
import * as Reading from "../Reading.ts"
import { interleaved } from "../Rounds.ts"
import type { Row } from "../Row.ts"

const NAME = "lines"
const PEER = "multiplexed"
const FORMATS = {
  [PEER]: "format=multiplexed",
  "text, host=none": "format=text&host=none",
  "text, host=prefix": "format=text",
  ndjson: "format=ndjson",
}

export const row: Row = {
  name: "rendering",
  title: "formats, 100-byte lines from memory",
  run: (effort) =>
    Effect.gen(function* () {
      const payload = effort.pick(3e8, 2e7)
      const engine = yield* Floors.startEngine({ containers: [{ name: NAME, kind: "lines" }], linesPerSecond: 1 })
      const reader = yield* program<void>("Reader", {})
      const rdl = yield* Rdl.start({ engine: engine.url })
      const subjects = Object.entries(FORMATS).map(([name, query]) => ({
        name,
        measure: Effect.map(Reading.read(reader, { ...rdl, heads: [rdl.logHead(NAME, query)] }), (sample) =>
          Reading.rates(sample, payload),
        ),
      }))
      yield* engine.setBytes(payload / 10)
      const warmUp = Effect.forEach(subjects, (subject) => subject.measure)
      const rounds = yield* interleaved(effort.rounds, subjects, Effect.zipRight(warmUp, engine.setBytes(payload)))
      return Object.keys(FORMATS)
        .slice(1)
        .flatMap((name): ReadonlyArray<Observation> => [
          {
            what: "throughput, log bytes",
            unit: "MB/s",
            ours: rounds.series(name, "mbPerSecond"),
            peer: rounds.series(PEER, "mbPerSecond"),
          },
          {
            what: "CPU",
            unit: "s/GB",
            ours: rounds.series(name, "cpuPerGb"),
            peer: rounds.series(PEER, "cpuPerGb"),
          },
        ])
    }),
}

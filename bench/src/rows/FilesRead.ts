/** How fast one thread reads the engine's files and makes of them what leaves for a proxy. */
import { Effect } from "effect"
import { program } from "../Processes.ts"
import { cpuSeconds } from "../ProcStat.ts"
import type { FilesRead, FilesReaderConfig } from "../programs/FilesReader.ts"
import * as Reading from "../Reading.ts"
import * as RealLogs from "../RealLogs.ts"
import { interleaved } from "../Rounds.ts"
import type { Row } from "../Row.ts"

const LINE = 100

export const row: Row = {
  name: "files-read",
  title: "reading an engine's files in one thread, 100-byte lines",
  run: (effort) =>
    Effect.gen(function* () {
      const here = yield* RealLogs.open
      const lines = effort.pick(3_000_000, 50_000)
      yield* effort.say(`writing ${lines} lines`)
      const { id } = yield* RealLogs.written(here, RealLogs.linesScript(lines, LINE))
      yield* RealLogs.pathOf(here, id)
      const config: FilesReaderConfig = { engine: here.url }
      const reader = yield* program<void>("FilesReader", config)
      const measure = Effect.gen(function* () {
        const before = cpuSeconds(reader.pid)
        const { bytes, seconds } = yield* reader.ask<FilesRead>({ id })
        return Reading.rates({ seconds, cpu: cpuSeconds(reader.pid) - before }, bytes)
      })
      const rounds = yield* interleaved(effort.rounds, [{ name: "rdl", measure }], measure)
      return [
        {
          what: "throughput, log bytes",
          unit: "MB/s",
          ours: rounds.series("rdl", "mbPerSecond"),
          target: { of: "value", atLeast: 200 },
        },
        { what: "CPU", unit: "s/GB", ours: rounds.series("rdl", "cpuPerGb") },
      ]
    }),
}

/** The history of a container from the engine's files, through rdl to its user, against reading the engine's socket. */
import { Effect } from "effect"
import type { Observation } from "../Finding.ts"
import * as Floors from "../Floors.ts"
import { program } from "../Processes.ts"
import * as Rdl from "../Rdl.ts"
import * as Reading from "../Reading.ts"
import * as RealLogs from "../RealLogs.ts"
import { interleaved } from "../Rounds.ts"
import type { Row } from "../Row.ts"

/** Characters of a line, its newline included. */
const LINE = 100

export const row: Row = {
  name: "files-history",
  title: "history of a real engine from its files, 100-byte lines",
  run: (effort) =>
    Effect.gen(function* () {
      const here = yield* RealLogs.open
      const lines = effort.pick(3_000_000, 50_000)
      yield* effort.say(`writing ${lines} lines`)
      const { id } = yield* RealLogs.written(here, RealLogs.linesScript(lines, LINE))
      yield* RealLogs.pathOf(here, id)
      const reader = yield* program<void>("Reader", {})
      const rdl = yield* Rdl.start({ engine: here.url })
      const alike = [...here.pids, reader.pid]
      const subjects = [
        {
          name: "engine itself",
          measure: Reading.read(reader, {
            target: { socketPath: here.socketPath },
            heads: [Floors.engineLogHead(id, "")],
            pids: alike,
          }),
        },
        ...["multiplexed", "text"].map((format) => ({
          name: `rdl, ${format}`,
          measure: Reading.read(reader, {
            target: rdl.target,
            heads: [rdl.logHead(id, `format=${format}`)],
            pids: [...alike, ...rdl.pids],
          }),
        })),
      ]
      const warmUp = Reading.read(reader, { ...rdl, heads: [rdl.logHead(id, "format=multiplexed")] })
      const rounds = yield* interleaved(effort.rounds, subjects, warmUp)
      const compared = (what: string, part: string, atMost: number): ReadonlyArray<Observation> => [
        {
          what,
          unit: "s",
          ours: rounds.series("rdl, multiplexed", part),
          peer: rounds.series("engine itself", part),
          target: { of: "ratio", atMost },
        },
        { what, unit: "s", ours: rounds.series("rdl, text", part), peer: rounds.series("engine itself", part) },
      ]
      const time = compared("time", "seconds", 0.25)
      if (here.pids.length > 0) return [...time, ...compared("CPU of engine, rdl and reader", "cpu", 0.2)]
      yield* effort.say("the engine's process is not to be seen: its CPU time is left out")
      return time
    }),
}

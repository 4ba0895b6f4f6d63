/** The history of a container of a real engine, read through its API: the engine's socket itself, the socket through `ssh -R`, and rdl with and without TLS. */
import { Effect } from "effect"
import type { Observation } from "../Finding.ts"
import * as Floors from "../Floors.ts"
import { program } from "../Processes.ts"
import * as Rdl from "../Rdl.ts"
import * as RealLogs from "../RealLogs.ts"
import * as Reading from "../Reading.ts"
import { interleaved } from "../Rounds.ts"
import type { Row } from "../Row.ts"
import * as Ssh from "../Ssh.ts"
import * as Tls from "../Tls.ts"

/** Characters of a line, its newline included. */
const LINE = 100

export const row: Row = {
  name: "history",
  title: "history of a real engine, 100-byte lines",
  run: (effort) =>
    Effect.gen(function* () {
      const here = yield* RealLogs.open
      const { socketPath, url } = here
      const lines = effort.pick(3_000_000, 50_000)
      yield* effort.say(`writing ${lines} lines`)
      const { id } = yield* RealLogs.written(here, RealLogs.linesScript(lines, LINE))
      const reader = yield* program<void>("Reader", {})
      const plain = yield* Rdl.start({ engine: url, logDir: "none" })
      const tls = yield* Rdl.start({ engine: url, logDir: "none", tls: yield* Tls.make })
      const direct = { target: { socketPath }, pids: [] }
      const ssh = yield* Effect.option(
        Effect.tapError(Ssh.start(socketPath), (error) => effort.say(`${error.message}: ssh -R is left out`)),
      )
      const through = (name: string, way: Reading.Way) => ({ name, measure: Reading.read(reader, way) })
      const query = "format=multiplexed"
      const subjects = [
        through("engine itself", { ...direct, heads: [Floors.engineLogHead(id, "")] }),
        through("rdl", { ...plain, heads: [plain.logHead(id, query)] }),
        ...(ssh._tag === "None" ? [] : [through("ssh -R", { ...ssh.value, heads: [Floors.engineLogHead(id, "")] })]),
        through("rdl, TLS", { ...tls, heads: [tls.logHead(id, query)] }),
        through("engine itself, time stamps", { ...direct, heads: [Floors.engineLogHead(id, "&timestamps=1")] }),
      ]
      const warmUp = Effect.forEach([plain, tls], (rdl) =>
        Reading.read(reader, { ...rdl, heads: [rdl.logHead(id, `${query}&tail=20000`)] }),
      )
      const rounds = yield* interleaved(effort.rounds, subjects, warmUp)
      const seconds = (subject: string) => rounds.series(subject, "seconds")
      const cpu = (subject: string) => rounds.series(subject, "cpu")
      const floor = seconds("engine itself")
      const observations: Array<Observation> = [
        { what: "time", unit: "s", ours: seconds("rdl"), peer: floor, target: { of: "ratio", atMost: 1.05 } },
        { what: "time", unit: "s", ours: seconds("rdl, TLS"), peer: floor },
        { what: "time", unit: "s", ours: seconds("rdl"), peer: seconds("engine itself, time stamps") },
      ]
      if (rounds.has("ssh -R"))
        observations.push(
          { what: "time", unit: "s", ours: seconds("ssh -R"), peer: floor },
          {
            what: "CPU of both ends",
            unit: "s",
            ours: cpu("rdl"),
            peer: cpu("ssh -R"),
            target: { of: "ratio", atMost: 0.6 },
          },
          { what: "CPU of both ends", unit: "s", ours: cpu("rdl, TLS"), peer: cpu("ssh -R") },
        )
      return observations
    }),
}

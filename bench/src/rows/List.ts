/** The list of all containers, asked for at a steady rate. */
import { Effect } from "effect"
import * as Credentials from "../Credentials.ts"
import type { Observation } from "../Finding.ts"
import * as Fleet from "../Fleet.ts"
import { cpuSeconds } from "../ProcStat.ts"
import { program } from "../Processes.ts"
import type { LatencyOutcome } from "../LineAges.ts"
import * as Rdl from "../Rdl.ts"
import { interleaved } from "../Rounds.ts"
import type { Row } from "../Row.ts"

const SOURCES = 100
const CONTAINERS = 10
const PER_SECOND = 100

export const row: Row = {
  name: "list",
  title: `GET /containers, ${SOURCES * CONTAINERS} containers of ${SOURCES} sources, ${PER_SECOND} requests a second`,
  run: (effort) =>
    Effect.gen(function* () {
      const credentials = yield* Credentials.make
      const proxy = yield* Rdl.startProxy(credentials.publicKey)
      const { url } = proxy.ready
      const fleet = yield* Fleet.start({ credentials, proxy: url, sources: SOURCES, containersPerSource: CONTAINERS })
      yield* Fleet.awaitConnected(fleet, SOURCES, 30)
      const reader = yield* program<void>("Reader", {})
      const seconds = effort.pick(10, 1)
      const ask = Effect.gen(function* () {
        const before = cpuSeconds(proxy.pid)
        const { p50, p99 } = yield* reader.ask<LatencyOutcome>({
          do: "ask",
          target: { host: "127.0.0.1", port: Number(new URL(url).port) },
          path: "/containers",
          token: credentials.userToken,
          perSecond: PER_SECOND,
          seconds,
        })
        return { p50, p99, percent: ((cpuSeconds(proxy.pid) - before) / seconds) * 100 }
      })
      const name = "rdl"
      const rounds = yield* interleaved(effort.rounds, [{ name, measure: ask }], ask)
      const observations: ReadonlyArray<Observation> = [
        { what: "p50", unit: "ms", ours: rounds.series(name, "p50") },
        { what: "p99", unit: "ms", ours: rounds.series(name, "p99"), target: { of: "value", atMost: 20 } },
        { what: "CPU of the proxy, of one core", unit: "%", ours: rounds.series(name, "percent") },
      ]
      return observations
    }),
}

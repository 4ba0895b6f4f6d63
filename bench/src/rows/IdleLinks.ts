/** What a link costs a proxy while nothing is asked of it. */
import { Effect } from "effect"
import * as Credentials from "../Credentials.ts"
import type { Observation } from "../Finding.ts"
import * as Fleet from "../Fleet.ts"
import { cpuSeconds, residentBytes } from "../ProcStat.ts"
import * as Rdl from "../Rdl.ts"
import { interleaved } from "../Rounds.ts"
import type { Row } from "../Row.ts"

/** One container each, so that there is an inventory. */
const CONTAINERS = 1

export const row: Row = {
  name: "idle",
  title: "idle links on one proxy",
  run: (effort) =>
    Effect.gen(function* () {
      const sources = effort.pick(2_000, 100)
      const measure = Effect.gen(function* () {
        const credentials = yield* Credentials.make
        const proxy = yield* Rdl.startProxy(credentials.publicKey)
        yield* Effect.sleep("1 second")
        const before = residentBytes(proxy.pid)
        const options = { credentials, proxy: proxy.ready.url, sources, containersPerSource: CONTAINERS }
        const fleet = yield* Fleet.start(options)
        yield* Fleet.awaitConnected(fleet, sources, 60)
        // The first heartbeats come after 15 s: what linking up left behind is mostly gone by then.
        yield* Effect.sleep(effort.pick("20 seconds", "1 second"))
        const cpu = cpuSeconds(proxy.pid)
        const seconds = effort.pick(30, 2)
        yield* Effect.sleep(`${seconds} seconds`)
        return {
          kilobytes: (residentBytes(proxy.pid) - before) / sources / 1e3,
          percent: ((cpuSeconds(proxy.pid) - cpu) / seconds) * 100,
        }
      }).pipe(Effect.scoped)
      const name = `rdl, ${sources} links`
      const rounds = yield* interleaved(effort.rounds, [{ name, measure }])
      const observations: ReadonlyArray<Observation> = [
        {
          what: "memory of the proxy, each link",
          unit: "kB",
          ours: rounds.series(name, "kilobytes"),
          target: { of: "value", atMost: 60 },
        },
        {
          what: "CPU of the proxy, of one core",
          unit: "%",
          ours: rounds.series(name, "percent"),
          target: { of: "value", atMost: 3 },
        },
      ]
      return observations
    }),
}

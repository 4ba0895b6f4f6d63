/** A proxy that is killed and comes back: how soon all sources are linked again, and how hard they knock. */
import { Effect } from "effect"
import * as Credentials from "../Credentials.ts"
import type { Observation } from "../Finding.ts"
import * as Fleet from "../Fleet.ts"
import type { ProxyReady } from "../programs/Proxy.ts"
import type { Program } from "../Processes.ts"
import * as Rdl from "../Rdl.ts"
import { interleaved } from "../Rounds.ts"
import type { Row } from "../Row.ts"

/** How long the proxy is away. */
const AWAY = "2 seconds"
/** The kernel gives the port back at once; the links of before are gone with the process. */
const GIVE_UP_SECONDS = 60

/** The most of these times that lie within one second. */
const busiestSecond = (times: ReadonlyArray<number>): number => {
  const sorted = [...times].sort((a, b) => a - b)
  let from = 0
  let most = 0
  for (const [to, time] of sorted.entries()) {
    while (time - sorted[from]! >= 1_000) from += 1
    most = Math.max(most, to - from + 1)
  }
  return most
}

export const row: Row = {
  name: "reconnect",
  title: "sources after a proxy was killed and started again",
  run: (effort) =>
    Effect.gen(function* () {
      const sources = effort.pick(1_000, 100)
      const credentials = yield* Credentials.make
      let proxy: Program<ProxyReady> = yield* Rdl.startProxy(credentials.publicKey)
      const { url } = proxy.ready
      const port = Number(new URL(url).port)
      const fleet = yield* Fleet.start({ credentials, proxy: url, sources, containersPerSource: 1 })
      const measure = Effect.gen(function* () {
        yield* Fleet.awaitConnected(fleet, sources, GIVE_UP_SECONDS)
        // A link has to hold for a while before it counts as healthy; short of that the next pause is longer.
        yield* Effect.sleep(effort.pick("31 seconds", "1 second"))
        yield* fleet.state
        yield* proxy.kill
        yield* Effect.sleep(AWAY)
        proxy = yield* Rdl.startProxy(credentials.publicKey, { port })
        const back = Date.now()
        const states = yield* Fleet.awaitConnected(fleet, sources, GIVE_UP_SECONDS)
        const welcomes = states.flatMap((state) => state.welcomes)
        return {
          seconds: (Math.max(...welcomes) - back) / 1_000,
          dialsPerSecond: busiestSecond(states.flatMap((state) => state.dials)),
          linksPerSecond: busiestSecond(welcomes),
        }
      })
      const name = `rdl, ${sources} sources`
      const rounds = yield* interleaved(effort.rounds, [{ name, measure }])
      const observations: ReadonlyArray<Observation> = [
        {
          what: "until all are linked again",
          unit: "s",
          ours: rounds.series(name, "seconds"),
          target: { of: "value", atMost: 35 },
        },
        {
          what: "dials in the busiest second, refused ones too",
          unit: "1/s",
          ours: rounds.series(name, "dialsPerSecond"),
        },
        { what: "links made in the busiest second", unit: "1/s", ours: rounds.series(name, "linksPerSecond") },
      ]
      return observations
    }),
}

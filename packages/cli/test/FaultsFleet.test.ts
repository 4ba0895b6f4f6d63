import { describe, expect, it } from "@effect/vitest"
import { LinkDialError, LinkDialer } from "@rdl/core/link/Link"
import * as LinkKeeper from "@rdl/core/link/LinkKeeper"
import { serve } from "@rdl/core/link/LinkSession"
import { SourceRegistry } from "@rdl/core/routing/SourceRegistry"
import * as TokenCodec from "@rdl/core/token/TokenCodec"
import * as TokenKey from "@rdl/core/token/TokenKey"
import { ProxyServer } from "@rdl/proxy/ProxyServer"
import { ownAddress } from "@rdl/test-kit/OwnAddress"
import { Context, Effect, Layer, Logger, LogLevel } from "effect"
import * as FaultWorld from "./FaultWorld.ts"
import { carriers, until } from "./FaultWorld.ts"

const quiet = Logger.withMinimumLogLevel(LogLevel.None)

const gone = new LinkDialError({ reason: "unavailable", url: "https://logs.example.org", detail: "not there" })

/** When a source dials whose proxy is not there, in milliseconds from the first time on. */
const dialsWithin = (ms: number): ReadonlyArray<number> => {
  const dials: Array<number> = []
  for (let at = 0; at <= ms; at += LinkKeeper.pauseMs(gone, dials.length - 1, Math.random())) dials.push(at)
  return dials
}

/** The greatest number of times within any so many milliseconds. */
const densest = (times: ReadonlyArray<number>, withinMs: number): number => {
  const sorted = times.toSorted((a, b) => a - b)
  let first = 0
  return sorted.reduce((most, time, at) => {
    while (sorted[first]! <= time - withinMs) first += 1
    return Math.max(most, at - first + 1)
  }, 0)
}

// Case 11.
describe("a thousand sources whose proxy is gone", () => {
  it("dial ever more seldom, and never together", () => {
    const dials = Array.from({ length: 1_000 }, () => dialsWithin(300_000)).flat()
    // A minute in, pauses are 15 s long in the mean: some 67 dials a second.
    const late = dials.filter((at) => at > 60_000)
    expect(late.length / 240).toBeLessThan(100)
    expect(densest(late, 1_000)).toBeLessThan(200)
    expect(densest(late, 100)).toBeLessThan(50)
    // The second dial is spread over a quarter of a second.
    const second = dials.filter((at) => at > 0 && at <= 250)
    expect(second.length).toBeGreaterThan(900)
    expect(densest(second, 10)).toBeLessThan(200)
  })
})

/** A source that has nothing but a link. */
const bareSource = (carrier: FaultWorld.Carrier, url: string, token: string, name: string) =>
  Effect.gen(function* () {
    const dials = { count: 0 }
    const { dial } = Context.get(yield* Layer.build(FaultWorld.dialerLayer(carrier, url, token)), LinkDialer)
    const counted = Effect.zipRight(
      Effect.sync(() => (dials.count += 1)),
      dial,
    )
    const hello = { versions: [1], instanceId: name, time: 0, agent: "t", engine: null, features: [] } as const
    yield* Effect.forkScoped(
      LinkKeeper.keep(counted, (link, welcomed, leaving) =>
        serve(link, {
          hello,
          handler: (_, writer) =>
            Effect.suspend(() => {
              writer.head({ contentType: "application/x-ndjson" })
              writer.write(Buffer.from('{"_tag":"Begin"}\n{"_tag":"Ready"}\n'))
              return Effect.never
            }),
          onWelcome: () => welcomed,
          onGoAway: leaving,
        }),
      ),
    )
    return dials
  })

describe.concurrent.each(carriers)("a hundred sources over %s", (carrier) => {
  it.scopedLive(
    "are all back soon after their proxy was restarted, none of them by hammering",
    () =>
      Effect.gen(function* () {
        const [key] = yield* TokenKey.parse(JSON.stringify(yield* TokenKey.generate("EdDSA")))
        const iat = Math.floor(Date.now() / 1000)
        const listen = { host: ownAddress, port: 0 }
        const first = yield* FaultWorld.startable(FaultWorld.proxyLayer([key!], {}, listen))
        const { url } = Context.get(first.context, ProxyServer)
        const names = Array.from({ length: 100 }, (_, n) => `edge-${n}`)
        const sources = yield* Effect.forEach(names, (name) =>
          Effect.flatMap(
            TokenCodec.issue(key!, { sub: name, role: "source", iat, exp: iat + 3_600, jti: name }),
            (token) => bareSource(carrier, url, token, name),
          ),
        )
        const allLinked = (context: typeof first.context) =>
          until(() => names.every((name) => FaultWorld.isLinked(Context.get(context, SourceRegistry), name)))
        yield* allLinked(first.context)
        yield* first.stop
        yield* Effect.sleep("1 second")
        const second = yield* FaultWorld.startable(
          FaultWorld.proxyLayer([key!], {}, { ...listen, port: Number(new URL(url).port) }),
        )
        yield* allLinked(second.context)
        // Pauses double: within the few seconds of it, nobody can have dialled often.
        expect(Math.max(...sources.map(({ count }) => count))).toBeLessThan(20)
      }).pipe(quiet),
    180_000,
  )
})

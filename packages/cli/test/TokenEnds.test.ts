import { describe, expect, it } from "@effect/vitest"
import { SourceRegistry } from "@rdl/core/routing/SourceRegistry"
import * as TokenCodec from "@rdl/core/token/TokenCodec"
import * as TokenKey from "@rdl/core/token/TokenKey"
import * as TokenVerifier from "@rdl/core/token/TokenVerifier"
import * as Proxy from "@rdl/proxy/Proxy"
import * as ProxyServer from "@rdl/proxy/ProxyServer"
import type { Container } from "@rdl/sample-engine/Container"
import * as SampleEngine from "@rdl/sample-engine/SampleEngine"
import * as Source from "@rdl/source/Source"
import { ownAddress } from "@rdl/test-kit/OwnAddress"
import * as WsLinkServer from "@rdl/transport-ws/WsLinkServer"
import { Clock, Context, Effect, Layer } from "effect"
import * as Revocations from "../src/Revocations.ts"
import * as FaultWorld from "./FaultWorld.ts"
import * as Fleets from "./Fleet.ts"
import { Fleet } from "./Fleet.ts"
import { rdlProcess } from "./RdlProcess.ts"
import * as UserAnswer from "./UserAnswer.ts"

const rdl = rdlProcess()

/** In seconds. */
const HOUR = 3_600
const DAY = 24 * HOUR

const keyOf = Effect.flatMap(TokenKey.generate("EdDSA"), (jwk) =>
  Effect.map(TokenKey.parse(JSON.stringify(jwk)), ([key]) => key!),
)

const issue = (key: TokenKey.TokenKey, role: "user" | "source", sub: string, seconds = HOUR) => {
  const iat = Math.floor(Date.now() / 1000)
  return Effect.orDie(TokenCodec.issue(key, { sub, role, iat, exp: iat + seconds, jti: `${role}-${sub}` }))
}

/** The system's clock, but that the time of day can be set forward. */
const settableClock = () => {
  const system = Clock.make()
  let ahead = 0
  const unsafeCurrentTimeMillis = () => system.unsafeCurrentTimeMillis() + ahead
  const currentTimeMillis = Effect.sync(unsafeCurrentTimeMillis)
  const clock: Clock.Clock = Object.assign(Object.create(system), { unsafeCurrentTimeMillis, currentTimeMillis })
  return { clock, setForward: (ms: number) => void (ahead += ms) }
}

/** A proxy of these keys on a port, 0 for a free one, that knows which tokens were taken back. */
const proxyOf = (keys: ReadonlyArray<TokenKey.TokenKey>, revoked: ReadonlySet<string>, clock: Clock.Clock, port = 0) =>
  ProxyServer.layer({ host: ownAddress, port, grace: "200 millis" }, (server) => WsLinkServer.attach(server)).pipe(
    Layer.provideMerge(Proxy.layer()),
    Layer.provide(TokenVerifier.layer({ keys, isRevoked: (jti) => Effect.sync(() => revoked.has(jti)) })),
    Layer.provide(Layer.setClock(clock)),
    Layer.orDie,
    FaultWorld.startable,
  )

/** A container whose log is followed by whoever has the token, over real sockets all the way. */
const following = Effect.gen(function* () {
  const [old, fresh] = [yield* keyOf, yield* keyOf]
  const revoked = new Set<string>()
  const { clock, setForward } = settableClock()
  const proxy = yield* proxyOf([old, fresh], revoked, clock)
  const { url } = Context.get(proxy.context, ProxyServer.ProxyServer)
  const registry = Context.get(proxy.context, SourceRegistry)
  const engine = yield* SampleEngine.make()
  const web = engine.createContainer({ name: "web" })
  const dialer = FaultWorld.dialerLayer("ws", url, yield* issue(old, "source", "edge-1", DAY))
  const source = Source.layer({ engine: engine.url, env: {}, agent: "rdl/test" })
  yield* FaultWorld.startable(Layer.provide(source, dialer))
  yield* FaultWorld.until(() => FaultWorld.isLinked(registry, "edge-1"))
  const follow = (token: string) => UserAnswer.ask(`${url}/containers/web/logs?follow=1&host=none`, token)
  return { clock, engine, follow, fresh, old, proxy, registry, revoked, setForward, url, web }
})

/** Everything that goes on until somebody ends it. */
const LIVE = [
  ...["text", "ndjson", "sse", "multiplexed", "raw"].map((format) => `/containers/web/logs?follow=1&format=${format}`),
  "/v1.41/containers/web/logs?follow=1&stdout=1",
  "/v1.41/containers/web/stats",
  "/v1.41/events",
]

/** All of them, each with its first bytes: a word of the log, figures, an event. */
const openAll = Effect.fnUntraced(function* (url: string, token: string, web: Container) {
  const answers = yield* Effect.forEach(LIVE, (path) => UserAnswer.ask(`${url}${path}`, token), {
    concurrency: "unbounded",
  })
  web.log("stdout", "before\n")
  for (const name of ["web-2", "web"]) web.rename(name)
  yield* FaultWorld.until(() => answers.every((answer) => answer.status === 200 && answer.bytes() > 0))
  return answers
})

const howTheyEnd = (answers: ReadonlyArray<UserAnswer.UserAnswer>) =>
  Effect.forEach(answers, ({ ended }) => ended, { concurrency: "unbounded" })

/** The bound is 5 s; the rest is for a busy machine. */
const CUT_WITHIN_MS = 5_000 + 10_000

describe.concurrent("A token that ends", { timeout: 120_000 }, () => {
  it.scopedLive("by its time breaks all that is read with it then, and not what is read with another", () =>
    Effect.gen(function* () {
      const { follow, old, setForward, url, web } = yield* following
      const short = yield* openAll(url, yield* issue(old, "user", "short", HOUR), web)
      const long = yield* follow(yield* issue(old, "user", "long", DAY))
      expect(short.some(({ isOver }) => isOver())).toBe(false)
      setForward(HOUR * 1_000)
      const began = Date.now()
      expect(yield* howTheyEnd(short)).toEqual(LIVE.map(() => "broken"))
      expect(Date.now() - began).toBeLessThan(CUT_WITHIN_MS)
      web.log("stdout", "after\n")
      yield* FaultWorld.until(() => long.text().endsWith("after\n"))
    }),
  )

  it.scopedLive("by revocation breaks all that is read with it within 5 s, and not what is read with another", () =>
    Effect.gen(function* () {
      const { follow, old, revoked, url, web } = yield* following
      const ann = yield* openAll(url, yield* issue(old, "user", "ann"), web)
      const bob = yield* follow(yield* issue(old, "user", "bob"))
      revoked.add("user-ann")
      const began = Date.now()
      expect(yield* howTheyEnd(ann)).toEqual(LIVE.map(() => "broken"))
      expect(Date.now() - began).toBeLessThan(CUT_WITHIN_MS)
      web.log("stdout", "after\n")
      yield* FaultWorld.until(() => bob.text().endsWith("after\n"))
    }),
  )

  it.scopedLive("by revocation lets go of the log of a reader who takes nothing", () =>
    Effect.gen(function* () {
      const { engine, old, revoked, url, web } = yield* following
      const token = yield* issue(old, "user", "ann")
      const openLogs = () => [...engine.openStreams].filter(({ path }) => path.endsWith("/logs")).length
      for (let n = 0; n < 512; n++) web.log("stdout", `${"x".repeat(16_000)}\n`)
      yield* UserAnswer.ask(`${url}/containers/web/logs?follow=1&host=none`, token, "never")
      yield* FaultWorld.until(() => openLogs() === 1)
      revoked.add("user-ann")
      yield* FaultWorld.until(() => openLogs() === 0)
    }),
  )

  it.scopedLive(
    "by revocation closes a source's link within 5 s, and ends what is read over it, resumable or not",
    () =>
      Effect.gen(function* () {
        const { old, registry, revoked, url, web } = yield* following
        const bob = yield* openAll(url, yield* issue(old, "user", "bob"), web)
        revoked.add("source-edge-1")
        const began = Date.now()
        yield* FaultWorld.until(() => FaultWorld.status(registry, "edge-1")?.connected === false)
        const [events, ...overIt] = bob.toReversed()
        expect(yield* howTheyEnd(overIt)).toEqual(overIt.map(() => "broken"))
        expect(Date.now() - began).toBeLessThan(CUT_WITHIN_MS)
        // Those are of all sources.
        expect(events?.isOver()).toBe(false)
      }),
  )

  it.scopedLive("with its key is good beside the next key's, and for nothing once its key is gone", () =>
    Effect.gen(function* () {
      const { clock, follow, fresh, old, proxy, revoked, url } = yield* following
      const [before, after] = [yield* issue(old, "user", "ann"), yield* issue(fresh, "user", "ann")]
      const status = (token: string) => Effect.map(UserAnswer.ask(`${url}/sources`, token), (answer) => answer.status)
      expect([yield* status(before), yield* status(after)]).toEqual([200, 200])
      const reading = yield* follow(before)
      // A key is taken out by a restart: what was read ends broken with the process, and nothing begins again.
      yield* proxy.stop
      expect(yield* reading.ended).toBe("broken")
      yield* proxyOf([fresh], revoked, clock, Number(new URL(url).port))
      expect([yield* status(before), yield* status(after)]).toEqual([401, 200])
    }),
  )
})

describe("A token of real programs that is revoked", { timeout: 120_000 }, () => {
  it.scopedLive("breaks all that was opened with it: a user's token, and then a source's", () =>
    Effect.gen(function* () {
      const { container, revoked, sourceToken, url, user } = yield* Fleet
      const web = yield* container({ name: "web" })
      const [ann = "", bob = ""] = [(yield* user()).RDL_TOKEN, (yield* user()).RDL_TOKEN]
      const gone = yield* openAll(url, ann, web)
      const stays = yield* openAll(url, bob, web)
      /** Milliseconds until all of these have broken off. */
      const lateness = Effect.fnUntraced(function* (token: string, answers: ReadonlyArray<UserAnswer.UserAnswer>) {
        yield* Revocations.add(revoked, (yield* TokenCodec.inspect(token)).jti)
        const began = Date.now()
        expect(yield* howTheyEnd(answers)).toEqual(answers.map(() => "broken"))
        return Date.now() - began
      })
      const ofUser = yield* lateness(ann, gone)
      expect(stays.some(({ isOver }) => isOver())).toBe(false)
      const ofSource = yield* lateness(sourceToken, stays.slice(0, -1))
      console.info(
        `streams broke off ${ofUser} ms after their user's token was revoked, ${ofSource} ms after their source's`,
      )
      expect(Math.max(ofUser, ofSource)).toBeLessThan(CUT_WITHIN_MS)
    }).pipe(Effect.provide(Fleets.layer(rdl))),
  )
})

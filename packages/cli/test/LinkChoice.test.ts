import { describe, expect, it } from "@effect/vitest"
import * as AutoLinkDialer from "@rdl/core/link/AutoLinkDialer"
import { LinkDialer } from "@rdl/core/link/Link"
import type { LinkState } from "@rdl/core/link/LinkKeeper"
import { SourceRegistry } from "@rdl/core/routing/SourceRegistry"
import type { SourceStatus } from "@rdl/core/model/SourceStatus"
import * as TokenCodec from "@rdl/core/token/TokenCodec"
import * as TokenKey from "@rdl/core/token/TokenKey"
import * as ProxyServer from "@rdl/proxy/ProxyServer"
import * as SampleEngine from "@rdl/sample-engine/SampleEngine"
import * as Source from "@rdl/source/Source"
import * as Nginx from "@rdl/test-kit/Nginx"
import * as HttpLinkDialer from "@rdl/transport-http/HttpLinkDialer"
import * as WsLinkDialer from "@rdl/transport-ws/WsLinkDialer"
import { Context, Duration, Effect, Exit, Layer, Logger, LogLevel, Redacted, Scope } from "effect"
import * as ProxyProgram from "../src/ProxyProgram.ts"
import { startSource } from "../src/SourceProgram.ts"
import * as FaultWorld from "./FaultWorld.ts"
import * as UpgradeRelay from "./UpgradeRelay.ts"

const quiet = Effect.provide(Logger.minimumLogLevel(LogLevel.None))

/** A proxy with both transports, the way to it, and an engine with one container. */
const world = (upgrades: UpgradeRelay.Upgrades) =>
  Effect.gen(function* () {
    const [key] = yield* TokenKey.parse(JSON.stringify(yield* TokenKey.generate("EdDSA")))
    const issue = (sub: string, role: "source" | "user") => {
      const iat = Math.floor(Date.now() / 1000)
      return TokenCodec.issue(key!, { sub, role, iat, exp: iat + 3600, jti: sub })
    }
    const scope = yield* Effect.acquireRelease(Scope.make(), (made) => Scope.close(made, Exit.void))
    const proxy = yield* Layer.buildWithScope(
      ProxyProgram.layer({ keys: [key!], listen: { host: "127.0.0.1", port: 0 } }),
      scope,
    )
    const { server, url } = Context.get(proxy, ProxyServer.ProxyServer)
    const registry = Context.get(proxy, SourceRegistry)
    const relay = yield* Effect.acquireRelease(
      Effect.promise(() => UpgradeRelay.listen(Number(new URL(url).port), upgrades)),
      (made) => Effect.promise(() => made.close()),
    )
    const engine = yield* SampleEngine.make()
    const web = engine.createContainer({ name: "web" })
    const sourceToken = yield* issue("edge-1", "source")
    const userToken = yield* issue("ann", "user")
    const dials = { proxy: relay.url, token: Redacted.make(sourceToken), forwardProxy: "none" }
    const status = Effect.map(registry.statuses, ([first]) => first)
    return {
      dials,
      engine,
      proxy: { stop: Scope.close(scope, Exit.void), server, url },
      registry,
      relay,
      sourceToken,
      status,
      userToken,
      web,
    }
  })

type World = Effect.Effect.Success<ReturnType<typeof world>>

/** A source that chooses by itself. */
const link = ({ dials, engine }: World, options: Partial<AutoLinkDialer.Options> = {}) =>
  Effect.gen(function* () {
    const states: Array<LinkState> = []
    const dialer = Effect.gen(function* () {
      const ws = yield* WsLinkDialer.make(dials)
      const http = yield* HttpLinkDialer.make(dials)
      return yield* AutoLinkDialer.make({
        preferred: { name: "WebSocket", dialer: ws },
        fallback: { name: "long-poll", dialer: http },
        ...options,
      })
    })
    const onState = (state: LinkState) => Effect.sync(() => void states.push(state))
    const source = Source.layer({ engine: engine.url, env: {}, agent: "rdl/test", onState })
    yield* Layer.build(Layer.provide(source, Layer.effect(LinkDialer, dialer)))
    return states
  })

/** Waits until the proxy says so of the source; the test's own timeout is the bound. */
const until = ({ status }: World, holds: (status: SourceStatus) => boolean) =>
  status.pipe(
    Effect.delay("10 millis"),
    Effect.repeat({ until: (now) => now !== undefined && now.connected && now.containers > 0 && holds(now) }),
  )

interface Follow {
  readonly text: () => string
  readonly until: (line: string) => Promise<void>
  /** True where the answer came to its own end. */
  readonly ended: Promise<boolean>
}

/** A user who follows the log. */
const follow = ({ proxy, userToken }: World) =>
  Effect.promise(async (): Promise<Follow> => {
    const answer = await fetch(`${proxy.url}/containers/web/logs?follow=1&host=none`, {
      headers: { authorization: `Bearer ${userToken}` },
    })
    expect(answer.status).toBe(200)
    let text = ""
    let onMore = () => {}
    const read = async () => {
      const decoder = new TextDecoder()
      for await (const bytes of answer.body!) {
        text += decoder.decode(bytes as Uint8Array)
        onMore()
      }
    }
    const ended = read().then(
      () => true,
      () => false,
    )
    const until = (line: string) =>
      new Promise<void>((resolve) => {
        onMore = () => {
          if (text.includes(line)) resolve()
        }
        onMore()
      })
    return { text: () => text, until, ended }
  })

/** A line that is logged now reaches the user. */
const passes = (one: Follow, { web }: World, line: string) =>
  Effect.promise(() => {
    web.log("stdout", `${line}\n`)
    return one.until(line)
  })

describe.concurrent("a source behind what lets no WebSocket through is linked by long-poll", () => {
  const cases: ReadonlyArray<readonly [what: string, upgrades: UpgradeRelay.Upgrades, why: RegExp]> = [
    ["since the upgrade is answered with 404", 404, /^WebSocket: .*404/],
    ["since the upgrade is answered with 400", 400, /^WebSocket: .*400/],
    ["since the upgrade is answered with 501", 501, /^WebSocket: .*501/],
    ["since what was upgraded is cut at once", "kill", /^WebSocket: it was cut before anything came/],
    ["since what was upgraded is swallowed", "swallow", /^WebSocket: it opened, but nothing came through within 5 s/],
  ]
  for (const [what, upgrades, why] of cases)
    it.scopedLive(what, () =>
      Effect.gen(function* () {
        const here = yield* world(upgrades)
        const { dials, engine } = here
        yield* startSource({
          name: "edge-1",
          engine: engine.url,
          proxy: dials.proxy,
          token: dials.token,
          forwardProxy: "none",
        })
        const linked = yield* until(here, () => true)
        expect(linked).toMatchObject({ transport: "http", transportWhy: expect.stringMatching(why) })
        yield* passes(yield* follow(here), here, "hello")
      }).pipe(quiet),
    )
})

describe.concurrent("a source that is told how to link", () => {
  it.scopedLive.each(["ws", "http"] as const)("by %s does so, and has nothing to explain", (way) =>
    Effect.gen(function* () {
      const here = yield* world("pass")
      const { dials, engine } = here
      const { proxy, token } = dials
      yield* startSource({ name: "edge-1", engine: engine.url, proxy, token, forwardProxy: "none", link: way })
      expect(yield* until(here, () => true)).toMatchObject({ transport: way, transportWhy: null })
      expect(here.relay.seen).toBe(way === "ws" ? 1 : 0)
    }).pipe(quiet),
  )
})

describe.concurrent("a source on long-poll", () => {
  it.scopedLive("moves to WebSocket once that gets through, and no stream breaks", () =>
    Effect.gen(function* () {
      const here = yield* world(404)
      const states = yield* link(here, { probeEvery: "200 millis" })
      yield* until(here, ({ transport }) => transport === "http")
      const before = yield* follow(here)
      yield* passes(before, here, "one")
      here.relay.upgrades = "pass"
      expect(yield* until(here, ({ transport }) => transport === "ws")).toMatchObject({ transportWhy: null })
      yield* passes(before, here, "two")
      const after = yield* follow(here)
      yield* passes(after, here, "three")
      yield* Effect.promise(() => before.until("three"))
      here.web.stop()
      expect(yield* Effect.promise(() => Promise.all([before.ended, after.ended]))).toEqual([true, true])
      expect(before.text()).toBe("one\ntwo\nthree\n")
      expect(states.map((state) => (state._tag === "connected" ? state.transport : state._tag))).toEqual([
        "connecting",
        "http",
        "ws",
      ])
    }).pipe(quiet),
  )

  it.scopedLive("is not disturbed by probes that open and come to nothing", () =>
    Effect.gen(function* () {
      const here = yield* world(404)
      const states = yield* link(here, { probeEvery: "50 millis" })
      yield* until(here, ({ transport }) => transport === "http")
      const one = yield* follow(here)
      here.relay.upgrades = "kill"
      const seen = here.relay.seen
      yield* Effect.sync(() => here.relay.seen).pipe(
        Effect.delay("10 millis"),
        Effect.repeat({ until: (now) => now > seen + 2 }),
      )
      yield* passes(one, here, "still here")
      expect((yield* here.status)?.transport).toBe("http")
      expect(states.map(({ _tag }) => _tag)).toEqual(["connecting", "connected"])
    }).pipe(quiet),
  )
})

describe.each(["ws", "http"] as const)("a link by %s that the proxy drains", (transport) => {
  it.scopedLive("has its next beside it, and its streams go on to their end", () =>
    Effect.gen(function* () {
      const here = yield* world(transport === "ws" ? "pass" : 404)
      const states = yield* link(here)
      const first = yield* until(here, (now) => now.transport === transport)
      const before = yield* follow(here)
      yield* passes(before, here, "one")
      yield* here.registry.drain(0)
      yield* until(here, ({ since }) => since !== first?.since)
      const after = yield* follow(here)
      yield* passes(after, here, "two")
      yield* Effect.promise(() => before.until("two"))
      here.web.stop()
      expect(yield* Effect.promise(() => Promise.all([before.ended, after.ended]))).toEqual([true, true])
      expect(before.text()).toBe("one\ntwo\n")
      expect(states.map(({ _tag }) => _tag)).toEqual(["connecting", "connected", "waiting", "connecting", "connected"])
    }).pipe(quiet),
  )

  it.scopedLive("is told when the proxy stops, and when to come back; answers have a second", () =>
    Effect.gen(function* () {
      const here = yield* world(transport === "ws" ? "pass" : 404)
      const states = yield* link(here)
      yield* until(here, (now) => now.transport === transport)
      const one = yield* follow(here)
      yield* passes(one, here, "one")
      const told = FaultWorld.until(() => states.some((state) => state._tag === "waiting"))
      const [took] = yield* Effect.timed(
        Effect.zip(here.proxy.stop, Effect.zipRight(told, passes(one, here, "two")), { concurrent: true }),
      )
      expect(Duration.toSeconds(took)).toBeLessThan(10)
      expect(yield* Effect.promise(() => one.ended)).toBe(false)
      const waiting = states.find((state) => state._tag === "waiting")
      expect(waiting).toMatchObject({ why: "the link is gone: the proxy stops" })
      expect(states.filter(({ _tag }) => _tag === "connected")).toHaveLength(1)
    }).pipe(quiet),
  )
})

describe("one port", () => {
  it.scopedLive("takes users, links by WebSocket and links over HTTP, and mixes up none of them", () =>
    Effect.gen(function* () {
      const here = yield* world(404)
      const { proxy, sourceToken, userToken } = here
      yield* link(here)
      yield* until(here, ({ transport }) => transport === "http")
      const ask = (path: string, token: string, init: RequestInit = {}) =>
        Effect.promise(async () => {
          const answer = await fetch(proxy.url + path, { ...init, headers: { authorization: `Bearer ${token}` } })
          return [answer.status, ((await answer.json()) as { error?: { code?: string } }).error?.code] as const
        })
      const post = { method: "POST" }
      expect(yield* ask("/sources", userToken)).toEqual([200, undefined])
      expect(yield* ask("/sources", sourceToken)).toEqual([403, "forbidden"])
      expect(yield* ask("/link/v1/sessions", userToken, post)).toEqual([403, "forbidden"])
      expect(yield* ask("/link/v1/sessions", sourceToken, post)).toEqual([201, undefined])
      expect(yield* ask("/link/v1/sessions", sourceToken)).toEqual([405, "method-not-allowed"])
      expect(yield* ask("/link/v1/sessions/none/up?seq=0", sourceToken, post)).toEqual([404, "no-such-session"])
      expect(yield* ask("/link/v1/ws", sourceToken)).toEqual([426, "upgrade_required"])
      expect(yield* ask("/link/v1/sessionsX", userToken)).toEqual([404, "no-such-route"])
    }).pipe(quiet),
  )

  it.scopedLive("takes as long a body as a link over HTTP sends, and no longer one", () =>
    Effect.gen(function* () {
      const { proxy, sourceToken } = yield* world(404)
      const post = (path: string, body?: Uint8Array) =>
        Effect.promise(async () => {
          const headers = { authorization: `Bearer ${sourceToken}` }
          const answer = await fetch(`${proxy.url}/link/v1/sessions${path}`, {
            method: "POST",
            headers,
            body: body ?? null,
          })
          return {
            status: answer.status,
            said: (await answer.json()) as { session?: string; error?: { message: string } },
          }
        })
      const { session } = (yield* post("")).said
      const tooLong = yield* post(`/${session}/up?seq=0`, new Uint8Array(512 * 1024 + 1))
      expect(tooLong.status).toBe(413)
      const longest = yield* post(`/${session}/up?seq=0`, new Uint8Array(512 * 1024))
      // Read to the end: what is wrong is what the bytes say.
      expect(longest.status).toBe(400)
    }).pipe(quiet),
  )
})

describe.skipIf(!Nginx.isInstalled())("a source behind a real nginx", () => {
  const behind = (directives?: string) =>
    Effect.gen(function* () {
      const here = yield* world("pass")
      const nginx = yield* Effect.acquireRelease(
        Effect.promise(() => Nginx.listen(Number(new URL(here.proxy.url).port), directives)),
        ({ stop }) => Effect.promise(stop),
      )
      yield* link({ ...here, dials: { ...here.dials, proxy: nginx.url } })
      const found = yield* until(here, () => true)
      const one = yield* follow(here)
      yield* passes(one, here, "through nginx")
      return found
    })

  it.scopedLive("is linked by WebSocket where upgrades are passed on", () =>
    behind(Nginx.passUpgrades).pipe(
      Effect.map((found) => expect(found).toMatchObject({ transport: "ws", transportWhy: null })),
      quiet,
    ),
  )

  it.scopedLive("is linked by long-poll, and says why, where they are not", () =>
    behind().pipe(
      Effect.map((found) => {
        expect(found?.transport).toBe("http")
        expect(found?.transportWhy).toMatch(/^WebSocket: .*upgrade/)
      }),
      quiet,
    ),
  )
})

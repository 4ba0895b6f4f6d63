import { describe, expect, it } from "@effect/vitest"
import { SourceRegistry } from "@rdl/core/routing/SourceRegistry"
import * as TokenCodec from "@rdl/core/token/TokenCodec"
import * as TokenKey from "@rdl/core/token/TokenKey"
import * as TokenVerifier from "@rdl/core/token/TokenVerifier"
import * as Proxy from "@rdl/proxy/Proxy"
import * as ProxyServer from "@rdl/proxy/ProxyServer"
import * as SampleEngine from "@rdl/sample-engine/SampleEngine"
import * as Source from "@rdl/source/Source"
import * as WsLinkServer from "@rdl/transport-ws/WsLinkServer"
import { Context, Effect, Layer } from "effect"
import * as FaultWorld from "./FaultWorld.ts"
import * as UserAnswer from "./UserAnswer.ts"

const keyOf = Effect.flatMap(TokenKey.generate("EdDSA"), (jwk) =>
  Effect.map(TokenKey.parse(JSON.stringify(jwk)), ([key]) => key!),
)

const issue = (key: TokenKey.TokenKey, role: "user" | "source", sub: string, seconds = 3_600) => {
  const iat = Math.floor(Date.now() / 1000)
  return Effect.orDie(TokenCodec.issue(key, { sub, role, iat, exp: iat + seconds, jti: `${role}-${sub}` }))
}

/** A proxy of these keys on a port, 0 for a free one, that knows which tokens were taken back. */
const proxyOf = (keys: ReadonlyArray<TokenKey.TokenKey>, revoked: ReadonlySet<string>, port = 0) =>
  ProxyServer.layer({ host: "127.0.0.1", port, grace: "200 millis" }, (server) => WsLinkServer.attach(server)).pipe(
    Layer.provideMerge(Proxy.layer({ router: { resumeWindow: 0 } })),
    Layer.provide(TokenVerifier.layer({ keys, isRevoked: (jti) => Effect.sync(() => revoked.has(jti)) })),
    Layer.orDie,
    FaultWorld.startable,
  )

/** A container whose log is followed by whoever has the token, over real sockets all the way. */
const following = Effect.gen(function* () {
  const [old, fresh] = [yield* keyOf, yield* keyOf]
  const revoked = new Set<string>()
  const proxy = yield* proxyOf([old, fresh], revoked)
  const { url } = Context.get(proxy.context, ProxyServer.ProxyServer)
  const registry = Context.get(proxy.context, SourceRegistry)
  const engine = yield* SampleEngine.make()
  const web = engine.createContainer({ name: "web" })
  const dialer = FaultWorld.dialerLayer("ws", url, yield* issue(old, "source", "edge-1"))
  const source = Source.layer({ engine: engine.url, env: {}, agent: "rdl/test" })
  yield* FaultWorld.startable(Layer.provide(source, dialer))
  yield* FaultWorld.until(() => FaultWorld.isLinked(registry, "edge-1"))
  const follow = (token: string) => UserAnswer.ask(`${url}/containers/web/logs?follow=1&host=none`, token)
  return { engine, follow, fresh, old, proxy, registry, revoked, url, web }
})

/** A token is looked at every 5 s; the rest is for a busy machine. */
const CUT_WITHIN_MS = 5_000 + 10_000

describe.concurrent("A token that ends", { timeout: 60_000 }, () => {
  it.scopedLive("by its time breaks what is read with it then, and not what is read with another", () =>
    Effect.gen(function* () {
      const { follow, old, web } = yield* following
      const short = yield* follow(yield* issue(old, "user", "short", 3))
      const long = yield* follow(yield* issue(old, "user", "long"))
      web.log("stdout", "before\n")
      yield* FaultWorld.until(() => short.text() === "before\n" && long.text() === "before\n")
      const began = Date.now()
      expect(yield* short.ended).toBe("broken")
      expect(Date.now() - began).toBeLessThan(3_000 + CUT_WITHIN_MS)
      web.log("stdout", "after\n")
      yield* FaultWorld.until(() => long.text() === "before\nafter\n")
      expect(short.text()).toBe("before\n")
    }),
  )

  it.scopedLive("by revocation breaks a user's log, and a source's link, within 5 s", () =>
    Effect.gen(function* () {
      const { follow, old, registry, revoked } = yield* following
      const [ann, bob] = [
        yield* follow(yield* issue(old, "user", "ann")),
        yield* follow(yield* issue(old, "user", "bob")),
      ]
      revoked.add("user-ann")
      const began = Date.now()
      expect(yield* ann.ended).toBe("broken")
      expect(Date.now() - began).toBeLessThan(CUT_WITHIN_MS)
      expect(bob.isOver()).toBe(false)
      revoked.add("source-edge-1")
      yield* FaultWorld.until(() => FaultWorld.status(registry, "edge-1")?.connected === false)
      expect(yield* bob.ended).toBe("broken")
      expect(Date.now() - began).toBeLessThan(2 * CUT_WITHIN_MS)
    }),
  )

  it.scopedLive("with its key is good beside the next key's, and for nothing once its key is gone", () =>
    Effect.gen(function* () {
      const { follow, fresh, old, proxy, revoked, url } = yield* following
      const [before, after] = [yield* issue(old, "user", "ann"), yield* issue(fresh, "user", "ann")]
      const status = (token: string) => Effect.map(UserAnswer.ask(`${url}/sources`, token), (answer) => answer.status)
      expect([yield* status(before), yield* status(after)]).toEqual([200, 200])
      const reading = yield* follow(before)
      // A key is taken out by a restart: what was read ends broken with the process, and nothing begins again.
      yield* proxy.stop
      expect(yield* reading.ended).toBe("broken")
      yield* proxyOf([fresh], revoked, Number(new URL(url).port))
      expect([yield* status(before), yield* status(after)]).toEqual([401, 200])
    }),
  )
})

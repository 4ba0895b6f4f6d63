import { describe, expect, it } from "@effect/vitest"
import { LinkAcceptor } from "@rdl/core/link/Link"
import * as TokenKey from "@rdl/core/token/TokenKey"
import * as TokenVerifier from "@rdl/core/token/TokenVerifier"
import { Context, Deferred, Effect, Exit, Layer, Redacted, Scope, TestClock } from "effect"
import * as Http from "node:http"
import type { AddressInfo } from "node:net"
import * as Proxy from "../src/Proxy.ts"
import * as ProxyServer from "../src/ProxyServer.ts"
import * as Fleet from "./Fleet.ts"

const web = Fleet.container("aa1", "web")
const path = "/containers/web/logs?follow=1"

const proxy = Layer.unwrapEffect(
  Effect.gen(function* () {
    const keys = yield* TokenKey.parse(JSON.stringify(yield* TokenKey.generate("EdDSA")))
    return Proxy.layer().pipe(Layer.provide(TokenVerifier.layer({ keys })))
  }),
)

describe("ProxyServer", () => {
  it.scoped("says what to do about an address that is taken, is not ours, or is not permitted", () =>
    Effect.gen(function* () {
      const fleet = yield* Fleet.start()
      const port = Number(new URL(fleet.url).port)
      const start = (options: Partial<ProxyServer.Options>) =>
        Effect.flip(Layer.build(ProxyServer.layer(options).pipe(Layer.provide(proxy))))
      const taken = yield* start({ host: "127.0.0.1", port })
      expect(taken).toMatchObject({ _tag: "ListenError", reason: "address-in-use" })
      expect(taken.message).toContain(`127.0.0.1:${port}`)
      expect(yield* start({ host: "192.0.2.1", port: 0 })).toMatchObject({ reason: "no-such-address" })
      const tls = { cert: "no certificate", key: Redacted.make("a secret") }
      const bad = yield* start({ host: "127.0.0.1", port: 0, tls })
      expect(bad).toMatchObject({ reason: "bad-certificate" })
      expect(JSON.stringify(bad) + bad.message).not.toContain("a secret")
    }),
  )

  it.scoped("hangs transports in before it listens, and lets them go before it destroys connections", () =>
    Effect.gen(function* () {
      const events: Array<string> = []
      const scope = yield* Scope.make()
      yield* ProxyServer.layer({ host: "127.0.0.1", port: 0 }, (server) =>
        Effect.gen(function* () {
          yield* LinkAcceptor
          events.push(server.listening ? "too late" : "attached")
          yield* Effect.addFinalizer(() => Effect.sync(() => events.push("let go")))
        }),
      ).pipe(Layer.provide(proxy), Layer.buildWithScope(scope))
      yield* Scope.close(scope, Exit.void)
      expect(events).toEqual(["attached", "let go"])
    }),
  )

  it.scoped("waits 0.8 s for transports that do not let go, and then listens no more", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const closing = yield* Deferred.make<void>()
      const over = yield* Deferred.make<void>()
      yield* Effect.addFinalizer(() => Deferred.succeed(over, undefined))
      const hang = Effect.zipRight(Deferred.succeed(closing, undefined), Deferred.await(over))
      const context = yield* ProxyServer.layer({ host: "127.0.0.1", port: 0 }, () =>
        Effect.addFinalizer(() => hang),
      ).pipe(Layer.provide(proxy), Layer.buildWithScope(scope))
      const { server } = Context.get(context, ProxyServer.ProxyServer)
      const closed = yield* Effect.fork(Scope.close(scope, Exit.void))
      yield* Deferred.await(closing)
      yield* TestClock.adjust("799 millis")
      expect(server.listening).toBe(true)
      yield* TestClock.adjust("1 millis")
      yield* Fleet.until(Effect.sync(() => !server.listening))
      yield* Deferred.succeed(over, undefined)
      yield* closed
    }),
  )

  it.scoped("tells who comes while transports let go, a source too, to come back, and not that it is unknown", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const told: Array<readonly [number, string | null]> = []
      yield* ProxyServer.layer({ host: "127.0.0.1", port: 0 }, (server) =>
        Effect.addFinalizer(() =>
          Effect.promise(async () => {
            const { port } = server.address() as AddressInfo
            const answer = await fetch(`http://127.0.0.1:${port}/link/v1/ws`, {
              headers: { authorization: "Bearer x.y" },
            })
            told.push([answer.status, answer.headers.get("retry-after")])
          }),
        ),
      ).pipe(Layer.provide(proxy), Layer.buildWithScope(scope))
      yield* Scope.close(scope, Exit.void)
      expect(told).toEqual([[503, "1"]])
    }),
  )

  it.scoped("opens nothing more at its sources while answers have their grace", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const fleet = yield* Scope.extend(Fleet.start({}, { grace: "1 second" }), scope)
      yield* fleet.link("edge-1", [web], Fleet.idle)
      const answer = yield* Fleet.ask(fleet.url + path, { token: yield* fleet.token() })
      yield* Effect.fork(Scope.close(scope, Exit.void))
      yield* Fleet.until(Effect.map(Fleet.ask(`${fleet.url}/ready`), ({ status }) => status === 503))
      const later = yield* Fleet.ask(fleet.url + path, { token: yield* fleet.token() })
      expect(later.status).toBe(503)
      yield* TestClock.adjust("1 second")
      expect(yield* answer.ended).toBe("broken")
    }),
  )

  it.scoped("closes at once where nothing is being answered", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const fleet = yield* Scope.extend(Fleet.start({}, { grace: "1 hour" }), scope)
      expect((yield* Fleet.ask(`${fleet.url}/health`)).status).toBe(200)
      yield* Scope.close(scope, Exit.void)
      expect(fleet.server.listening).toBe(false)
    }),
  )

  it.scoped("gives live answers a grace when it closes, then breaks them off", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const fleet = yield* Scope.extend(Fleet.start({}, { grace: "1 second" }), scope)
      yield* fleet.link("edge-1", [web], Fleet.idle)
      const answer = yield* Fleet.ask(fleet.url + path, { token: yield* fleet.token() })
      yield* Effect.fork(Scope.close(scope, Exit.void))
      yield* Fleet.until(Effect.map(Fleet.ask(`${fleet.url}/ready`), ({ status }) => status === 503))
      yield* TestClock.adjust("999 millis")
      expect(fleet.server.listening).toBe(true)
      yield* TestClock.adjust("1 millis")
      expect(yield* answer.ended).toBe("broken")
      yield* Fleet.until(Effect.sync(() => !fleet.server.listening))
    }),
  )

  it.scoped("bounds what a request may send and how long it may take for it", () =>
    Effect.gen(function* () {
      const { url, server } = yield* Fleet.start({}, { maxConnections: 7 })
      expect(server).toMatchObject({
        maxConnections: 7,
        requestTimeout: 120_000,
        headersTimeout: 20_000,
        keepAliveTimeout: 75_000,
      })
      expect((yield* Fleet.ask(`${url}/health`, { headers: { x: "y".repeat(17_000) } })).status).toBe(431)
      expect(server.listenerCount("upgrade")).toBe(0)
    }),
  )
})

describe("Proxy.handler", () => {
  it.scoped("serves beside the routes of the server it is hung into", () =>
    Effect.gen(function* () {
      const fleet = yield* Fleet.start()
      const server = Http.createServer((request, response) =>
        fleet.proxy.handler(request, response, () => response.end(`the host's ${request.url}`)),
      )
      yield* Effect.acquireRelease(
        Effect.async<void>((resume) => void server.listen(0, "127.0.0.1", () => resume(Effect.void))),
        () => Effect.sync(() => server.close()),
      )
      const { port } = server.address() as AddressInfo
      const get = (target: string, token?: string) =>
        Effect.tap(
          Fleet.ask(`http://127.0.0.1:${port}${target}`, token === undefined ? {} : { token }),
          ({ ended }) => ended,
        )
      expect((yield* get("/own?x=1")).text()).toBe("the host's /own?x=1")
      expect((yield* get("/sources")).status).toBe(401)
      expect((yield* get("/sources", yield* fleet.token())).status).toBe(200)
      expect((yield* get("/health")).status).toBe(200)
    }),
  )
})

/**
 * A proxy, sources and engines of the real parts over real sockets, all in one process: a restart then takes nothing
 * with it, so that what a restart leaks is seen; whatever one source leaks is seen twenty times over; and the garbage of
 * all can be collected before anything is measured. What it cannot show is a kernel that takes a killed process apart:
 * the tests of `rdl` itself kill processes.
 */
import { SourceRegistry } from "@rdl/core/routing/SourceRegistry"
import * as TokenCodec from "@rdl/core/token/TokenCodec"
import * as TokenKey from "@rdl/core/token/TokenKey"
import * as TokenVerifier from "@rdl/core/token/TokenVerifier"
import * as Proxy from "@rdl/proxy/Proxy"
import * as ProxyServer from "@rdl/proxy/ProxyServer"
import * as SampleEngine from "@rdl/sample-engine/SampleEngine"
import * as Source from "@rdl/source/Source"
import { FaultProxy } from "@rdl/test-kit/FaultProxy"
import * as HttpLinkDialer from "@rdl/transport-http/HttpLinkDialer"
import * as HttpLinkServer from "@rdl/transport-http/HttpLinkServer"
import * as WsLinkDialer from "@rdl/transport-ws/WsLinkDialer"
import * as WsLinkServer from "@rdl/transport-ws/WsLinkServer"
import { Context, Effect, ExecutionStrategy, Exit, Layer, Logger, LogLevel, Redacted, Scope } from "effect"

/** Something that can be stopped and started again. */
interface Restartable {
  readonly stop: Effect.Effect<void>
  readonly start: Effect.Effect<void>
}

/** A source with its engine, and the relay that its link goes through. */
export interface Edge {
  readonly name: string
  readonly engine: SampleEngine.SampleEngine
  readonly relay: FaultProxy
  readonly source: Restartable
  /** A fault is at work here; the next one goes elsewhere. */
  isBusy: boolean
}

export interface World {
  readonly port: number
  readonly proxy: Restartable
  readonly edges: ReadonlyArray<Edge>
  /** A token of a user who may see everything. */
  readonly user: (name: string) => Effect.Effect<string>
  /** Sources that are linked and listed. */
  readonly linked: Effect.Effect<number>
  /** Waits until that is every one. */
  readonly settled: Effect.Effect<void>
}

/** Sources are told of a heartbeat of a second: a dead link is found within seconds, as long as the faults last. */
const links = { heartbeatMs: 1_000, deadMs: 5_000 }

/** How long tokens are good. In seconds. */
const TOKEN_LIFE = 14 * 86_400

/** Starts it with so many sources, every other of them over requests instead of WebSocket. */
export const start = Effect.fn("World.start")(function* (sources: number) {
  const [key] = yield* Effect.orDie(TokenKey.parse(JSON.stringify(yield* TokenKey.generate("EdDSA"))))
  const issue = (role: "user" | "source", sub: string) => {
    const iat = Math.floor(Date.now() / 1000)
    return Effect.orDie(TokenCodec.issue(key!, { sub, role, iat, exp: iat + TOKEN_LIFE, jti: crypto.randomUUID() }))
  }
  let registry: SourceRegistry["Type"] | undefined
  let port = 0
  const proxy = yield* restartable(
    Effect.sync(() => proxyLayer([key!], port)),
    (context) => {
      registry = Context.get(context, SourceRegistry)
      port = Number(new URL(Context.get(context, ProxyServer.ProxyServer).url).port)
    },
  )
  const edges = yield* Effect.forEach(
    Array.from({ length: sources }, (_, at) => `edge-${at + 1}`),
    (name, at) => Effect.flatMap(issue("source", name), (token) => makeEdge(name, token, port, at % 2 === 0)),
  )
  const linked = Effect.suspend(() =>
    registry === undefined
      ? Effect.succeed(0)
      : Effect.map(registry.inventories, (known) => known.filter(({ loading, stale }) => !stale && !loading).length),
  )
  return {
    port,
    proxy,
    edges,
    user: (name) => issue("user", name),
    linked,
    settled: Effect.asVoid(Effect.repeat(Effect.delay(linked, "20 millis"), { until: (count) => count === sources })),
  } satisfies World
})

const makeEdge = Effect.fnUntraced(function* (name: string, token: string, port: number, byWebSocket: boolean) {
  const engine = yield* Effect.orDie(SampleEngine.make())
  const relay = yield* Effect.acquireRelease(
    Effect.promise(() => FaultProxy.listen({ target: { port } })),
    (relay) => Effect.promise(() => relay.close()),
  )
  const options = { proxy: relay.url, token: Redacted.make(token), forwardProxy: "none" }
  const dialer = byWebSocket
    ? WsLinkDialer.layer(options)
    : HttpLinkDialer.layer({ ...options, retryBase: "10 millis", giveUp: "2 seconds" })
  const layer = Source.layer({ engine: engine.url, env: {}, agent: "rdl/soak" }).pipe(
    Layer.provide(dialer),
    Layer.provide(Logger.minimumLogLevel(LogLevel.None)),
    Layer.orDie,
  )
  const source = yield* restartable(Effect.succeed(layer))
  return { name, engine, relay, source, isBusy: false } satisfies Edge
})

const proxyLayer = (keys: ReadonlyArray<TokenKey.TokenKey>, port: number) =>
  ProxyServer.layer({ host: "127.0.0.1", port, grace: "200 millis" }, (server) =>
    Effect.zipRight(
      WsLinkServer.attach(server),
      HttpLinkServer.attach(server, { pollTime: "2 seconds", idleLimit: "5 seconds" }),
    ),
  ).pipe(
    // A follow is over with its container: nobody waits for the next of its name.
    Layer.provideMerge(Proxy.layer({ links, router: { restartWindow: 0 } })),
    Layer.provide(TokenVerifier.layer({ keys })),
    Layer.provide(Logger.minimumLogLevel(LogLevel.None)),
    Layer.orDie,
  )

/** Builds a layer, and can let go of it and build it anew. */
const restartable = Effect.fnUntraced(function* <A>(
  layer: Effect.Effect<Layer.Layer<A>>,
  onStart: (context: Context.Context<A>) => void = () => undefined,
) {
  const outer = yield* Effect.scope
  let current: Scope.CloseableScope | undefined
  const begin = Effect.gen(function* () {
    const scope = yield* Scope.fork(outer, ExecutionStrategy.sequential)
    current = scope
    onStart(yield* Layer.buildWithScope(yield* layer, scope))
  })
  yield* begin
  return {
    start: begin,
    stop: Effect.suspend(() => (current === undefined ? Effect.void : Scope.close(current, Exit.void))),
  } satisfies Restartable
})

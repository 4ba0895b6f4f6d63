/** A proxy and sources of the real parts, in this process over real sockets, each link through a relay that breaks on command. */
import type { LinkState } from "@rdl/core/link/LinkKeeper"
import type { SourceName } from "@rdl/core/model/SourceName"
import { SourceRegistry } from "@rdl/core/routing/SourceRegistry"
import * as TokenCodec from "@rdl/core/token/TokenCodec"
import * as TokenKey from "@rdl/core/token/TokenKey"
import * as TokenVerifier from "@rdl/core/token/TokenVerifier"
import * as Proxy from "@rdl/proxy/Proxy"
import * as ProxyServer from "@rdl/proxy/ProxyServer"
import type { Container, ContainerSpec } from "@rdl/sample-engine/Container"
import * as SampleEngine from "@rdl/sample-engine/SampleEngine"
import * as Source from "@rdl/source/Source"
import { FaultProxy } from "@rdl/test-kit/FaultProxy"
import * as HttpLinkDialer from "@rdl/transport-http/HttpLinkDialer"
import * as HttpLinkServer from "@rdl/transport-http/HttpLinkServer"
import * as WsLinkDialer from "@rdl/transport-ws/WsLinkDialer"
import * as WsLinkServer from "@rdl/transport-ws/WsLinkServer"
import { Context, Effect, ExecutionStrategy, Exit, Layer, Logger, Redacted, Scope } from "effect"
import type { Server } from "node:http"
import * as UserAnswer from "./UserAnswer.ts"

/** How links travel. */
export const carriers = ["ws", "http"] as const
export type Carrier = (typeof carriers)[number]

export interface Edge {
  readonly engine: SampleEngine.SampleEngine
  readonly relay: FaultProxy
  /** What the source was told of its link, oldest first. */
  readonly states: ReadonlyArray<LinkState>
  /** Creates it and waits until the proxy knows it. */
  readonly container: (spec: ContainerSpec & { readonly name: string }) => Effect.Effect<Container>
  /** Logs that are read at the engine. */
  readonly openLogs: () => number
  /** Waits until the proxy has its link and its inventory. */
  readonly linked: Effect.Effect<void>
  readonly stop: Effect.Effect<void>
}

export interface World {
  readonly url: string
  readonly port: number
  readonly registry: SourceRegistry["Type"]
  /** What proxy and sources logged. */
  readonly logged: ReadonlyArray<string>
  readonly token: (role: "user" | "source", sub: string) => Effect.Effect<string>
  /** Starts a source, and waits until it is linked; `through` is dialled instead of its relay. */
  readonly source: (
    name: string,
    options?: SampleEngine.Options,
    through?: string,
  ) => Effect.Effect<Edge, never, Scope.Scope>
  /** Asks as a user who may see everything. */
  readonly ask: (path: string, pace?: UserAnswer.Pace) => Effect.Effect<UserAnswer.UserAnswer, never, Scope.Scope>
  /** Stops the proxy as SIGTERM does. */
  readonly stop: Effect.Effect<void>
}

export interface Options extends Proxy.Options {
  /** Told of the server before it listens. */
  readonly onServer?: (server: Server) => void
}

/** What sources are told of the heartbeat: seconds instead of tens of them. */
export const brisk = { heartbeatMs: 500, deadMs: 5_000 }

/** Starts a proxy that takes links of either carrier; sources of this world dial by the one named. */
export const start = Effect.fn("FaultWorld.start")(function* (carrier: Carrier, options: Options = {}) {
  const logged: Array<string> = []
  const logger = Logger.replace(
    Logger.defaultLogger,
    Logger.make(({ message }) => void logged.push([message].flat().map(String).join(" "))),
  )
  const [key] = yield* TokenKey.parse(JSON.stringify(yield* TokenKey.generate("EdDSA")))
  const proxy = yield* startable(proxyLayer([key!], options).pipe(Layer.provide(logger)))
  const { url } = Context.get(proxy.context, ProxyServer.ProxyServer)
  const registry = Context.get(proxy.context, SourceRegistry)
  const port = Number(new URL(url).port)
  const token: World["token"] = (role, sub) => {
    const iat = Math.floor(Date.now() / 1000)
    return Effect.orDie(TokenCodec.issue(key!, { sub, role, iat, exp: iat + 3_600, jti: crypto.randomUUID() }))
  }
  const user = yield* token("user", "ann")
  const ask: World["ask"] = (path, pace) => UserAnswer.ask(`${url}${path}`, user, pace)
  const source: World["source"] = (name, engineOptions, through) =>
    Effect.gen(function* () {
      const engine = yield* Effect.orDie(SampleEngine.make(engineOptions))
      const relay = yield* relayTo(port)
      const states: Array<LinkState> = []
      const dialer = dialerLayer(carrier, through ?? relay.url, yield* token("source", name))
      const layer = Source.layer({
        engine: engine.url,
        env: {},
        agent: "rdl/test",
        onState: (state) => Effect.sync(() => void states.push(state)),
      }).pipe(Layer.provide(dialer), Layer.provide(logger))
      const { stop } = yield* startable(layer)
      const linked = until(() => isLinked(registry, name))
      yield* linked
      const container: Edge["container"] = (spec) =>
        Effect.tap(
          Effect.sync(() => engine.createContainer(spec)),
          (made) => until(() => knows(registry, made.id)),
        )
      const openLogs = () => [...engine.openStreams].filter(({ path }) => path.endsWith("/logs")).length
      return { engine, relay, states, container, openLogs, linked, stop }
    })
  return { url, port, registry, logged, token, source, ask, stop: proxy.stop } satisfies World
})

/** A relay on a free port, for as long as the scope lives. */
export const relayTo = (port: number): Effect.Effect<FaultProxy, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.promise(() => FaultProxy.listen({ target: { port } })),
    (relay) => Effect.promise(() => relay.close()),
  )

/** Looks every few milliseconds until it is so; the test's own timeout is the bound. */
export const until = (condition: () => boolean): Effect.Effect<void> =>
  Effect.sync(condition).pipe(
    Effect.flatMap((so) => (so ? Effect.succeed(true) : Effect.as(Effect.sleep("5 millis"), false))),
    Effect.repeat({ until: (so) => so }),
    Effect.asVoid,
  )

/** Whether the proxy has the source's link and inventory. */
export const isLinked = (registry: SourceRegistry["Type"], name: string): boolean =>
  Effect.runSync(registry.inventories).some(({ source, stale }) => source === name && !stale)

/** How the proxy sees the source; undefined where it never saw it. */
export const status = (registry: SourceRegistry["Type"], name: string) =>
  Effect.runSync(registry.statuses).find((source) => source.name === (name as SourceName))

export const dialerLayer = (carrier: Carrier, proxy: string, token: string) => {
  const options = { proxy, token: Redacted.make(token), forwardProxy: "none" }
  const made =
    carrier === "ws"
      ? WsLinkDialer.layer(options)
      : HttpLinkDialer.layer({ ...options, retryBase: "10 millis", giveUp: "2 seconds" })
  return Layer.orDie(made)
}

const ANYWHERE = { host: "127.0.0.1", port: 0 }

export const proxyLayer = (keys: ReadonlyArray<TokenKey.TokenKey>, options: Options = {}, listen = ANYWHERE) =>
  ProxyServer.layer({ ...listen, grace: "200 millis" }, (server) =>
    Effect.all([
      Effect.sync(() => options.onServer?.(server)),
      WsLinkServer.attach(server),
      HttpLinkServer.attach(server, { pollTime: "2 seconds", idleLimit: "5 seconds" }),
    ]),
  ).pipe(Layer.provideMerge(Proxy.layer(options)), Layer.provide(TokenVerifier.layer({ keys })), Layer.orDie)

/** Builds a layer that can be ended before its scope is. */
export const startable = <A>(layer: Layer.Layer<A>) =>
  Effect.gen(function* () {
    const scope = yield* Scope.fork(yield* Effect.scope, ExecutionStrategy.sequential)
    return { context: yield* Layer.buildWithScope(layer, scope), stop: Scope.close(scope, Exit.void) }
  })

const knows = (registry: SourceRegistry["Type"], id: string): boolean =>
  Effect.runSync(registry.inventories).some(({ containers }) =>
    [...containers.keys()].some((known) => String(known) === id),
  )

/** The proxy: users ask it over HTTP, sources dial in to it; a handler for any Node HTTP server. */
import * as HttpApiBuilder from "@effect/platform/HttpApiBuilder"
import * as HttpMiddleware from "@effect/platform/HttpMiddleware"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import type { LinkAcceptor } from "@rdl/core/link/Link"
import * as RequestRouter from "@rdl/core/routing/RequestRouter"
import * as SourceAcceptor from "@rdl/core/routing/SourceAcceptor"
import * as SourceRegistry from "@rdl/core/routing/SourceRegistry"
import { TokenVerifier } from "@rdl/core/token/TokenVerifier"
import { OPEN_PATHS, UserApi } from "@rdl/core/api/UserApi"
import { Context, type Duration, Effect, Layer } from "effect"
import type { IncomingMessage, ServerResponse } from "node:http"
import * as DockerApi from "./docker/DockerApi.ts"
import * as ErrorResponse from "./ErrorResponse.ts"
import * as Gate from "./Gate.ts"
import * as LogResponse from "./LogResponse.ts"
import * as MeteredRouter from "./MeteredRouter.ts"
import * as Metrics from "./Metrics.ts"
import * as Pipelining from "./Pipelining.ts"
import { RateLimit } from "./RateLimit.ts"
import * as Readiness from "./Readiness.ts"
import * as Routes from "./Routes.ts"
import { type Rates, Throttle } from "./Throttle.ts"
import * as UserApiHandlers from "./UserApiHandlers.ts"

/** A proxy without a server: what answers requests, and what ends it in good order. */
export class Proxy extends Context.Tag("@rdl/proxy/Proxy")<
  Proxy,
  {
    /** Answers a request. Given `next`, leaves what is neither of the user API nor of Docker's to it, before any token is looked at. */
    readonly handler: (request: IncomingMessage, response: ServerResponse, next?: () => void) => void
    /** Whose token this is, where its signature was found good and is remembered. */
    readonly remembered: TokenVerifier["Type"]["remembered"]
    /** Makes `/ready` say that no more requests should come; everything goes on being served. */
    readonly stop: Effect.Effect<void>
    /** Sends the sources away, as `SourceRegistry.drain` does; nothing over a router without a registry. Never waits. */
    readonly drain: (retryAfterMs: number) => Effect.Effect<void>
  }
>() {}

/** The bounds of a proxy by the part that keeps them; what is left out has its default. */
export interface Options {
  readonly registry?: Partial<SourceRegistry.Options>
  readonly router?: Partial<RequestRouter.Options>
  readonly links?: Partial<SourceAcceptor.Options>
  readonly users?: Partial<UserLimits>
  /** Asked with every `/ready`. Default: there is nothing against it. */
  readonly ready?: Readiness.Check
}

/** What one user may take at most. */
export interface UserLimits {
  /** Requests a second, twice as many at once after a pause; by the token's `sub`. Default: no limit. */
  readonly requestsPerSecond: number
  /** Bytes of logs a second, of all that one user reads and of all that is read of one source; then sources wait. Default: no limit. */
  readonly bytesPerSecond: Rates
  /** How long a log's reader may take nothing before its connection is destroyed. Default 10 min. */
  readonly stalledAfter: Duration.DurationInput
}

const noLimits: UserLimits = {
  requestsPerSecond: Infinity,
  bytesPerSecond: { perUser: Infinity, perSource: Infinity },
  stalledAfter: "10 minutes",
}

/**
 * A proxy without a server: hang `Proxy.handler` into one, or let `ProxyServer.layer` do it. Transports deliver
 * sources to the `LinkAcceptor`. For another registry or router provide `layerHandler` with them instead.
 */
export const layer = (
  options: Options = {},
): Layer.Layer<
  Proxy | LinkAcceptor | SourceRegistry.SourceRegistry | RequestRouter.RequestRouter,
  never,
  TokenVerifier
> =>
  Layer.mergeAll(
    Layer.provide(layerDraining, layerHandlerWithin(options.users, options.ready)),
    SourceAcceptor.layer(options.links),
  ).pipe(
    Layer.provideMerge(RequestRouter.layer(options.router)),
    Layer.provideMerge(SourceRegistry.layer(options.registry)),
  )

/** The user API over any router, its users within limits. */
export const layerHandlerWithin = (
  users?: Partial<UserLimits>,
  ready: Readiness.Check = Effect.succeed(undefined),
): Layer.Layer<Proxy, never, RequestRouter.RequestRouter | TokenVerifier> => {
  const limits = { ...noLimits, ...users }
  return Layer.effect(Proxy, make(limits)).pipe(
    Layer.provide(layerApi),
    Layer.provide(Layer.succeed(LogResponse.StalledAfter, limits.stalledAfter)),
    Layer.provide(layerMetered(limits)),
    Layer.provide(Readiness.layer(ready)),
    Layer.provide(NodeHttpServer.layerContext),
  )
}

/** The user API over any router. */
export const layerHandler: Layer.Layer<Proxy, never, RequestRouter.RequestRouter | TokenVerifier> = Layer.suspend(() =>
  layerHandlerWithin(),
)

const layerMetered = ({ bytesPerSecond }: UserLimits) =>
  Layer.effect(
    RequestRouter.RequestRouter,
    Effect.map(RequestRouter.RequestRouter, (router) =>
      MeteredRouter.make(router, new Throttle(bytesPerSecond, Metrics.waited)),
    ),
  )

const layerDraining = Layer.effect(
  Proxy,
  Effect.zipWith(Proxy, SourceRegistry.SourceRegistry, (proxy, { drain }) => ({ ...proxy, drain })),
)

/** On every answer: what is told to one user is for nobody else, and for no browser to guess at. */
const HEADERS = { "cache-control": "no-store", "x-content-type-options": "nosniff" }

const make = Effect.fnUntraced(function* ({ requestsPerSecond }: UserLimits) {
  const readiness = yield* Readiness.Readiness
  const verifier = yield* TokenVerifier
  const router = yield* RequestRouter.RequestRouter
  const limit =
    requestsPerSecond === Infinity
      ? undefined
      : new RateLimit({ perSecond: requestsPerSecond, burst: Math.max(1, 2 * requestsPerSecond) })
  const app = DockerApi.dress(Gate.guard(verifier, DockerApi.make(router, yield* HttpApiBuilder.httpApp), limit))
  const serve = yield* NodeHttpServer.makeHandler(Effect.map(app, HttpServerResponse.setHeaders(HEADERS))).pipe(
    // What probes ask every few seconds is no request of a user.
    HttpMiddleware.withTracerDisabledWhenEffect(({ url }) => OPEN_PATHS.has(Routes.pathOf(url))),
  )
  return Proxy.of({
    handler: (request, response, next) => {
      if (next !== undefined && !Routes.isServed(Routes.pathOf(request.url ?? "/"))) next()
      else if (Pipelining.track(request, response)) serve(request, response)
    },
    remembered: verifier.remembered,
    stop: readiness.stop,
    drain: () => Effect.void,
  })
})

const layerApi = Layer.mergeAll(
  HttpApiBuilder.api(UserApi).pipe(Layer.provide(UserApiHandlers.layer), Layer.provide(Gate.layerAuthentication)),
  HttpApiBuilder.middleware((app) => Effect.catchAllCause(app, ErrorResponse.fromCause)),
).pipe(Layer.provideMerge(Layer.mergeAll(HttpApiBuilder.Router.Live, HttpApiBuilder.Middleware.layer)))

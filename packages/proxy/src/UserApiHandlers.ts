/** The user API's routes: each reads its parameters, asks the router, and writes the answer. */
import * as HttpApiBuilder from "@effect/platform/HttpApiBuilder"
import type * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as NodeHttpServerRequest from "@effect/platform-node/NodeHttpServerRequest"
import { ApiError } from "@rdl/core/api/ApiError"
import type { BadParameter } from "@rdl/core/log/LogParameter"
import * as LogResume from "@rdl/core/log/LogResume"
import * as LogNegotiation from "@rdl/core/log/LogNegotiation"
import * as LogQuery from "@rdl/core/log/LogQuery"
import { type LogRequest, RequestRouter, type RoutedLog } from "@rdl/core/routing/RequestRouter"
import { CurrentUser, openApi, UserApi } from "@rdl/core/api/UserApi"
import * as UserApiParameter from "@rdl/core/api/UserApiParameter"
import * as Authorization from "@rdl/core/token/Authorization"
import { Clock, Effect, Either, Layer, Metric } from "effect"
import * as ContainerJson from "./ContainerJson.ts"
import * as DocsPage from "./DocsPage.ts"
import * as ErrorResponse from "./ErrorResponse.ts"
import * as LogResponse from "./LogResponse.ts"
import * as MetricsSamples from "./MetricsSamples.ts"
import * as MetricsText from "./MetricsText.ts"
import { Readiness } from "./Readiness.ts"

type Request = HttpServerRequest.HttpServerRequest

const layerContainers = HttpApiBuilder.group(UserApi, "containers", (handlers) =>
  Effect.gen(function* () {
    const router = yield* RequestRouter
    const stalledAfter = yield* LogResponse.StalledAfter
    const write = ContainerJson.make()
    const list = Effect.fnUntraced(function* (request: Request) {
      const parameters = yield* parametersOf(request, UserApiParameter.ContainersParameters)
      const filter = yield* good(UserApiParameter.containerFilter(parameters))
      const found = yield* router.containers(yield* CurrentUser, filter)
      return HttpServerResponse.uint8Array(write(found), { contentType: "application/json" })
    })
    const logs = Effect.fnUntraced(function* (request: Request, ref: string) {
      const asked = yield* logRequestOf(request)
      const log = yield* router.logs(yield* CurrentUser, ref, asked)
      const headers = logHeaders(log, asked)
      const response = NodeHttpServerRequest.toServerResponse(request)
      yield* request.method === "HEAD"
        ? LogResponse.sendHead(response, headers)
        : Effect.provideService(
            LogResponse.send(response, log, headers, asked.rendering.format),
            LogResponse.StalledAfter,
            stalledAfter,
          )
      return LogResponse.sent
    }, Effect.scoped)
    return handlers
      .handle("list", ({ request }) => list(request))
      .handle("logs", ({ request, path }) => logs(request, path.ref))
      .handle("logsOfSource", ({ request, path }) => logs(request, `${path.source}/${path.container}`))
  }),
)

const layerSources = HttpApiBuilder.group(UserApi, "sources", (handlers) =>
  Effect.gen(function* () {
    const router = yield* RequestRouter
    return handlers.handle("list", ({ request }) =>
      parametersOf(request, UserApiParameter.NoParameters).pipe(
        Effect.zipRight(CurrentUser),
        Effect.flatMap(router.sources),
      ),
    )
  }),
)

const layerSystem = HttpApiBuilder.group(UserApi, "system", (handlers) =>
  Effect.gen(function* () {
    const readiness = yield* Readiness
    const document = openApi()
    const page = DocsPage.render(document)
    return handlers
      .handle("health", () => Effect.succeed({ status: "ok" as const }))
      .handle("ready", () =>
        Effect.flatMap(readiness.problem, (problem) =>
          problem === undefined
            ? Effect.succeed({ status: "ok" as const })
            : new ApiError({ code: "not-ready", message: problem, retryAfterSeconds: 5 }),
        ),
      )
      .handle("openapi", () => Effect.succeed(document))
      .handle("docs", () =>
        Effect.succeed(HttpServerResponse.html(page).pipe(HttpServerResponse.setHeaders(DocsPage.headers))),
      )
  }),
)

const layerOperations = HttpApiBuilder.group(UserApi, "operations", (handlers) =>
  Effect.gen(function* () {
    const router = yield* RequestRouter
    const metrics = Effect.fnUntraced(function* (request: Request) {
      yield* parametersOf(request, UserApiParameter.NoParameters)
      const user = yield* CurrentUser
      if (!Authorization.permitsAll(user.claims.allow)) return yield* ErrorResponse.notEverything
      const text = MetricsText.render(Metric.unsafeSnapshot(), MetricsSamples.read(yield* router.sources(user)))
      return HttpServerResponse.text(text, { contentType: MetricsText.CONTENT_TYPE })
    })
    return handlers.handle("metrics", ({ request }) => metrics(request))
  }),
)

/** All routes of the user API. */
export const layer = Layer.mergeAll(layerContainers, layerSources, layerSystem, layerOperations)

/** The query, once it holds no parameter that is not of the route. */
const parametersOf = (request: Request, known: Parameters<typeof UserApiParameter.refuseUnknown>[1]) => {
  const search = request.url.indexOf("?")
  const parameters = new URLSearchParams(search < 0 ? "" : request.url.slice(search))
  return Effect.as(good(UserApiParameter.refuseUnknown(parameters.keys(), known)), parameters)
}

const logRequestOf = Effect.fnUntraced(function* (request: Request) {
  const parameters = yield* parametersOf(request, UserApiParameter.LogsParameters)
  const { since, ...query } = yield* good(LogQuery.parse(parameters, yield* Clock.currentTimeMillis))
  const rendering = yield* good(LogNegotiation.negotiate(parameters, request.headers["accept"]))
  const resume = yield* good(LogResume.parse(parameters, rendering.format, request.headers["last-event-id"]))
  const isAgo = !/^-?\d+(\.\d+)?$|-/.test(parameters.get("since") ?? "")
  // A cursor is behind its `since` already; one that counts back from now has moved past it by the time it is asked again.
  if (resume !== undefined && isAgo) return { query, rendering, resume } satisfies LogRequest
  return {
    query: { ...query, ...(since === undefined ? {} : { since }) },
    rendering,
    ...(resume === undefined ? {} : { resume }),
  } satisfies LogRequest
})

const good = <A>(parsed: Either.Either<A, BadParameter>) => Either.mapLeft(parsed, ErrorResponse.fromBadParameter)

/** The proxy says what the bytes are, not the source: whatever that one claims, no browser takes a log for a page. */
const logHeaders = ({ container, reader }: RoutedLog, { rendering }: LogRequest) => {
  const tty = reader.head.tty ?? false
  return {
    "content-type": LogNegotiation.contentType(rendering.format, tty),
    "cache-control": "no-store, no-transform",
    "x-accel-buffering": "no",
    "x-content-type-options": "nosniff",
    "x-rdl-container": `${container.source}/${container.name}`,
    "x-rdl-container-id": container.id,
    "x-rdl-tty": String(tty),
  }
}

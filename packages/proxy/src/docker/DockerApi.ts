/** The part of Docker's API that reads, over all sources at once: any Docker client is a client of rdl. */
import type * as HttpApp from "@effect/platform/HttpApp"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as NodeHttpServerRequest from "@effect/platform-node/NodeHttpServerRequest"
import { ApiError } from "@rdl/core/api/ApiError"
import { CurrentUser } from "@rdl/core/api/UserApi"
import * as LinkStream from "@rdl/core/link/LinkStream"
import * as LogNegotiation from "@rdl/core/log/LogNegotiation"
import { ContainerInspection } from "@rdl/core/model/ContainerInspection"
import { ProcessColumns } from "@rdl/core/model/ProcessColumns"
import type { ContainerQuestion } from "@rdl/core/routing/ContainerQuestion"
import type { RequestRouter, RoutedLog, User } from "@rdl/core/routing/RequestRouter"
import { fromStreamFailure } from "@rdl/core/routing/RoutingError"
import { Cause, Clock, Effect, Option, Schema, type Scope, Stream } from "effect"
import * as ContainerJson from "../ContainerJson.ts"
import * as LogResponse from "../LogResponse.ts"
import * as Routes from "../Routes.ts"
import * as ContainerSelection from "./ContainerSelection.ts"
import * as DockerContainer from "./DockerContainer.ts"
import { badRequest, DockerError, fromApiError, toResponse, translate } from "./DockerError.ts"
import * as DockerEvent from "./DockerEvent.ts"
import * as DockerFilter from "./DockerFilter.ts"
import * as DockerLogQuery from "./DockerLogQuery.ts"
import * as DockerParameter from "./DockerParameter.ts"
import { type DockerRoute, NOTHING, parse } from "./DockerRoute.ts"
import * as DockerSystem from "./DockerSystem.ts"
import * as EventResponse from "./EventResponse.ts"

type Request = HttpServerRequest.HttpServerRequest
type Response = HttpServerResponse.HttpServerResponse
type Failure = ApiError | DockerError

/** The longest answer of a source that is one document, in bytes; a longer one is refused. */
export const MAX_DOCUMENT = 1024 * 1024
/** How long such an answer may take once it has begun; then 504. */
export const DOCUMENT_TIME = "30 seconds"

/** Every container, for what is selected here. */
const EVERYTHING = { all: true, sources: [], names: [], labels: [] }

/** Answers what is of Docker's API, for users the gate has let through, and leaves the rest to `other`. */
export const make = <E, R>(router: RequestRouter["Type"], other: HttpApp.Default<E, R>): HttpApp.Default<E, R> => {
  const serve = handlers(router)
  return Effect.flatMap(HttpServerRequest.HttpServerRequest, (request): HttpApp.Default<E, R> => {
    const route = routeOf(request)
    if (route === undefined) return other
    if (route._tag === "Refused") return Effect.succeed(toResponse(new DockerError(route)))
    return Effect.flatMap(currentUser, (user) => serve(route, request, user)).pipe(
      Effect.scoped,
      // The platform runs an app uninterruptibly, and leaves it to its router to say what is not: a client may go any time.
      Effect.interruptible,
      Effect.catchAllCause((cause) => failed(cause, "ref" in route ? route.ref : "")),
    )
  })
}

/** A route that the gate let pass without a user is refused. */
const currentUser = Effect.flatMap(Effect.serviceOption(CurrentUser), (user) =>
  Option.isSome(user)
    ? Effect.succeed(user.value)
    : Effect.fail(new DockerError({ status: 401, message: "missing or bad token" })),
)

/** What a gate in front refuses reads as Docker's clients have it, and all that leaves says whose it is. */
export const dress = <E, R>(app: HttpApp.Default<E, R>): HttpApp.Default<E, R> =>
  Effect.flatMap(HttpServerRequest.HttpServerRequest, (request) =>
    routeOf(request) === undefined
      ? app
      : Effect.map(app, (response) => HttpServerResponse.setHeaders(translate(response), DockerSystem.HEADERS)),
  )

const routeOf = ({ method, url }: Request): DockerRoute | undefined => parse(method, Routes.pathOf(url))

type Served = Exclude<DockerRoute, { readonly _tag: "Refused" }>

const handlers = (router: RequestRouter["Type"]) => {
  const writeList = ContainerJson.make(DockerContainer.listed)
  const own = { list: list(router, writeList), logs: logs(router), events: events(router), stats: stats(router) }
  return (route: Served, request: Request, user: User): Effect.Effect<Response, Failure, Scope.Scope> => {
    const parameters = parametersOf(request)
    switch (route._tag) {
      case "Ping":
        return Effect.succeed(HttpServerResponse.text("OK"))
      case "Version":
        return Effect.map(router.sources(user), (sources) => json(DockerSystem.version(sources)))
      case "Info":
        return info(router, user)
      case "Nothing":
        return Effect.succeed(json(NOTHING[route.of]))
      case "List":
        return own.list(user, parameters)
      case "Events":
        return own.events(user, parameters, request)
      case "Inspect":
        return inspect(router, user, route.ref)
      case "Logs":
        return own.logs(user, route, parameters, request)
      case "Stats":
        return own.stats(user, route.ref, parameters, request)
      default:
        return top(router, user, route.ref, parameters)
    }
  }
}

const info = Effect.fnUntraced(function* (router: RequestRouter["Type"], user: User) {
  const sources = yield* router.sources(user)
  const containers = yield* router.containers(user, EVERYTHING)
  return json(DockerSystem.info(sources, containers, yield* Clock.currentTimeMillis))
})

const list = (router: RequestRouter["Type"], write: ReturnType<typeof ContainerJson.make>) =>
  Effect.fnUntraced(function* (user: User, parameters: URLSearchParams) {
    const filter = yield* DockerFilter.parse(parameters.get("filters"))
    const limit = yield* DockerParameter.limit(parameters)
    const selection = yield* ContainerSelection.parse(filter)
    const all = selection.all || limit !== undefined || DockerParameter.boolean(parameters, "all")
    const chosen = ContainerSelection.apply({ ...selection, all }, yield* router.containers(user, EVERYTHING))
    const newest = chosen.toSorted((a, b) => b.created - a.created).slice(0, limit)
    return HttpServerResponse.uint8Array(write(newest), { contentType: "application/json" })
  })

const inspect = Effect.fnUntraced(function* (router: RequestRouter["Type"], user: User, ref: string) {
  const answer = yield* router.ask(user, ref, { op: "inspect" })
  const told = yield* document(answer, Schema.parseJson(ContainerInspection))
  return json(DockerContainer.inspected(answer.container, told))
})

const Processes = Schema.parseJson(
  Schema.Struct({ Titles: Schema.Array(Schema.String), Processes: Schema.Array(Schema.Array(Schema.String)) }),
)

const top = Effect.fnUntraced(function* (
  router: RequestRouter["Type"],
  user: User,
  ref: string,
  parameters: URLSearchParams,
) {
  const wanted = parameters.get("ps_args") ?? ""
  const columns = Schema.decodeOption(ProcessColumns)(wanted)
  if (wanted !== "" && Option.isNone(columns))
    return yield* badRequest(
      `ps_args ${JSON.stringify(wanted.slice(0, 100))} is not taken: rdl knows aux, -ef, -f, -l, and -o with columns such as pid,user,comm`,
    )
  const answer = yield* router.ask(user, ref, {
    op: "top",
    ...(Option.isSome(columns) ? { columns: columns.value } : {}),
  })
  return json(yield* document(answer, Processes))
})

const stats = (router: RequestRouter["Type"]) =>
  Effect.fnUntraced(function* (user: User, ref: string, parameters: URLSearchParams, request: Request) {
    const stream = !parameters.has("stream") || DockerParameter.boolean(parameters, "stream")
    const oneShot = DockerParameter.boolean(parameters, "one-shot")
    if (stream && oneShot) return yield* badRequest("cannot have stream=true and one-shot=true")
    const question: ContainerQuestion = { op: "stats", stream, oneShot }
    yield* LogResponse.send(
      NodeHttpServerRequest.toServerResponse(request),
      yield* router.ask(user, ref, question),
      headersOf("application/json"),
    )
    return LogResponse.sent
  })

const logs = (router: RequestRouter["Type"]) =>
  Effect.fnUntraced(function* (
    user: User,
    { framed, ref }: Extract<DockerRoute, { readonly _tag: "Logs" }>,
    parameters: URLSearchParams,
    request: Request,
  ) {
    const query = yield* DockerLogQuery.parse(parameters)
    const rendering = { format: "multiplexed", host: "none" } as const
    const log = yield* router.logs(user, ref, { query, rendering, whenStopped: "end" })
    const isTerminal = log.reader.head.tty ?? false
    const type = LogNegotiation.contentType("multiplexed", isTerminal || !framed)
    yield* LogResponse.send(NodeHttpServerRequest.toServerResponse(request), log, headersOf(type))
    return LogResponse.sent
  })

const events = (router: RequestRouter["Type"]) =>
  Effect.fnUntraced(function* (user: User, parameters: URLSearchParams, request: Request) {
    const isWanted = DockerEvent.matches(yield* DockerFilter.parse(parameters.get("filters")))
    const since = yield* DockerParameter.time(parameters, "since")
    const until = yield* DockerParameter.time(parameters, "until")
    const span = { ...(since === undefined ? {} : { since }), ...(until === undefined ? {} : { until }) }
    const lines = Stream.map(Stream.filter(yield* router.events(user, span), isWanted), DockerEvent.write)
    const sent = EventResponse.send(NodeHttpServerRequest.toServerResponse(request), lines)
    // Not only by the stream: what is ahead of its end there may wait for a reader who takes nothing.
    yield* Effect.raceFirst(sent, user.lapsed)
    return LogResponse.sent
  })

/** The whole of an answer, which must be what it should be: a source may be anyone's. */
const document = <A, I>({ container, reader }: RoutedLog, schema: Schema.Schema<A, I>): Effect.Effect<A, Failure> => {
  const { source } = container
  const tooLong = new DockerError({ status: 502, message: `the source ${source} sent too long an answer` })
  const senseless = new DockerError({ status: 502, message: `the source ${source} sent an answer that makes no sense` })
  const silent = new DockerError({ status: 504, message: `the source ${source} did not end its answer within 30 s` })
  return LinkStream.bytes(reader).pipe(
    Stream.mapError((error): Failure => fromStreamFailure(error, source, container.id)),
    Stream.runFoldEffect({ parts: [] as Array<Uint8Array>, length: 0 }, ({ length, parts }, part) => {
      parts.push(part)
      const whole = length + part.length
      return whole > MAX_DOCUMENT ? Effect.fail(tooLong) : Effect.succeed({ parts, length: whole })
    }),
    Effect.timeoutFail({ duration: DOCUMENT_TIME, onTimeout: () => silent }),
    Effect.map(({ parts }) => Buffer.concat(parts).toString("utf8")),
    Effect.flatMap((text) => Effect.mapError(Schema.decodeUnknown(schema)(text), () => senseless)),
  )
}

const json = (value: unknown): Response => HttpServerResponse.unsafeJson(value)

/** Of answers that go past the platform. */
const headersOf = (contentType: string): Readonly<Record<string, string>> => ({
  ...DockerSystem.HEADERS,
  "content-type": contentType,
  "cache-control": "no-store, no-transform",
  "x-accel-buffering": "no",
  "x-content-type-options": "nosniff",
})

const parametersOf = ({ url }: Request): URLSearchParams => {
  const search = url.indexOf("?")
  return new URLSearchParams(search < 0 ? "" : url.slice(search))
}

/** What nobody foresaw is a fault of ours, and goes to the log. Interruption passes. */
const failed = <E>(cause: Cause.Cause<E>, ref: string): Effect.Effect<Response> => {
  if (Cause.isInterruptedOnly(cause)) return Effect.interrupt
  const error: unknown = Option.getOrUndefined(Cause.failureOption(cause))
  if (error instanceof ApiError) return Effect.succeed(toResponse(fromApiError(error, ref)))
  if (error instanceof DockerError) return Effect.succeed(toResponse(error))
  const internal = new DockerError({ status: 500, message: "a fault of the proxy; its log says more" })
  return Effect.as(Effect.logError("a request met a fault", cause), toResponse(internal))
}

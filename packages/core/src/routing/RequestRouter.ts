/** What a user asks, answered: from the registry's inventories, or by a stream from the right source. */
import { Context, Duration, Effect, Layer, type Scope, type Stream } from "effect"
import { ApiError } from "../api/ApiError.ts"
import * as Authorization from "../token/Authorization.ts"
import type { Container, ContainerName, SourceContainer } from "../model/Container.ts"
import * as ContainerFilter from "./ContainerFilter.ts"
import * as ContainerQuestion from "./ContainerQuestion.ts"
import * as ContainerRef from "./ContainerRef.ts"
import * as ContainerView from "./ContainerView.ts"
import * as FleetEvents from "./FleetEvents.ts"
import type { LogQuery, LogRendering } from "../log/LogQuery.ts"
import type { Resume } from "../link/LinkMessage.ts"
import type { LogFeed } from "./LogFeed.ts"
import * as LogCursor from "../log/LogCursor.ts"
import * as ResumingLog from "./ResumingLog.ts"
import { fromStreamFailure, fromUnavailable, noSuchContainer } from "./RoutingError.ts"
import { SourceRegistry, type SourceInventory } from "./SourceRegistry.ts"
import type { SourceStatus } from "../model/SourceStatus.ts"
import type { TokenClaims } from "../token/TokenClaims.ts"
import type { TokenRejected } from "../token/TokenVerifier.ts"

/** Who asks. */
export interface User {
  readonly claims: TokenClaims
  /** Waits until the token is no longer good. */
  readonly lapsed: Effect.Effect<TokenRejected>
}

/** A log on its way to a user. */
export interface RoutedLog {
  readonly container: SourceContainer
  /** Goes on over lost links and, asked for by name, over runs. Ends with an error, never well, when the user's token stops being good. */
  readonly reader: LogFeed
}

/** A log that a user wants, but for whose it is. */
export interface LogRequest {
  readonly query: LogQuery
  readonly rendering: LogRendering
  /** Where to go on in the container's log; absent = where the query says. */
  readonly resume?: Resume
  /** `end` = a follow is over once its container has stopped, as Docker's is. `goOn` (the default) = one asked for by name waits for the container to run again, or for its successor of that name. */
  readonly whenStopped?: "end" | "goOn"
}

/** Finds the source of what a user asks for, and asks it within the user's scope. */
export class RequestRouter extends Context.Tag("@rdl/core/RequestRouter")<
  RequestRouter,
  {
    /** The containers the user may see and asked for: by source, the newest first; each the same object as before where it reads the same. Asks no source. */
    readonly containers: (
      user: User,
      filter: ContainerFilter.ContainerFilter,
    ) => Effect.Effect<ReadonlyArray<SourceContainer>>
    /** The sources the user may know of; `containers` counts only those the user may see. Asks no source. */
    readonly sources: (user: User) => Effect.Effect<ReadonlyArray<SourceStatus>>
    /** Opens a log and waits for its head, at most 30 s; closing the scope cancels it at the source. */
    readonly logs: (user: User, ref: string, request: LogRequest) => Effect.Effect<RoutedLog, ApiError, Scope.Scope>
    /** Asks the source of a container something that is not for its log, and waits for the head, at most 30 s; closing the scope cancels it there. */
    readonly ask: (
      user: User,
      ref: string,
      question: ContainerQuestion.ContainerQuestion,
    ) => Effect.Effect<RoutedLog, ApiError, Scope.Scope>
    /** What happens to the containers the user may see, in the order of arrival; ends well only once `until` has passed. */
    readonly events: (
      user: User,
      span: FleetEvents.EventSpan,
    ) => Effect.Effect<Stream.Stream<FleetEvents.SourceEvent, TokenRejected>, ApiError, Scope.Scope>
  }
>() {}

/** How many logs are read at a time, and how long one waits for what it lost. */
export interface Options {
  /** Logs one user reads at a time, by the token's `sub`. Default 256. */
  readonly maxStreamsPerUser: number
  /** Logs all users read at a time; each may hold 256 KiB of credit. Default 1,024. */
  readonly maxStreams: number
  /** How long a log whose link was lost waits for the next one before it ends as broken; 0 = not at all. Default 120 s. */
  readonly resumeWindow: Duration.DurationInput
  /** How long a follow by name waits, once its container has stopped, for the next run under that name; 0 = not at all. Default 10 s. */
  readonly restartWindow: Duration.DurationInput
}

/** What holds where nothing else is said. */
export const defaults: Options = {
  maxStreamsPerUser: 256,
  maxStreams: 1024,
  resumeWindow: "120 seconds",
  restartWindow: "10 seconds",
}

/** A router over the registry. */
export const make = Effect.fn("RequestRouter.make")(function* (partial?: Partial<Options>) {
  const options = { ...defaults, ...partial }
  const registry = yield* SourceRegistry
  const takeSlot = streamSlots(options)
  const view = ContainerView.make()

  const containers = (user: User, filter: ContainerFilter.ContainerFilter) =>
    Effect.map(registry.inventories, (inventories) =>
      inventories.toSorted(bySource).flatMap((inventory) =>
        visible(user, inventory)
          .map((container) => view(container, inventory))
          .filter((container) => ContainerFilter.matches(filter, container))
          .sort(newestFirst),
      ),
    )

  const sources = Effect.fnUntraced(function* (user: User) {
    const counts = new Map(
      (yield* registry.inventories).map((inventory) => [inventory.source, visible(user, inventory).length]),
    )
    return (yield* registry.statuses)
      .filter(({ name }) => Authorization.permitsSource(user.claims.allow, name))
      .map((status) => ({ ...status, containers: counts.get(status.name) ?? 0 }))
  })

  const logs = Effect.fn("RequestRouter.logs")(function* (user: User, ref: string, request: LogRequest) {
    const { container, name } = yield* resolve(user, ref, yield* registry.inventories)
    yield* checkCursor(container, request.resume)
    yield* takeSlot(user.claims.sub)
    const { query, rendering, resume, whenStopped } = request
    const reader = yield* ResumingLog.open({
      registry,
      source: container.source,
      container,
      request: {
        op: "logs",
        containerId: container.id,
        query,
        rendering,
        scope: user.claims.allow ?? {},
        ...(resume === undefined ? {} : { resume }),
      },
      name: query.follow && whenStopped !== "end" ? name : undefined,
      resumeWindow: Duration.decode(options.resumeWindow),
      restartWindow: Duration.decode(options.restartWindow),
      lapsed: user.lapsed,
    }).pipe(
      Effect.timeoutFail({ duration: "30 seconds", onTimeout: () => silent(container.source) }),
      Effect.catchTags({
        SourceUnavailable: (error) => fromUnavailable(error),
        StreamError: (error) => fromStreamFailure(error, container.source, ref),
        LinkLost: (error) => fromStreamFailure(error, container.source, ref),
      }),
    )
    return { container, reader }
  })

  const find = (user: User, ref: string) =>
    Effect.flatMap(registry.inventories, (all) => Effect.map(resolve(user, ref, all), ({ container }) => container))
  const ask = ContainerQuestion.make({ registry, resolve: find, takeSlot })
  const events = FleetEvents.make({ registry, takeSlot })

  return RequestRouter.of({ containers, sources, logs, ask, events })
})

/** Routes to the registry's sources. */
export const layer = (options?: Partial<Options>): Layer.Layer<RequestRouter, never, SourceRegistry> =>
  Layer.effect(RequestRouter, make(options))

const visible = (user: User, { source, containers }: SourceInventory): ReadonlyArray<Container> =>
  Authorization.permitsSource(user.claims.allow, source)
    ? Array.from(containers.values()).filter((container) =>
        Authorization.permits(user.claims.allow, { source, container }),
      )
    : []

const bySource = (a: SourceInventory, b: SourceInventory): number => (a.source < b.source ? -1 : 1)

const newestFirst = (a: SourceContainer, b: SourceContainer): number => b.created - a.created

/** Only what the user may see is looked at, so nothing else can show in the answer. */
const resolve = Effect.fnUntraced(function* (
  user: User,
  text: string,
  inventories: ReadonlyArray<SourceInventory>,
): Effect.fn.Return<{ readonly container: SourceContainer; readonly name: ContainerName | undefined }, ApiError> {
  const ref = yield* ContainerRef.parse(text)
  const scope = user.claims.allow
  const candidates = ContainerRef.resolve(ref, inventories, scope)
  const [only] = candidates
  if (only !== undefined && candidates.length === 1) {
    const { container, source, stale } = only
    const isByName = container.names.includes(ref.container) && container.id !== (ref.container as string)
    return { container: { ...container, source, stale }, name: isByName ? ref.container : undefined }
  }
  if (candidates.length > 1) return yield* ambiguous(text, candidates)
  const stillLoading = inventories.find(
    ({ source, loading }) =>
      loading && Authorization.permitsSource(scope, source) && (ref.source === undefined || ref.source === source),
  )
  return yield* stillLoading === undefined ? noSuchContainer(text) : loading(stillLoading.source)
})

/** A cursor is of one container, whatever it is called now. */
const checkCursor = (
  { id, name, source }: SourceContainer,
  resume: Resume | undefined,
): Effect.Effect<void, ApiError> => {
  if (resume === undefined) return Effect.void
  const cursor = LogCursor.fromText(resume.cursor)
  if (cursor !== undefined && id.startsWith(cursor.container)) return Effect.void
  const expected = `a cursor of ${source}/${name}, whose id is ${id.slice(0, 12)}`
  return new ApiError({
    code: "bad-parameter",
    message:
      cursor === undefined
        ? `resume is no cursor of this release: expected ${expected}; without it the log comes from its start`
        : `resume is a cursor of the container ${cursor.container.slice(0, 12)}: expected ${expected}`,
    parameter: "resume",
    value: resume.cursor.slice(0, 100),
    expected,
  })
}

const ambiguous = (ref: string, candidates: ReadonlyArray<ContainerRef.Candidate>) =>
  new ApiError({
    code: "ambiguous",
    message: `${ref} may be any of ${candidates.length} containers; name the source too, as in source/name`,
    candidates: ContainerRef.describe(candidates),
  })

const loading = (source: string) =>
  new ApiError({
    code: "source-loading",
    message: `the source ${source} has just linked and is still telling what it has; ask again in a second`,
    source,
    retryAfterSeconds: 1,
  })

const silent = (source: string) =>
  new ApiError({ code: "source-silent", message: `the source ${source} did not answer within 30 s`, source })

/** Counts streams, of all and of each user; a place is given back when the scope closes. */
const streamSlots = (options: Options) => {
  const users = new Map<string, number>()
  let all = 0
  return (user: string): Effect.Effect<void, ApiError, Scope.Scope> =>
    Effect.acquireRelease(
      Effect.suspend(() => {
        const own = users.get(user) ?? 0
        if (own >= options.maxStreamsPerUser)
          return tooMany(`${user} reads ${own} logs, as many as one user may`, options.maxStreamsPerUser)
        if (all >= options.maxStreams)
          return tooMany(`this proxy serves ${all} logs, as many as it may`, options.maxStreams)
        all++
        users.set(user, own + 1)
        return Effect.void
      }),
      () =>
        Effect.sync(() => {
          all--
          const own = (users.get(user) ?? 1) - 1
          if (own === 0) users.delete(user)
          else users.set(user, own)
        }),
    )
}

const tooMany = (what: string, limit: number) =>
  new ApiError({ code: "too-many-streams", message: `${what}; end one and ask again`, limit, retryAfterSeconds: 5 })

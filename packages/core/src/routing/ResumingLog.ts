/** Reads a log until it is over: goes on exactly where a lost link cut it off, and, asked for by name, with its container's next run. */
import { Deferred, Duration, Effect, Exit, Metric, Option, Runtime, Schedule, Scope } from "effect"
import type { OpenLogs } from "../link/LinkMessage.ts"
import type { LinkLost, StreamReader } from "../link/LinkSession.ts"
import { SessionCode } from "../link/SessionCode.ts"
import { StreamError, type StreamErrorReason } from "../link/StreamError.ts"
import type { LogGap } from "../log/LogGap.ts"
import type { Container, ContainerId, ContainerName } from "../model/Container.ts"
import type { SourceName } from "../model/SourceName.ts"
import * as Authorization from "../token/Authorization.ts"
import type { TokenRejected } from "../token/TokenVerifier.ts"
import type { LogFeed, LogHandlers, LogResult } from "./LogFeed.ts"
import * as LogMetrics from "./LogMetrics.ts"
import { LogPlace } from "./LogPlace.ts"
import { LogStreams } from "./LogStreams.ts"
import type { SourceInventory, SourceRegistry, SourceUnavailable } from "./SourceRegistry.ts"

export interface Terms {
  readonly registry: SourceRegistry["Type"]
  readonly source: SourceName
  readonly container: Container
  /** As it is asked for first. */
  readonly request: OpenLogs
  /** The name under which another run is waited for; absent = the log ends with its container. */
  readonly name: ContainerName | undefined
  /** How long a lost link's successor is waited for; 0 = not at all. */
  readonly resumeWindow: Duration.Duration
  /** How long another run is waited for. */
  readonly restartWindow: Duration.Duration
  /** Waits until the user's token is no longer good: nothing comes after it. */
  readonly lapsed: Effect.Effect<TokenRejected>
}

/** Between two tries to open a log again: 50 ms at first, 2 s at most, of which a half is left to chance. */
const BACKOFF = Schedule.exponential("100 millis").pipe(
  Schedule.union(Schedule.spaced("2 seconds")),
  Schedule.jitteredWith({ min: 0.5, max: 1 }),
)

/** Refusals that may be over soon. */
const MAY_PASS = new Set<StreamErrorReason>(["too-many-streams", "engine-unavailable", "silent"])

/** How long the inventory is given to hear what the log has told already: that the container stopped. */
const NEWS_LAG = "1 second"

const GONE = "gone" as const

type OpenError = SourceUnavailable | StreamError | LinkLost

/** A run of a container, and how far its log was read. */
interface Run {
  readonly container: Container
  readonly request: OpenLogs
  readonly place: LogPlace
}

/** A log that is being read. */
interface Reading {
  readonly terms: Terms
  readonly streams: LogStreams
  reader: StreamReader
  run: Run
  /** Whether nothing came of this run. */
  isQuiet: boolean
  /** Set once nothing may be handed over any more. */
  isOver: boolean
}

/** Opens it; the scope lets go of everything. Reading begins with `start`. */
export const open = Effect.fnUntraced(function* (terms: Terms): Effect.fn.Return<LogFeed, OpenError, Scope.Scope> {
  const runFork = Runtime.runFork(yield* Effect.runtime())
  const streams = new LogStreams((scope) => void runFork(Scope.close(scope, Exit.void)))
  yield* Effect.addFinalizer(() => streams.close)
  const { container, request } = terms
  const reader = yield* openStream(terms, streams, request)
  const run: Run = { container, request, place: new LogPlace(request.resume) }
  const reading: Reading = { terms, streams, reader, run, isQuiet: true, isOver: false }
  const started = yield* Deferred.make<LogHandlers>()
  let handlers: LogHandlers | undefined
  let ended: LogResult | undefined
  const finish = (result: LogResult) => {
    reading.isOver = true
    ended = result
    handlers?.onEnd(result)
  }
  yield* Effect.flatMap(Deferred.await(started), (attached) => readAll(reading, attached)).pipe(
    Effect.raceFirst(Effect.map(terms.lapsed, lapse)),
    Effect.map(finish),
    Effect.forkScoped,
  )
  return {
    head: reader.head,
    consumed: (bytes) => streams.consumed(bytes),
    isClean: () => reading.run.place.isClean,
    place: () => reading.run.place.here,
    start: (attached) => {
      handlers = attached
      if (ended === undefined) Deferred.unsafeDone(started, Exit.succeed(attached))
      else attached.onEnd(ended)
    },
  }
})

/** One stream after the other. */
const readAll = Effect.fnUntraced(function* (reading: Reading, handlers: LogHandlers) {
  for (;;) {
    const result = yield* readStream(reading, handlers)
    const over = isOutage(result)
      ? yield* goOn(reading, handlers, result)
      : yield* goOnByName(reading, handlers, result)
    if (over !== undefined) return over
  }
})

const readStream = (reading: Reading, handlers: LogHandlers): Effect.Effect<LogResult> =>
  Effect.async<LogResult>((resume) => {
    const { reader, streams } = reading
    const { place } = reading.run
    let isDone = false
    const end = (result: LogResult) => {
      isDone = true
      resume(Effect.succeed(result))
    }
    reader.start({
      onData: (bytes) => {
        if (isDone || reading.isOver) return
        place.data(bytes.length)
        streams.handOver(bytes.length)
        reading.isQuiet = false
        handlers.onData(bytes)
      },
      onGap: (gap) => place.gap(gap),
      onMark: (offset, cursor) => {
        const told = place.mark(offset, cursor)
        if (isDone || reading.isOver) return
        if (told?.torn === true && !mayTear(reading)) return end(torn)
        if (told !== undefined) tellGap(reading, handlers, told.gap)
        if (place.isClean) handlers.onPlace?.()
      },
      onEnd: (result) => {
        if (!isDone) end(result)
      },
    })
    return Effect.sync(() => (isDone = true))
  })

/** Goes on where a stream was lost; gives how the log ended where that is not possible. */
const goOn = Effect.fnUntraced(function* (reading: Reading, handlers: LogHandlers, lost: LogResult) {
  const { place } = reading.run
  if (Duration.toMillis(reading.terms.resumeWindow) === 0 || place.isLost) return lost
  yield* reading.streams.leave
  const opened = yield* openAgain(reading, reading.run, reading.terms.resumeWindow, lost)
  if (opened === GONE) return removed(reading, handlers)
  if ("_tag" in opened || "reason" in opened) return opened
  place.begin()
  reading.reader = opened
  yield* Metric.increment(LogMetrics.resumes)
  return undefined
})

/** The container went while its source was away. */
const removed = (reading: Reading, handlers: LogHandlers): LogResult => {
  if (reading.run.place.isTorn && !mayTear(reading)) return torn
  tellGap(reading, handlers, {
    reason: "the container was removed while its source was away, and its last lines with it",
  })
  return { reason: "removed" }
}

/** Goes on with the next run under the name that was asked for, where one comes in time; gives the end where none does. */
const goOnByName = Effect.fnUntraced(function* (reading: Reading, handlers: LogHandlers, end: LogResult) {
  const { name } = reading.terms
  if ("_tag" in end || end.reason === "eof" || name === undefined) return end
  yield* reading.streams.leave
  const next = yield* openNext(reading, name, end)
  if (next === undefined) return end
  const { opened, run } = next
  // What frames its bytes by the terminal the container has cannot change within an answer.
  if (isFramedByTerminal(reading) && (opened.head.tty ?? false) !== (reading.reader.head.tty ?? false)) return end
  const { id } = run.container
  const why = id === reading.run.container.id ? "restarted" : "recreated"
  run.place.begin()
  Object.assign(reading, { run, reader: opened, isQuiet: true })
  handlers.onNext?.({ container: run.container.name, id, why })
  return undefined
})

/** Opens the next run; one that cannot be opened has been listed too long, and the one after it is waited for as long again. */
const openNext = Effect.fnUntraced(function* (reading: Reading, name: ContainerName, end: LogResult) {
  const { registry, restartWindow } = reading.terms
  const gone = new Set<ContainerId>()
  for (;;) {
    const found = yield* nextRun(reading, name, gone).pipe(
      Effect.timeoutOption(restartWindow),
      Effect.raceFirst(Effect.as(registry.drained, Option.none())),
    )
    if (Option.isNone(found)) return undefined
    const run = found.value
    const opened = yield* openAgain(reading, run, restartWindow, end)
    // A container on its way out may be refused in other words than one that is gone.
    const isGone = opened === GONE || "_tag" in opened
    if (!isGone) return "reason" in opened ? undefined : { run, opened }
    gone.add(run.container.id)
  }
})

/** Waits for a container of the name that runs. */
const nextRun = Effect.fnUntraced(function* (reading: Reading, name: ContainerName, gone: ReadonlySet<ContainerId>) {
  const { registry, request, source } = reading.terms
  const { container } = reading.run
  const heard = yield* registry
    .watch(source, ({ containers }) => (isRunning(containers.get(container.id)) ? undefined : true))
    .pipe(Effect.timeoutOption(NEWS_LAG))
  // Where the inventory still has it running and the log ended without a word, there was no other run.
  const notThis = Option.isNone(heard) && reading.isQuiet ? container.id : undefined
  const next = yield* registry.watch(source, ({ containers }, linked) => {
    if (!linked) return undefined
    return Array.from(containers.values()).find(
      (one) =>
        one.names.includes(name) &&
        isRunning(one) &&
        one.id !== notThis &&
        !gone.has(one.id) &&
        permits(request, source, one),
    )
  })
  if (next.id === container.id) return { ...reading.run, container: next }
  const { tail: _, ...query } = request.query
  const { resume: __, ...first } = request
  return { container: next, request: { ...first, containerId: next.id, query }, place: new LogPlace(undefined) }
})

/** Opens the next stream of a run, as soon as its source has a link and room; gives `instead` where that takes too long, and what else stands in the way. */
const openAgain = (
  { streams, terms }: Reading,
  { container, place, request }: Run,
  within: Duration.Duration,
  instead: LogResult,
): Effect.Effect<StreamReader | typeof GONE | LogResult> => {
  const { resume } = place
  return Effect.gen(function* () {
    const isThere = yield* terms.registry.watch(terms.source, (inventory, linked) =>
      linked ? isKnown(inventory, container, request, terms.source) : undefined,
    )
    if (!isThere) return GONE
    return yield* openStream(terms, streams, { ...request, ...(resume === undefined ? {} : { resume }) })
  }).pipe(
    Effect.retry({ schedule: BACKOFF, while: mayPass }),
    // What is not there right now is asked for until the time is over.
    Effect.catchAll((error) => Effect.succeed(isGone(error) || error._tag === "SourceUnavailable" ? GONE : error)),
    Effect.timeoutTo({ duration: within, onTimeout: () => instead, onSuccess: (opened) => opened }),
    Effect.raceFirst(Effect.as(terms.registry.drained, instead)),
  )
}

/** Opens one stream in a scope of its own, which is the streams' to close. */
const openStream = (terms: Terms, streams: LogStreams, request: OpenLogs): Effect.Effect<StreamReader, OpenError> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const reader = yield* restore(Scope.extend(terms.registry.open(terms.source, request), scope)).pipe(
        Effect.onError(() => Scope.close(scope, Exit.void)),
      )
      streams.next(reader, scope)
      return reader
    }),
  )

/** Whether the container is there and the user may see it, as far as its source has told. */
const isKnown = ({ containers, stale }: SourceInventory, { id }: Container, request: OpenLogs, source: SourceName) => {
  const container = containers.get(id)
  return container === undefined ? stale : permits(request, source, container)
}

const permits = (request: OpenLogs, source: SourceName, container: Container): boolean =>
  Authorization.permits(request.scope, { source, container })

const isRunning = (container: Container | undefined): boolean => container?.state === "running"

/** A source whose token has ended is not away: it may not come back. */
const isOutage = (result: LogResult): boolean => {
  if (!("_tag" in result)) return false
  return result._tag === "LinkLost" ? result.code !== SessionCode.unauthorized : result.reason === "engine-unavailable"
}

const mayPass = (error: OpenError): boolean => error._tag !== "StreamError" || MAY_PASS.has(error.reason)

const isGone = (error: OpenError): boolean =>
  error._tag === "StreamError" && (error.reason === "not-found" || error.reason === "forbidden")

const isFramedByTerminal = ({ terms }: Reading): boolean =>
  terms.request.rendering.format === "multiplexed" || terms.request.rendering.format === "raw"

/** Whether a record may stay unfinished: only where nothing tells records apart but their own newlines. */
const mayTear = (reading: Reading): boolean =>
  reading.terms.request.rendering.format === "text" || (isFramedByTerminal(reading) && reading.reader.head.tty === true)

const tellGap = ({ run, terms }: Reading, handlers: LogHandlers, gap: LogGap): void => {
  LogMetrics.count(LogMetrics.gaps)
  handlers.onGap?.({ ...gap, source: terms.source, container: run.container.name })
}

const torn = new StreamError({
  reason: "resume-impossible",
  detail: "the rest of a record that was being sent is gone; ask again where the last whole one ended",
})

const lapse = (rejected: TokenRejected) => new StreamError({ reason: "forbidden", detail: rejected.message })

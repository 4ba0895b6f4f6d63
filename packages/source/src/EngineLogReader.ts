/** The log reader that is always there: it asks the engine's API. */
import { Clock, Deferred, Effect, Layer } from "effect"
import type { Engine } from "@rdl/core/model/Engine"
import type { End } from "@rdl/core/link/LinkMessage"
import type { StreamWriter } from "@rdl/core/link/LinkSession"
import type { LogQuery } from "@rdl/core/log/LogQuery"
import { fromNanos, type LogTime, toNanos } from "@rdl/core/log/LogTime"
import { StreamError } from "@rdl/core/link/StreamError"
import { EngineClient } from "./EngineClient.ts"
import type { ContainerDetails } from "./EngineContainer.ts"
import type { ContainerNotFound, EngineProblem, LogsUnsupported } from "./EngineError.ts"
import type { LogSelection } from "./EngineRequest.ts"
import { EnginePass } from "./EnginePass.ts"
import { LogDelivery } from "./LogDelivery.ts"
import { LogReader, type LogRequest } from "./LogReader.ts"

/** The most lines that Podman is asked for from the end: it makes room for all of them at once. */
export const MAX_PODMAN_TAIL = 1_000_000
/** How long after `until` a follow must be silent before it is ended: what was written in time has come by then. */
const UNTIL_GRACE_MS = 1_000
/** The same where not a byte has come: the engine may still be looking for `since`, which took it 10 s in 340 MB. */
const SEARCH_GRACE_MS = 30_000
/** Podman reads `since` and `until` through floating point, wrong by some 200 ns, and takes neither end itself. */
const PODMAN_MARGIN_NS = 1_000n

export const make: Effect.Effect<typeof LogReader.Service, never, EngineClient> = Effect.gen(function* () {
  const client = yield* EngineClient
  return LogReader.of({
    read: Effect.fn("EngineLogReader.read")(function* (request, writer) {
      const { id } = request.container
      const engine = yield* Effect.mapError(client.engine, asStreamError)
      const container = yield* Effect.mapError(client.inspect(id), asStreamError)
      const selection = yield* select(request.query, engine, yield* Clock.currentTimeMillis)
      const failed = yield* Deferred.make<never, StreamError>()
      return yield* Effect.acquireUseRelease(
        Effect.sync(() => makePump(request, engine, container, writer, failed)),
        (pump) => pour(client, request, selection, pump, failed),
        (pump) =>
          Effect.sync(() => {
            pump.stop()
            pump.delivery.stop()
          }),
      )
    }),
  })
})

export const layer: Layer.Layer<LogReader, never, EngineClient> = Layer.effect(LogReader, make)

type Client = typeof EngineClient.Service

class LogPump extends EnginePass {
  readonly delivery: LogDelivery
  constructor(
    delivery: LogDelivery,
    tty: boolean,
    engine: Engine,
    details: boolean,
    failed: Deferred.Deferred<never, StreamError>,
  ) {
    super({
      tty,
      details,
      partials: engine.kind,
      taker: delivery,
      onRecord: (record) => delivery.record(record),
      onStop: (why) => why === "parked" || Deferred.unsafeDone(failed, Effect.fail(why)),
      parkMs: 2_000_000_000,
    })
    this.delivery = delivery
  }
}

const makePump = (
  { query, rendering, source, container }: LogRequest,
  engine: Engine,
  { tty }: ContainerDetails,
  writer: StreamWriter,
  failed: Deferred.Deferred<never, StreamError>,
): LogPump =>
  new LogPump(
    new LogDelivery({ query, rendering, tty, source, container, partials: engine.kind, writer }),
    tty,
    engine,
    query.details,
    failed,
  )

const pour = Effect.fnUntraced(function* (
  client: Client,
  { query, container }: LogRequest,
  selection: LogSelection,
  pump: LogPump,
  failed: Deferred.Deferred<never, StreamError>,
) {
  const body = client.logs(container.id, selection, pump).pipe(
    Effect.mapError((error) => (pump.opened() ? brokenOff(error) : asStreamError(error))),
    Effect.as("ended" as const),
  )
  const time =
    selection.follow && query.until !== undefined ? untilPassed(query.until, query.since, pump) : Effect.never
  const how = yield* Effect.raceFirst(body, Effect.raceFirst(time, Deferred.await(failed))).pipe(
    Effect.tapError(() => Effect.sync(() => pump.delivery.breakOff())),
  )
  const reason = how === "until" || !query.follow ? "eof" : yield* reasonOf(client, query, container.id)
  const failure = pump.end()
  if (failure === undefined) pump.delivery.end()
  return failure === undefined ? ({ reason } satisfies End) : yield* failure
})

/** What the engine is asked: for a follow that must end in the past, only what is there. */
const select = (query: LogQuery, engine: Engine, nowMs: number): Effect.Effect<LogSelection, StreamError> => {
  const { follow, details, tail, since, until } = query
  const podman = engine.kind === "podman"
  if (podman && tail !== undefined && tail > MAX_PODMAN_TAIL)
    return Effect.fail(
      new StreamError({
        reason: "bad-request",
        detail: `Podman gives at most the last ${MAX_PODMAN_TAIL} lines; ask for fewer, or for all`,
      }),
    )
  const first = podman ? moved(since, -PODMAN_MARGIN_NS) : since
  const last = podman ? moved(until, PODMAN_MARGIN_NS) : until
  return Effect.succeed({
    follow: follow && (until === undefined || millis(until) > nowMs),
    stdout: true,
    stderr: true,
    details,
    ...(tail === undefined ? {} : { tail }),
    ...(first === undefined ? {} : { since: first }),
    ...(last === undefined ? {} : { until: last }),
  })
}

const moved = (time: LogTime | undefined, nanos: bigint): LogTime | undefined =>
  time === undefined ? undefined : (fromNanos(toNanos(time) + nanos) ?? time)

const millis = (time: LogTime): number => Number(toNanos(time) / 1_000_000n)

/** The engine itself ends a follow only when something is written after `until`: a silent container would never end. */
const untilPassed = Effect.fnUntraced(function* (until: LogTime, since: LogTime | undefined, pump: LogPump) {
  for (;;) {
    const left = millis(until) - (yield* Clock.currentTimeMillis)
    if (left <= 0) break
    yield* Effect.sleep(Math.min(left, 3_600_000))
  }
  const grace = () => (pump.received() === 0 && since !== undefined ? SEARCH_GRACE_MS : UNTIL_GRACE_MS)
  while (pump.quietMs() < grace()) yield* Effect.sleep(100)
  return "until" as const
})

/** Why a follow ended by itself. */
const reasonOf = (
  client: Client,
  query: LogQuery,
  id: ContainerDetails["id"],
): Effect.Effect<End["reason"], StreamError> =>
  Effect.gen(function* () {
    const now = yield* Clock.currentTimeMillis
    if (query.until !== undefined && millis(query.until) <= now) return "eof"
    const { status } = yield* client.inspect(id)
    return status === "removing" || status === "dead" ? "removed" : "stopped"
  }).pipe(
    Effect.catchTag("ContainerNotFound", () => Effect.succeed("removed" as const)),
    // An engine that shuts down ends its logs as if the containers had stopped.
    Effect.mapError(asStreamError),
  )

type ReadProblem = EngineProblem | ContainerNotFound | LogsUnsupported

const reasons = {
  ContainerNotFound: "not-found",
  LogsUnsupported: "logs-unsupported",
  EngineUnavailable: "engine-unavailable",
  EngineError: "engine-error",
} as const satisfies Record<ReadProblem["_tag"], StreamError["reason"]>

/** Where the engine's socket is, is not for the user's eyes. */
const asStreamError = (error: ReadProblem): StreamError =>
  new StreamError({
    reason: reasons[error._tag],
    detail: error._tag === "EngineUnavailable" ? "the container engine cannot be reached" : error.message,
  })

const brokenOff = (error: ReadProblem): StreamError =>
  new StreamError({
    reason: "engine-error",
    detail: `the log broke off: ${error._tag === "EngineUnavailable" ? error.detail : error.message}`,
  })

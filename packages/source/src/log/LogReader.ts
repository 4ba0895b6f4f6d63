/** Reads the log of one container of this machine, rendered as the asker wants it. */
import { Context, Effect, Either, Layer, Metric } from "effect"
import type { Container } from "@rdl/core/model/Container"
import type { End, Resume } from "@rdl/core/link/LinkMessage"
import type { StreamWriter } from "@rdl/core/link/LinkSession"
import * as LogCursor from "@rdl/core/log/LogCursor"
import * as LogFilter from "@rdl/core/log/LogFilter"
import type { LogQuery, LogRendering } from "@rdl/core/log/LogQuery"
import type { Redaction } from "@rdl/core/log/LogRedaction"
import type { SourceName } from "@rdl/core/model/SourceName"
import { StreamError } from "@rdl/core/link/StreamError"
import { EngineClient } from "../engine/EngineClient.ts"
import type { EngineProblem } from "../engine/EngineError.ts"
import { asStreamError } from "../engine/EngineProblems.ts"
import { LogDelivery } from "./LogDelivery.ts"
import type { LogAsk, LogOrigin } from "./LogOrigin.ts"
import { fallbacks } from "../SourceCounters.ts"

/** A log that is to be read, and how it is to be written. */
export interface LogRequest {
  /** As the inventory has it. */
  readonly container: Container
  readonly query: LogQuery
  readonly rendering: LogRendering
  /** What the lines are labelled with. */
  readonly source: SourceName
  /** Where to go on, and what to leave out; absent = the log from where the query says. */
  readonly resume?: Resume | undefined
}

/** Reads a log from wherever it can be had: the engine's files first, then the engine. */
export class LogReader extends Context.Tag("@rdl/source/LogReader")<
  LogReader,
  {
    /**
     * Writes the head as soon as the log is open, then the bytes, marks and gaps, and tells how it ended. The bytes depend
     * on the log and the request alone, whichever origin reads it. Waits while the writer has no room; holds at most one
     * socket read and one piece meanwhile (about 192 KiB). A log that broke off is an error, never an End. Interruption
     * lets go of the log at once.
     */
    readonly read: (request: LogRequest, writer: StreamWriter) => Effect.Effect<End, StreamError>
    /** By which origins logs can be read here, the best one first. */
    readonly readers: Effect.Effect<ReadonlyArray<LogOrigin["name"]>, EngineProblem>
  }
>() {}

/**
 * `origins` are asked in their order; each goes on where the one before it could not. The last is never unable. What
 * `redaction` takes out of lines leaves in no format.
 */
export const make = (
  origins: ReadonlyArray<LogOrigin>,
  redaction?: Redaction,
): Effect.Effect<typeof LogReader.Service, never, EngineClient> =>
  Effect.map(EngineClient, (client) =>
    LogReader.of({
      readers: Effect.map(
        Effect.filter(origins, ({ isAble = Effect.succeed(true) }) => isAble),
        (able) => able.map(({ name }) => name),
      ),
      read: Effect.fn("LogReader.read")(function* (request, writer) {
        const { container, query, resume } = request
        const cursor = yield* placeOf(request)
        const engine = yield* Effect.mapError(client.engine, asStreamError)
        const details = yield* Effect.mapError(client.inspect(container.id), asStreamError)
        const filter = yield* filterOf(query, details.tty)
        const options = { ...request, tty: details.tty, partials: engine.kind, writer, filter, redaction }
        const from = cursor === undefined ? undefined : { cursor, received: resume?.received ?? 0 }
        return yield* Effect.acquireUseRelease(
          Effect.sync(() => new LogDelivery({ ...options, resume: from })),
          (delivery) => readFrom(origins, { container, details, engine, query, from: cursor }, delivery),
          (delivery) => Effect.sync(() => delivery.stop()),
        )
      }),
    }),
  )

/** The reader over these origins. */
export const layer = <R>(
  origins: Effect.Effect<ReadonlyArray<LogOrigin>, never, R>,
  redaction?: Redaction,
): Layer.Layer<LogReader, never, EngineClient | R> =>
  Layer.effect(
    LogReader,
    Effect.flatMap(origins, (found) => make(found, redaction)),
  )

const readFrom = Effect.fnUntraced(function* (origins: ReadonlyArray<LogOrigin>, ask: LogAsk, delivery: LogDelivery) {
  let unable = "there is nothing to read it with"
  for (const origin of origins) {
    const from = delivery.hasPlace() ? delivery.cursor() : undefined
    const reason = yield* origin.read({ ...ask, from }, delivery).pipe(
      Effect.tapErrorTag("StreamError", (problem) => Effect.sync(() => delivery.breakOff(problem))),
      Effect.catchTag("OriginUnable", ({ detail }) => {
        unable = detail
        return Effect.void
      }),
    )
    if (reason === undefined) {
      if (origin === origins.at(-1)) break
      yield* Metric.increment(fallbacks)
      yield* Effect.logDebug(`a log is read in another way than by the ${origin.name}: ${unable}`)
      continue
    }
    delivery.end()
    return { reason } satisfies End
  }
  return yield* new StreamError({ reason: "logs-unsupported", detail: `the log cannot be read: ${unable}` })
})

/** The proxy has looked at the patterns too: one that is bad here comes from another release of it, or from nobody honest. */
const filterOf = (query: LogQuery, tty: boolean): Effect.Effect<LogFilter.LineFilter | undefined, StreamError> =>
  Either.mapLeft(
    LogFilter.make(query, { tty }),
    ({ message }) => new StreamError({ reason: "bad-request", detail: message }),
  )

const placeOf = ({
  resume,
  container,
  rendering,
}: LogRequest): Effect.Effect<LogCursor.LogCursor | undefined, StreamError> => {
  if (resume === undefined) return Effect.succeed<LogCursor.LogCursor | undefined>(undefined)
  const cursor = LogCursor.fromText(resume.cursor)
  if (cursor === undefined) return impossible("the cursor cannot be read: use one as a log gave it, unchanged")
  if (cursor.container !== container.id.slice(0, 16))
    return impossible("the cursor is of another container's log: use it with the container it came from")
  const hasLines = rendering.format === "ndjson" || rendering.format === "sse"
  if (cursor.lines > 0 && !hasLines)
    return impossible(
      "the cursor stands between the lines of a log of JSON objects: go on in the format it came from, ndjson or sse",
    )
  return Effect.succeed(cursor)
}

const impossible = (detail: string) => Effect.fail(new StreamError({ reason: "resume-impossible", detail }))

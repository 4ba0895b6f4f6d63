/** The user API for programs: the same containers, sources and logs that `rdl` shows. */
import * as HttpClient from "@effect/platform/HttpClient"
import type * as HttpClientError from "@effect/platform/HttpClientError"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import {
  Clock,
  Context,
  type Duration,
  Effect,
  Either,
  Layer,
  Option,
  type Redacted,
  Schema,
  type Scope,
  Stream,
} from "effect"
import { anyBody } from "./ApiError.ts"
import { LineSplice } from "./LineSplice.ts"
import { FrameSplice } from "./LogSplice.ts"
import { RdlConnectionError, type RdlError } from "./RdlConnectionError.ts"
import * as SplicedLog from "./SplicedLog.ts"
import { SourceContainer } from "../model/Container.ts"
import type { ContainerFilter } from "../routing/ContainerFilter.ts"
import * as ContainerRef from "../routing/ContainerRef.ts"
import * as LogEntry from "../log/LogEntry.ts"
import type { HostLabel, LogFormat } from "../log/LogQuery.ts"
import { parse as parseTime } from "../log/LogTime.ts"
import { SourceStatus } from "../model/SourceStatus.ts"

export { RdlConnectionError, type RdlError } from "./RdlConnectionError.ts"

/** Docker's parameters with Docker's meaning; `since` and `until` in any form the API takes, such as `10m`. */
export interface LogOptions {
  readonly follow?: boolean
  readonly stdout?: boolean
  readonly stderr?: boolean
  readonly since?: string
  readonly until?: string
  readonly timestamps?: boolean
  readonly tail?: number | "all"
  readonly details?: boolean
  /** Only lines that match all of these regular expressions, in RE2's syntax; at most 16. Default all lines. */
  readonly grep?: ReadonlyArray<string>
  /** No lines that match one of these; they win over `grep`. At most 16. Default none. */
  readonly exclude?: ReadonlyArray<string>
  /** Default `prefix`. */
  readonly host?: HostLabel
  /** Default `text`. */
  readonly format?: LogFormat
  /** Of NDJSON: every line says where to go on after it. Default no. */
  readonly cursors?: boolean
}

/** What is read to its end whatever happens on the way; see SplicedLog. */
export interface ReadOptions extends Omit<LogOptions, "format" | "host" | "cursors"> {
  /** `frames` = records in Docker's framing, `ndjson` = lines of JSON. Default `frames`. */
  readonly as?: "frames" | "ndjson"
  /** Leaves the cursors in lines of JSON, and in entries: each says where to go on after it. Default no. */
  readonly cursors?: boolean
  /**
   * Goes on behind this cursor, which an earlier answer of the same log gave with the same parameters: as a `Mark`, or with
   * an entry. Nothing that is still there is lost, and what is not is told as a gap; what came after the cursor comes
   * again. `tail` has had its effect then, and so has a `since` that counts back from now. A cursor of another container,
   * such as the one that had the name before, fails with `ApiError` "bad-parameter" of `resume`. Default the log's start.
   */
  readonly resume?: string | undefined
  /** How long the log is asked for again and again once its answer broke off, until it fails; 0 = not at all. Default 10 min. */
  readonly giveUpAfter?: Duration.DurationInput
}

/** A log that has begun. */
export interface LogResponse {
  /** `source/name` of the container that answers. */
  readonly container: string
  /** Its full id. */
  readonly containerId: string
  readonly contentType: string
  /** Whether the container has a terminal, so that its two streams are one. */
  readonly tty: boolean
  /** Ends only where the log does; fails where it breaks off. To be read once. */
  readonly stream: Stream.Stream<Uint8Array, RdlConnectionError>
}

/** What a user may ask of a proxy; interruption lets go of what was asked. */
export class RdlClient extends Context.Tag("@rdl/core/RdlClient")<
  RdlClient,
  {
    /** The containers that run, unless the filter says otherwise. */
    readonly containers: (filter?: Partial<ContainerFilter>) => Effect.Effect<ReadonlyArray<SourceContainer>, RdlError>
    readonly sources: Effect.Effect<ReadonlyArray<SourceStatus>, RdlError>
    /** Opens a log; closing the scope cancels it, all the way to the engine. */
    readonly logs: (ref: string, options?: LogOptions) => Effect.Effect<LogResponse, RdlError, Scope.Scope>
    /** Opens a log that goes on where its answer breaks off: no byte is lost or doubled, gaps are told. */
    readonly read: (ref: string, options?: ReadOptions) => Effect.Effect<SplicedLog.SplicedLog, RdlError, Scope.Scope>
    /** A log line by line, the last entry being its end; goes on where its answer breaks off, and fails where it cannot. */
    readonly entries: (ref: string, options?: Omit<ReadOptions, "as">) => Stream.Stream<LogEntry.LogEntry, RdlError>
  }
>() {}

/** Which proxy is asked, and as whom. */
export interface Options {
  /** Where the proxy is, such as `https://logs.example.org`; a path is kept. */
  readonly url: URL
  readonly token: Redacted.Redacted
}

/** A client of one proxy with one token. */
export const make = Effect.fn("RdlClient.make")(function* ({ url, token }: Options) {
  const base = url.origin + url.pathname.replace(/\/+$/, "")
  const client = (yield* HttpClient.HttpClient).pipe(
    HttpClient.mapRequest(HttpClientRequest.bearerToken(token)),
    HttpClient.withScope,
  )

  const get = Effect.fnUntraced(function* (path: string, query: Query) {
    const response = yield* client
      .get(base + path, { urlParams: query })
      .pipe(Effect.mapError((error) => connectionError("unreachable", base, error)))
    return response.status === 200 ? response : yield* refusal(base, response)
  })

  const list = Effect.fnUntraced(function* <A, I>(path: string, query: Query, schema: Schema.Schema<A, I>) {
    const response = yield* get(path, query)
    const text = yield* Effect.mapError(response.text, (error) => connectionError("broken", base, error))
    return yield* Effect.mapError(Schema.decode(Schema.parseJson(schema))(text), () =>
      unexpected(base, "the answer is not one of an rdl proxy, or of another release; is the address right?"),
    )
  }, Effect.scoped)

  const ask = Effect.fnUntraced(function* (ref: string, parameters: Query) {
    yield* ContainerRef.parse(ref)
    const response = yield* get(`/containers/${ref}/logs`, parameters)
    return {
      container: response.headers["x-rdl-container"] ?? ref,
      containerId: response.headers["x-rdl-container-id"] ?? "",
      contentType: response.headers["content-type"] ?? "",
      tty: response.headers["x-rdl-tty"] === "true",
      stream: Stream.mapError(response.stream, (error) => connectionError("broken", base, error)),
    }
  })

  const logs = Effect.fn("RdlClient.logs")((ref: string, options: LogOptions = {}) =>
    ask(ref, Object.entries(options).flatMap(toParameters)),
  )

  const sources = list("/sources", [], Schema.Array(SourceStatus))

  const isLinked = (source: string) =>
    Effect.map(sources, (all) => all.some(({ connected, name }) => connected && name === source))

  const read = Effect.fn("RdlClient.read")(function* (ref: string, options: ReadOptions = {}) {
    const { as = "frames", cursors = false, giveUpAfter = "10 minutes", resume, ...given } = options
    // How long ago must mean the same in every request; behind a cursor the proxy leaves such a `since` out.
    const now = yield* Clock.currentTimeMillis
    const query = {
      ...given,
      ...(given.since === undefined || resume !== undefined ? {} : { since: momentOf(given.since, now) }),
      ...(given.until === undefined ? {} : { until: momentOf(given.until, now) }),
    }
    const splice = as === "frames" ? new FrameSplice(resume) : new LineSplice(cursors, resume)
    const terms = { ref, follow: query.follow ?? false, giveUpAfter, isLinked }
    return yield* SplicedLog.open((request) => ask(request.ref, spliceQuery(as, query, request)), terms, splice)
  })

  const entries = (ref: string, options: Omit<ReadOptions, "as"> = {}) =>
    read(ref, { ...options, as: "ndjson" }).pipe(
      Effect.map(({ events }) => readEntries(base, Stream.filterMap(events, bytesOf))),
      Stream.unwrapScoped,
    )

  return RdlClient.of({
    containers: (filter = {}) => list("/containers", filterQuery(filter), Schema.Array(SourceContainer)),
    sources,
    logs,
    read,
    entries,
  })
})

/** The client over any HttpClient. */
export const layer = (options: Options): Layer.Layer<RdlClient, never, HttpClient.HttpClient> =>
  Layer.effect(RdlClient, make(options))

type Query = ReadonlyArray<readonly [string, string]>

/** One parameter, or as many as there are values. */
const toParameters = ([name, value]: readonly [string, unknown]): Query =>
  (Array.isArray(value) ? value : [value]).map(
    (one: unknown) => [name, one === true ? "1" : one === false ? "0" : String(one)] as const,
  )

const filterQuery = (filter: Partial<ContainerFilter>): Query => [
  ...(filter.all === true ? [["all", "1"] as const] : []),
  ...(filter.sources ?? []).map((glob) => ["source", glob] as const),
  ...(filter.names ?? []).map((glob) => ["name", glob] as const),
  ...(filter.labels ?? []).map((label) => ["label", label] as const),
]

const spliceQuery = (
  as: "frames" | "ndjson",
  { tail, ...query }: LogOptions,
  { isAnother, place: { cursor, received } }: SplicedLog.SpliceRequest,
): Query =>
  Object.entries({
    ...query,
    ...(isAnother || tail === undefined ? {} : { tail }),
    format: as,
    ...(as === "ndjson" ? { cursors: true } : { host: "none" }),
    ...(cursor === undefined ? {} : { resume: cursor }),
    // Lines are counted, and thrown away, where they are read.
    ...(cursor !== undefined && as === "frames" ? { received } : {}),
  }).flatMap(toParameters)

/** A time as the engine takes it; what is none is left to the proxy, which says so. */
const momentOf = (text: string, now: number): string =>
  Either.getOrUndefined(parseTime({ get: () => text }, "since", now)) ?? text

const bytesOf = (event: SplicedLog.LogEvent): Option.Option<Uint8Array> =>
  event._tag === "Bytes" ? Option.some(event.bytes) : Option.none()

const readEntries = <E>(
  url: string,
  stream: Stream.Stream<Uint8Array, E>,
): Stream.Stream<LogEntry.LogEntry, E | RdlConnectionError> =>
  Stream.suspend(() => {
    let found: Array<LogEntry.LogEntry> = []
    const reader = LogEntry.reader((entry) => found.push(entry))
    const take = (problem: LogEntry.LogEntryError | undefined) => {
      const taken = Stream.fromIterable(found)
      found = []
      return problem === undefined ? taken : Stream.concat(taken, Stream.fail(brokenLog(url, problem)))
    }
    return Stream.concat(
      Stream.flatMap(stream, (bytes) => take(reader.push(bytes))),
      Stream.suspend(() => take(reader.end())),
    )
  })

const brokenLog = (url: string, problem: LogEntry.LogEntryError) =>
  new RdlConnectionError({ reason: "broken", url, detail: problem.message })

/** The server's own sentence where it has one; else what its status was, since something in between may have answered. */
const refusal = (url: string, response: HttpClientResponse.HttpClientResponse): Effect.Effect<never, RdlError> =>
  HttpClientResponse.schemaBodyJson(anyBody)(response).pipe(
    Effect.orElseFail(() =>
      unexpected(url, `status ${response.status}, and not from an rdl proxy; is the address right?`),
    ),
    Effect.flatMap(Effect.fail),
  )

const unexpected = (url: string, detail: string) => new RdlConnectionError({ reason: "unexpected", url, detail })

/** The platform's errors carry the request and its token with it: only their words are kept. */
const connectionError = (
  reason: "unreachable" | "broken",
  url: string,
  error: HttpClientError.HttpClientError,
): RdlConnectionError => new RdlConnectionError({ reason, url, detail: wordsOf(error.cause) ?? error.reason })

const wordsOf = (cause: unknown): string | undefined => {
  if (!(cause instanceof Error)) return undefined
  const inner = wordsOf(cause.cause)
  return inner === undefined ? cause.message : `${cause.message}: ${inner}`
}

/** The user API for programs: the same containers, sources and logs that `rdl` shows. */
import * as HttpClient from "@effect/platform/HttpClient"
import type * as HttpClientError from "@effect/platform/HttpClientError"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import { Context, Effect, Layer, type Redacted, Schema, type Scope, Stream } from "effect"
import { anyBody, type ApiError } from "./ApiError.ts"
import { SourceContainer } from "../model/Container.ts"
import type { ContainerFilter } from "../routing/ContainerFilter.ts"
import * as ContainerRef from "../routing/ContainerRef.ts"
import * as LogEntry from "../log/LogEntry.ts"
import type { HostLabel, LogFormat } from "../log/LogQuery.ts"
import { SourceStatus } from "../model/SourceStatus.ts"

/** The proxy could not be asked, or did not answer as one; holds neither token nor query. */
export class RdlConnectionError extends Schema.TaggedError<RdlConnectionError>()("RdlConnectionError", {
  /** `unreachable` = no answer, `broken` = the answer broke off, `unexpected` = not the answer of an rdl proxy. */
  reason: Schema.Literal("unreachable", "broken", "unexpected"),
  url: Schema.String,
  detail: Schema.String,
}) {
  override get message(): string {
    return `${this.url}: ${this.detail}`
  }
}

export type RdlError = ApiError | RdlConnectionError

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
  /** Default `prefix`. */
  readonly host?: HostLabel
  /** Default `text`. */
  readonly format?: LogFormat
}

/** A log that has begun. */
export interface LogResponse {
  /** `source/name` of the container that answers. */
  readonly container: string
  readonly contentType: string
  /** Whether the container has a terminal, so that its two streams are one. */
  readonly tty: boolean
  /** Ends only where the log does; fails where it breaks off. To be read once. */
  readonly stream: Stream.Stream<Uint8Array, RdlConnectionError>
}

export class RdlClient extends Context.Tag("@rdl/core/RdlClient")<
  RdlClient,
  {
    /** The containers that run, unless the filter says otherwise. */
    readonly containers: (filter?: Partial<ContainerFilter>) => Effect.Effect<ReadonlyArray<SourceContainer>, RdlError>
    readonly sources: Effect.Effect<ReadonlyArray<SourceStatus>, RdlError>
    /** Opens a log; closing the scope cancels it, all the way to the engine. */
    readonly logs: (ref: string, options?: LogOptions) => Effect.Effect<LogResponse, RdlError, Scope.Scope>
    /** A log line by line, the last entry being its end; one that breaks off fails. */
    readonly entries: (
      ref: string,
      options?: Omit<LogOptions, "format" | "host">,
    ) => Stream.Stream<LogEntry.LogEntry, RdlError>
  }
>() {}

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

  const logs = Effect.fn("RdlClient.logs")(function* (ref: string, options: LogOptions = {}) {
    yield* ContainerRef.parse(ref)
    const response = yield* get(`/containers/${ref}/logs`, Object.entries(options).map(toParameter))
    return {
      container: response.headers["x-rdl-container"] ?? ref,
      contentType: response.headers["content-type"] ?? "",
      tty: response.headers["x-rdl-tty"] === "true",
      stream: Stream.mapError(response.stream, (error) => connectionError("broken", base, error)),
    }
  })

  const entries = (ref: string, options: Omit<LogOptions, "format" | "host"> = {}) =>
    logs(ref, { ...options, format: "ndjson" }).pipe(
      Effect.map(({ stream }) => readEntries(base, stream)),
      Stream.unwrapScoped,
    )

  return RdlClient.of({
    containers: (filter = {}) => list("/containers", filterQuery(filter), Schema.Array(SourceContainer)),
    sources: list("/sources", [], Schema.Array(SourceStatus)),
    logs,
    entries,
  })
})

/** The client over any HttpClient. */
export const layer = (options: Options): Layer.Layer<RdlClient, never, HttpClient.HttpClient> =>
  Layer.effect(RdlClient, make(options))

type Query = ReadonlyArray<readonly [string, string]>

const toParameter = ([name, value]: readonly [string, unknown]) =>
  [name, value === true ? "1" : value === false ? "0" : String(value)] as const

const filterQuery = (filter: Partial<ContainerFilter>): Query => [
  ...(filter.all === true ? [["all", "1"] as const] : []),
  ...(filter.sources ?? []).map((glob) => ["source", glob] as const),
  ...(filter.names ?? []).map((glob) => ["name", glob] as const),
  ...(filter.labels ?? []).map((label) => ["label", label] as const),
]

const readEntries = (
  url: string,
  stream: LogResponse["stream"],
): Stream.Stream<LogEntry.LogEntry, RdlConnectionError> =>
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

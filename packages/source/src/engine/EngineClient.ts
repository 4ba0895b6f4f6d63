/** The engine as a source may know it: nine questions, each a read, and no way to ask a tenth. */
import { Clock, Context, Effect, Either, Layer, Option, Schema } from "effect"
import type { Pool } from "undici"
import type { Container, ContainerId } from "@rdl/core/model/Container"
import { ContainerInspection } from "@rdl/core/model/ContainerInspection"
import type { Engine } from "@rdl/core/model/Engine"
import type { ProcessColumns } from "@rdl/core/model/ProcessColumns"
import * as EngineAddress from "./EngineAddress.ts"
import { EngineUnavailable } from "./EngineAddress.ts"
import { type ContainerDetails, fromInspect, fromList, type Listing, withLibpod } from "./EngineContainer.ts"
import * as EngineStream from "./EngineStream.ts"
import * as EngineRequest from "./EngineRequest.ts"
import { type Answer, ask, makePool } from "./HttpAsk.ts"
import * as PodmanColumns from "./PodmanColumns.ts"
import * as PodmanEvents from "./PodmanEvents.ts"
import { ContainerNotFound, EngineError, type EngineProblem, fromAnswer, LogsUnsupported } from "./EngineError.ts"
import * as SourcePolicy from "../SourcePolicy.ts"

/** What an engine says of itself that a reader of logs has to know. */
export interface Info {
  /** The engine's clock when it answered, RFC 3339. */
  readonly systemTime: string
  /** The driver of containers that name none. */
  readonly loggingDriver: string
  /** Where it keeps its data, on its own machine; empty where it does not tell. */
  readonly rootDir: string
}

/** Which engine is asked, and which of its containers are seen. */
export interface Options {
  /** What `--engine` or DOCKER_HOST says; absent = look at the usual sockets, anew for each connection. */
  readonly engine?: string | undefined
  /** The process's environment. */
  readonly env: EngineAddress.FindOptions["env"]
  /** Which containers `list` gives; the others exist for nobody. Default: all whose label does not say otherwise. */
  readonly policy?: SourcePolicy.SourcePolicy | undefined
}

/** The engine of this machine: a fixed list of reads, and nothing else. */
export class EngineClient extends Context.Tag("@rdl/source/EngineClient")<
  EngineClient,
  {
    /** The engine's newest API version, and whether it is Podman. At most 10 s. */
    readonly ping: Effect.Effect<{ readonly apiVersion: string; readonly podman: boolean }, EngineProblem>
    /** Who the engine is; asked anew, and the API version used from then on. At most 30 s. */
    readonly version: Effect.Effect<Engine, EngineProblem>
    readonly info: Effect.Effect<Info, EngineProblem>
    /** All containers, or those of `ids` that exist (at most EngineRequest.MAX_LISTED). At most 30 s and 64 MiB. */
    readonly list: (ids?: ReadonlyArray<ContainerId>) => Effect.Effect<Listing, EngineProblem>
    readonly inspect: (id: ContainerId) => Effect.Effect<ContainerDetails, EngineProblem | ContainerNotFound>
    /** The same question, answered for people: what of the answer may leave the host. */
    readonly inspection: (id: ContainerId) => Effect.Effect<ContainerInspection, EngineProblem | ContainerNotFound>
    /** Events of containers as JSON lines, of Podman's some before and behind the span; succeeds when the engine ends them, which it does when it stops, or at that end. */
    readonly events: (sink: EngineStream.BodySink, span?: EngineRequest.EventSpan) => Effect.Effect<void, EngineProblem>
    /** What a container uses, as JSON lines; succeeds when the engine ends them. Interruption drops the connection at once. */
    readonly stats: (
      id: ContainerId,
      selection: EngineRequest.StatsSelection,
      sink: EngineStream.BodySink,
    ) => Effect.Effect<void, EngineProblem | ContainerNotFound>
    /** The processes of a container, as the host's `ps` tells them, or Podman by itself, which has fewer columns; at most 30 s. */
    readonly top: (
      id: ContainerId,
      columns?: ProcessColumns,
    ) => Effect.Effect<ProcessTable, EngineProblem | ContainerNotFound>
    /** Whether a container may be known outside of this host; `list` gives no others. */
    readonly shares: (container: Pick<Container, "labels" | "names">) => boolean
    /** A log with time stamps, in the engine's own framing; succeeds when the engine has ended it whole. Interruption drops the connection at once. */
    readonly logs: (
      id: ContainerId,
      selection: EngineRequest.LogSelection,
      sink: EngineStream.BodySink,
    ) => Effect.Effect<void, EngineProblem | ContainerNotFound | LogsUnsupported>
    /** The engine as of the last `version`; asked if nothing was. */
    readonly engine: Effect.Effect<Engine, EngineProblem>
  }
>() {}

const PING_TIMEOUT_MS = 10_000
const ASK_TIMEOUT_MS = 30_000
/** Podman sends the head of a log with its first byte: of a follow whenever that is, of history once it has searched for it. */
const PODMAN_HEAD_MS = 600_000

/** A client that connects anew for each question, and asks four at a time. */
export const make = Effect.fn("EngineClient.make")(function* (options: Options) {
  const locate = () => EngineAddress.find(options)
  const located = Effect.suspend(locate)
  const pool = yield* Effect.acquireRelease(
    Effect.sync(() => makePool(locate)),
    (pool) => Effect.promise(() => pool.destroy()),
  )
  let known: Engine | undefined
  // An engine that was gone may come back as another release.
  const forget = () => Effect.sync(() => (known = undefined))

  const get = (request: EngineRequest.EngineRequest, timeoutMs = ASK_TIMEOUT_MS) =>
    Effect.flatMap(located, (address) => getWhole(pool, address, request, timeoutMs)).pipe(Effect.tapError(forget))
  const stream = (request: EngineRequest.EngineRequest, sink: EngineStream.BodySink, headTimeoutMs?: number) =>
    Effect.flatMap(located, (address) => EngineStream.run(address, request, sink, headTimeoutMs)).pipe(
      Effect.tapErrorTag("EngineUnavailable", forget),
    )

  const ping = get(EngineRequest.ping, PING_TIMEOUT_MS).pipe(Effect.flatMap(readPing))
  const version = Effect.gen(function* () {
    const { apiVersion, podman } = yield* ping
    const api = EngineRequest.speak(apiVersion)
    const answer = yield* Effect.flatMap(get(EngineRequest.version(api)), ok)
    const facts = yield* decodeOr(decodeVersion(answer), "its version makes no sense")
    const byName = facts.Components?.some((part) => part.Name.startsWith("Podman")) ?? false
    known = {
      kind: podman || byName ? "podman" : "docker",
      version: facts.Version,
      apiVersion: api,
      os: facts.Os,
      arch: facts.Arch,
    }
    return known
  })
  const engine = Effect.suspend(() => (known === undefined ? version : Effect.succeed(known)))
  const api = Effect.map(engine, (engine) => engine.apiVersion)

  const about = Effect.fnUntraced(function* (id: ContainerId, request: EngineRequest.EngineRequest | undefined) {
    if (request === undefined) return yield* new ContainerNotFound({ id })
    const answer = yield* get(request)
    if (answer.status === 404) return yield* new ContainerNotFound({ id })
    return yield* ok(answer)
  })

  return EngineClient.of({
    ping,
    version,
    engine,
    info: api.pipe(
      Effect.flatMap((api) => get(EngineRequest.info(api))),
      Effect.flatMap(ok),
      Effect.flatMap((json) => decodeOr(decodeInfo(json), "its info makes no sense")),
      Effect.map((facts) => ({
        systemTime: facts.SystemTime,
        loggingDriver: facts.LoggingDriver,
        rootDir: facts.DockerRootDir,
      })),
    ),
    list: Effect.fn("EngineClient.list")(function* (ids) {
      const json = yield* Effect.flatMap(get(EngineRequest.list(yield* api, ids)), ok)
      return yield* Effect.fromNullable(fromList(json, options.policy)).pipe(
        Effect.mapError(() => new EngineError({ status: 200, detail: "its list of containers is none" })),
      )
    }),
    inspect: Effect.fn("EngineClient.inspect")(function* (id) {
      const request = EngineRequest.inspect(yield* api, id)
      const details = fromInspect(yield* about(id, request))
      if (details === undefined) return yield* new EngineError({ status: 200, detail: "its inspection makes no sense" })
      if (known?.kind !== "podman") return details
      return withLibpod(
        details,
        yield* Effect.option(about(id, EngineRequest.libpodInspect(id))).pipe(Effect.map(Option.getOrUndefined)),
      )
    }),
    inspection: Effect.fn("EngineClient.inspection")(function* (id) {
      const json = yield* about(id, EngineRequest.inspect(yield* api, id))
      return yield* decodeOr(decodeInspection(json), "its inspection makes no sense")
    }),
    events: Effect.fn("EngineClient.events")(function* (sink, span = {}) {
      const { apiVersion, kind } = yield* engine
      const asked = kind === "podman" ? PodmanEvents.spanFor(span, yield* Clock.currentTimeMillis) : span
      return yield* stream(EngineRequest.events(apiVersion, asked), sink)
    }),
    stats: Effect.fn("EngineClient.stats")(function* (id, selection, sink) {
      const request = EngineRequest.stats(yield* api, id, selection)
      if (request === undefined) return yield* new ContainerNotFound({ id })
      return yield* Effect.catchTag(stream(request, sink), "EngineError", (error) => refineNotFound(id, error))
    }),
    top: Effect.fn("EngineClient.top")(function* (id, columns) {
      const { apiVersion, kind } = yield* engine
      const request =
        kind === "podman"
          ? EngineRequest.podmanTop(apiVersion, id, yield* orRefuse(PodmanColumns.from(columns)))
          : EngineRequest.top(apiVersion, id, columns)
      const json = yield* about(id, request)
      return yield* decodeOr(decodeTable(json), "its table of processes makes no sense")
    }),
    shares: (container) => SourcePolicy.shares(options.policy ?? SourcePolicy.defaults, container),
    logs: Effect.fn("EngineClient.logs")(function* (id, selection, sink) {
      const request = EngineRequest.logs(yield* api, id, selection)
      if (request === undefined) return yield* new ContainerNotFound({ id })
      const isPodman = known?.kind === "podman"
      const headMs = !isPodman ? undefined : selection.follow ? 0 : PODMAN_HEAD_MS
      return yield* Effect.catchTag(stream(request, sink, headMs), "EngineError", (error) => refineLogs(id, error))
    }),
  })
})

/** The client as a layer; needs no engine to be there. */
export const layer = (options: Options): Layer.Layer<EngineClient> => Layer.scoped(EngineClient, make(options))

const Version = Schema.Struct({
  Version: Schema.String,
  Os: Schema.String,
  Arch: Schema.String,
  Components: Schema.optional(Schema.NullOr(Schema.Array(Schema.Struct({ Name: Schema.String })))),
})
const decodeVersion = Schema.decodeUnknownEither(Version)

const decodeInfo = Schema.decodeUnknownEither(
  Schema.Struct({
    SystemTime: Schema.optionalWith(Schema.String, { default: () => "" }),
    LoggingDriver: Schema.optionalWith(Schema.String, { default: () => "" }),
    DockerRootDir: Schema.optionalWith(Schema.String, { default: () => "" }),
  }),
)

const decodeInspection = Schema.decodeUnknownEither(ContainerInspection)

const ProcessTable = Schema.Struct({
  Titles: Schema.Array(Schema.String),
  Processes: Schema.optionalWith(Schema.Array(Schema.Array(Schema.String)), { default: () => [], nullable: true }),
})
/** A row a process, a text for each title. */
export type ProcessTable = typeof ProcessTable.Type
const decodeTable = Schema.decodeUnknownEither(ProcessTable)

const orRefuse = <A>(decoded: Either.Either<A, string>) =>
  Either.mapLeft(decoded, (detail) => new EngineError({ status: 400, detail }))

const decodeOr = <A, E>(decoded: Either.Either<A, E>, detail: string) =>
  Either.mapLeft(decoded, () => new EngineError({ status: 200, detail }))

const notAnEngine = (address: string, detail: string) =>
  new EngineUnavailable({ reason: "not-an-engine", address, detail })

const getWhole = (
  pool: Pool,
  address: EngineAddress.EngineAddress,
  request: EngineRequest.EngineRequest,
  timeoutMs: number,
): Effect.Effect<Answer & { readonly address: string }, EngineUnavailable> =>
  Effect.tryPromise({
    try: (signal) => ask(pool, request, { timeoutMs }, signal),
    catch: (error) => (error instanceof EngineUnavailable ? error : EngineAddress.explain(address, error)),
  }).pipe(Effect.map((answer) => ({ ...answer, address: EngineAddress.format(address) })))

const readPing = (
  answer: Answer & { readonly address: string },
): Effect.Effect<{ readonly apiVersion: string; readonly podman: boolean }, EngineProblem> => {
  const apiVersion = answer.header("api-version")
  if (apiVersion === undefined || !/^\d{1,4}\.\d{1,4}$/.test(apiVersion))
    return Effect.fail(notAnEngine(answer.address, "something answers there, but it is not Docker or Podman"))
  if (answer.status !== 200) return Effect.fail(fromAnswer(answer.status, answer.body))
  return Effect.succeed({ apiVersion, podman: answer.header("libpod-api-version") !== undefined })
}

const ok = (answer: Answer): Effect.Effect<unknown, EngineError> =>
  answer.status === 200
    ? Effect.try({
        try: () => JSON.parse(answer.body) as unknown,
        catch: () => new EngineError({ status: 200, detail: "its answer is not JSON" }),
      })
    : Effect.fail(fromAnswer(answer.status, answer.body))

const refineNotFound = (id: ContainerId, error: EngineError): Effect.Effect<never, EngineError | ContainerNotFound> =>
  Effect.fail(error.status === 404 ? new ContainerNotFound({ id }) : error)

/** 409 is a container on its way out; Podman says 500 where Docker says 501. */
const refineLogs = (
  id: ContainerId,
  error: EngineError,
): Effect.Effect<never, EngineError | ContainerNotFound | LogsUnsupported> => {
  if (error.status === 404 || error.status === 409) return Effect.fail(new ContainerNotFound({ id }))
  const unsupported = error.status === 501 || /cannot read logs|not logging output/.test(error.detail)
  return Effect.fail(unsupported ? new LogsUnsupported({ id, detail: error.detail }) : error)
}

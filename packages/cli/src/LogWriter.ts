/** Writes a log where it belongs: what the container wrote to its standard error to ours, the rest to standard output. */
import * as LogDemux from "@rdl/core/log/LogDemux"
import type { LogStream } from "@rdl/core/log/LogOutput"
import type { HostLabel } from "@rdl/core/log/LogQuery"
import type { LogOptions, LogResponse, RdlClient, RdlError } from "@rdl/core/api/RdlClient"
import type { StreamError } from "@rdl/core/link/StreamError"
import { Effect, type Scope, Stream } from "effect"
import { CommandFailed, type OutputClosed } from "./Failure.ts"
import * as Output from "./Output.ts"

type Client = RdlClient["Type"]
type Writing = Effect.Effect<void, RdlError | CommandFailed | OutputClosed, Scope.Scope>

/** One JSON object a line, as the proxy sends them. */
export const writeJson = (client: Client, ref: string, query: LogOptions): Writing =>
  Effect.flatMap(client.logs(ref, { ...query, format: "ndjson" }), copy)

/** Text. Asked for in Docker's framing, which alone keeps the two streams apart; a terminal has but one. */
export const writeText = Effect.fn("LogWriter.writeText")(function* (
  client: Client,
  ref: string,
  query: LogOptions,
  host: HostLabel,
) {
  const response = yield* client.logs(ref, { ...query, format: "multiplexed", host: "none" })
  if (!response.contentType.includes("raw-stream"))
    return yield* demultiplex(response, yield* labelling(client, response, query, host))
  if (host === "none") return yield* copy(response)
  // Lines are labelled where they are made; asked for by its full name, the container is the same one.
  return yield* Effect.flatMap(client.logs(response.container, { ...query, format: "text", host }), copy)
})

const copy = (response: LogResponse): Writing => Stream.runForEach(wholeOrBroken(response), Output.out)

/** The log, failing with a sentence where it breaks off. */
const wholeOrBroken = ({ container, stream }: LogResponse): Stream.Stream<Uint8Array, CommandFailed> =>
  Stream.mapError(
    stream,
    () =>
      new CommandFailed({
        detail: `the log of ${container} broke off before its end: its source or the proxy was lost on the way; what came is right, and --since goes on from there`,
      }),
  )

const labelling = Effect.fnUntraced(function* (
  client: Client,
  response: LogResponse,
  query: LogOptions,
  host: HostLabel,
) {
  const terms = { timestamps: query.timestamps === true, details: query.details === true }
  if (host === "none") return { ...terms, partials: "docker" } as const
  const [source = ""] = response.container.split("/")
  // How pieces of long lines are told apart depends on the engine.
  const status = (yield* client.sources).find(({ name }) => name === source)
  return { ...terms, partials: status?.engine?.kind ?? "docker", label: { text: source, position: host } } as const
})

const demultiplex = (response: LogResponse, options: LogDemux.DemuxOptions): Writing => {
  const demux = LogDemux.make(options)
  return wholeOrBroken(response).pipe(
    Stream.runForEach((chunk) => pass((emit) => demux.push(chunk, emit))),
    Effect.zipRight(pass((emit) => demux.end(emit))),
  )
}

/** Writes what was emitted, in its order, then fails if the framing did. */
const pass = (work: (emit: (bytes: Uint8Array, stream: LogStream) => void) => StreamError | undefined) =>
  Effect.gen(function* () {
    const pieces: Array<readonly [Uint8Array, LogStream]> = []
    const failure = work((bytes, stream) => pieces.push([bytes, stream]))
    for (const [bytes, stream] of pieces) yield* stream === 2 ? Output.err(bytes) : Output.out(bytes)
    if (failure !== undefined) return yield* new CommandFailed({ detail: `the log broke off: ${failure.message}` })
    return undefined
  })

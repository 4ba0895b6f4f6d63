/** Writes a log where it belongs: what the container wrote to its standard error to ours, the rest to standard output. */
import * as LogDemux from "@rdl/core/log/LogDemux"
import type { LogGap } from "@rdl/core/log/LogGap"
import type { LogStream } from "@rdl/core/log/LogOutput"
import type { HostLabel } from "@rdl/core/log/LogQuery"
import { type RdlClient, RdlConnectionError, type RdlError, type ReadOptions } from "@rdl/core/api/RdlClient"
import type { LogEvent, SplicedLog } from "@rdl/core/api/SplicedLog"
import type { StreamError } from "@rdl/core/link/StreamError"
import { Effect, type Scope, Stream } from "effect"
import { CommandFailed, type OutputClosed } from "./Failure.ts"
import * as Output from "./Output.ts"

type Client = RdlClient["Type"]
type Failures = RdlError | CommandFailed | OutputClosed
type Writing = Effect.Effect<void, Failures, Scope.Scope>

/** One JSON object a line, as the proxy sends them; cursors only where they are wanted. */
export const writeJson = (client: Client, ref: string, query: ReadOptions, cursors: boolean): Writing =>
  Effect.flatMap(client.read(ref, { ...query, as: "ndjson", cursors }), (log) => follow(log, Output.out))

/** Text, taken from frames: they alone keep the two streams apart. */
export const writeText = Effect.fn("LogWriter.writeText")(function* (
  client: Client,
  ref: string,
  query: ReadOptions,
  host: HostLabel,
) {
  const log = yield* client.read(ref, query)
  const demux = LogDemux.make(yield* labelling(client, log, query, host))
  yield* follow(log, (bytes) => pass((emit) => demux.push(bytes, emit)))
  yield* pass((emit) => demux.end(emit))
})

/** Writes the log's bytes, and says on standard error what befalls it. */
const follow = (log: SplicedLog, write: (bytes: Uint8Array) => Effect.Effect<void, CommandFailed | OutputClosed>) =>
  Stream.runForEach(wholeOrBroken(log), (event) => {
    if (event._tag === "Bytes") return write(event.bytes)
    const words = wordsFor(event)
    return words === undefined ? Effect.void : Output.say(`rdl: ${words(log.container)}`)
  })

const wordsFor = (event: LogEvent): ((container: string) => string) | undefined => {
  if (event._tag === "Lost") return () => "connection lost; going on where it stopped as soon as there is one"
  if (event._tag === "Gap") return (container) => `${container}: 1 gap: ${gapWords(event.gap)}`
  if (event._tag === "Next")
    return (container) => `${container}: ${NEXT[event.next.why]}, ${event.next.id.slice(0, 12)}`
  return undefined
}

const NEXT = {
  restarted: "restarted; the same container",
  recreated: "recreated; now another container",
}

const gapWords = ({ reason, since, until }: LogGap): string => {
  if (since !== undefined && until !== undefined) return `lines between ${since} and ${until} are gone: ${reason}`
  if (since !== undefined) return `lines after ${since} are gone: ${reason}`
  return until === undefined ? `lines are gone: ${reason}` : `lines before ${until} are gone: ${reason}`
}

/** The log, failing with a sentence where it breaks off for good. */
const wholeOrBroken = ({ container, events }: SplicedLog): Stream.Stream<LogEvent, RdlError | CommandFailed> =>
  Stream.mapError(events, (error) =>
    error instanceof RdlConnectionError
      ? new CommandFailed({
          detail: `the log of ${container} broke off before its end, and could not be gone on with: ${error.detail}; what came is right, and --since goes on from there`,
        })
      : error,
  )

const labelling = Effect.fnUntraced(function* (client: Client, log: SplicedLog, query: ReadOptions, host: HostLabel) {
  const { tty } = log
  const terms = { timestamps: query.timestamps === true, details: query.details === true, tty }
  if (host === "none") return { ...terms, partials: "docker" } as const
  const [source = ""] = log.container.split("/")
  // How pieces of long lines are told apart depends on the engine.
  const status = (yield* client.sources).find(({ name }) => name === source)
  return { ...terms, partials: status?.engine?.kind ?? "docker", label: { text: source, position: host } } as const
})

/** Writes what was emitted, in its order, then fails if the framing did. */
const pass = (work: (emit: (bytes: Uint8Array, stream: LogStream) => void) => StreamError | undefined) =>
  Effect.gen(function* () {
    const pieces: Array<readonly [Uint8Array, LogStream]> = []
    const failure = work((bytes, stream) => pieces.push([bytes, stream]))
    for (const [bytes, stream] of pieces) yield* stream === 2 ? Output.err(bytes) : Output.out(bytes)
    if (failure !== undefined) return yield* new CommandFailed({ detail: `the log broke off: ${failure.message}` })
    return undefined
  })

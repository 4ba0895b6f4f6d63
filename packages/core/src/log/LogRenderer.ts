/** From the engine's bytes to what a user asked for: the whole of it, as a plain state machine that is pushed. */
import type { End } from "../link/LinkMessage.ts"
import type { LogGap } from "./LogGap.ts"
import { LineJoiner, type Partials } from "./LogLine.ts"
import { contentType } from "./LogNegotiation.ts"
import { JsonLines } from "./LogNdjson.ts"
import { LogOutput, type Emit } from "./LogOutput.ts"
import type { LogQuery, LogRendering } from "./LogQuery.ts"
import type { RecordSink } from "./LogRecord.ts"
import { FramedRecords } from "./LogRecordFramed.ts"
import { TerminalRecords } from "./LogRecordTerminal.ts"
import { LabelledText } from "./LogTextLabel.ts"
import { EngineBytes, PlainText } from "./LogTextPlain.ts"
import type { StreamError } from "../link/StreamError.ts"

export interface RendererOptions {
  /** Of it count `stdout`, `stderr`, `timestamps` and `details`; the rest is the engine's work. */
  readonly query: Pick<LogQuery, "stdout" | "stderr" | "timestamps" | "details">
  readonly rendering: LogRendering
  /** The container has a terminal, by the engine's inspect. */
  readonly tty: boolean
  readonly source: string
  readonly container: { readonly id: string; readonly name: string }
  /** Whose records these are. Podman knows no details. */
  readonly partials: Partials
}

/** Takes the body of the engine's answer to `timestamps=1`, and `details` where the query has it. */
export interface LogRenderer {
  /** Of what is emitted. */
  readonly contentType: string
  /**
   * Takes the next piece of the body, cut anywhere, and keeps nothing of it. Of what it makes it emits what fills pieces of
   * 64 KiB, which the receiver keeps; the rest, less than one such piece, is held until `flush`. An error means that the
   * log is broken: the stream must break too; all that is good has been emitted then.
   */
  readonly push: (chunk: Uint8Array, emit: Emit) => StreamError | undefined
  /** Bytes that wait for `flush`. */
  readonly held: () => number
  /** Emits what is held. */
  readonly flush: (emit: Emit) => void
  /** Tells the user that bytes are known to be gone; false where the format has no words for it. */
  readonly gap: (gap: LogGap, emit: Emit) => boolean
  /** What an idle stream sends every 15 s: a comment of server-sent events, nothing in other formats. */
  readonly keepAlive: (emit: Emit) => void
  /** The body has ended well: emits what was held back, and why the log is over where the format says so. */
  readonly end: (reason: End["reason"], emit: Emit) => StreamError | undefined
}

export const make = (options: RendererOptions): LogRenderer => {
  const output = new LogOutput(false)
  const { format } = options.rendering
  const json = format === "ndjson" || format === "sse" ? jsonLines(output, options) : undefined
  const sink = json === undefined ? bytesSink(output, options) : new LineJoiner(options.partials, json)
  const reader = recordReader(options, sink)
  return {
    contentType: contentType(format, options.tty),
    push: (chunk, emit) => {
      output.begin(emit)
      const failure = reader.push(chunk)
      if (failure !== undefined) output.flush()
      return failure
    },
    held: () => output.held(),
    flush: (emit) => {
      output.begin(emit)
      output.flush()
    },
    gap: (gap, emit) => {
      if (json === undefined) return false
      output.begin(emit)
      json.object({ gap })
      output.flush()
      return true
    },
    keepAlive: (emit) => {
      if (format !== "sse") return
      output.begin(emit)
      output.write(KEEP_ALIVE, 0, KEEP_ALIVE.length)
      output.flush()
    },
    end: (reason, emit) => {
      output.begin(emit)
      const failure = reader.end()
      if (failure === undefined) json?.object({ end: { reason } })
      output.flush()
      return failure
    },
  }
}

const KEEP_ALIVE = new TextEncoder().encode(": keep-alive\n\n")

const hasDetails = (options: RendererOptions): boolean => options.query.details && options.partials === "docker"

const recordReader = (options: RendererOptions, sink: RecordSink) => {
  const { stdout, stderr } = options.query
  const shape = { stamped: true, details: hasDetails(options), stdout, stderr }
  return options.tty ? new TerminalRecords(shape, sink) : new FramedRecords(shape, sink)
}

const jsonLines = (output: LogOutput, options: RendererOptions): JsonLines =>
  new JsonLines(output, {
    source: options.source,
    container: options.container,
    details: hasDetails(options),
    tty: options.tty,
    sse: options.rendering.format === "sse",
  })

const bytesSink = (output: LogOutput, options: RendererOptions): RecordSink => {
  const { query, rendering, tty, partials, source } = options
  const { timestamps } = query
  if (rendering.format !== "text") return new EngineBytes(output, { timestamps, tty })
  if (rendering.host === "none") return new PlainText(output, timestamps)
  return new LineJoiner(
    partials,
    new LabelledText(output, { label: source, position: rendering.host, timestamps, tty }),
  )
}

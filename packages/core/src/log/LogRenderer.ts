/** From records to what a user asked for: a plain state machine that is pushed. */
import { HEADER_BYTES, SYSTEM, writeHeader } from "./DockerFrames.ts"
import type { LineFilter } from "./LogFilter.ts"
import { FilteredLines, FilteredRecords, type PlacedRecords } from "./LogFilterSink.ts"
import { LineJoiner, type LineSink, type Partials } from "./LogLine.ts"
import { contentType } from "./LogNegotiation.ts"
import { JsonLines, type LinePlace } from "./LogNdjson.ts"
import { LogOutput, type Emit } from "./LogOutput.ts"
import type { LogQuery, LogRendering } from "./LogQuery.ts"
import type { LogRecord, RecordReader, RecordSink } from "./LogRecord.ts"
import { RedactedLines, RedactedRecords, type Redaction } from "./LogRedaction.ts"
import { FramedRecords } from "./LogRecordFramed.ts"
import { TerminalRecords } from "./LogRecordTerminal.ts"
import { LabelledText } from "./LogTextLabel.ts"
import { EngineBytes, PlainText } from "./LogTextPlain.ts"

/** What is known of a log and of its reader before its first byte. */
export interface RendererOptions {
  /** Of it count `stdout`, `stderr`, `timestamps` and `details`; the rest is the work of who reads the log. */
  readonly query: Pick<LogQuery, "stdout" | "stderr" | "timestamps" | "details">
  readonly rendering: LogRendering
  /** The container has a terminal, by the engine's inspect. */
  readonly tty: boolean
  readonly source: string
  readonly container: { readonly id: string; readonly name: string }
  /** Whose records these are. Podman knows no details. */
  readonly partials: Partials
  /** Lines that it does not want are left out; absent = none. */
  readonly filter?: LineFilter | undefined
  /** What is taken out of lines before anything else sees them; absent = nothing. */
  readonly redaction?: Redaction | undefined
  /** Formats with objects ask it where each line stands; absent = lines say nothing of it. */
  readonly place?: LinePlace | undefined
  /** Gets what fills pieces of 64 KiB, and keeps it. */
  readonly emit: Emit
}

/**
 * Takes the records of a log, of both streams. What it writes depends on them and on the options alone, so it can be made
 * again: signs of life, gaps and the word that the log is over are for others to write.
 */
export interface LogRenderer extends RecordSink {
  /** Of what is emitted. */
  readonly contentType: string
  /** Takes the next record, and keeps nothing of it. Less than one piece of what it makes waits for `flush`. */
  readonly record: (record: LogRecord) => void
  /**
   * Whether it can be taken up again here: a new one that is given the records to come would write the same. Not so while
   * a piece of a long line is held, or a line of text stands unterminated.
   */
  readonly isClean: () => boolean
  /** The next record does not follow upon the last: writes what is held, and ends a line of text that stands open. */
  readonly cut: () => void
  /** The log is at its end: writes what is held. */
  readonly end: () => void
  /** The engine cannot go on, and says so: its own formats pass its words on, as it would have. */
  readonly engineBroke: (words: Uint8Array) => void
  /** Bytes that wait for `flush`. */
  readonly held: () => number
  /** Emits what is held of written bytes. */
  readonly flush: () => void
}

/** A renderer for one log, in whichever format is wanted. */
export const make = (options: RendererOptions): LogRenderer => {
  const { query, rendering, tty } = options
  const output = new LogOutput(false)
  output.begin(options.emit)
  const sink = makeSink(output, options)
  const both = query.stdout && query.stderr
  const wanted = query.stdout ? 1 : 2
  return {
    contentType: contentType(rendering.format, tty),
    record: (record) => {
      if (both || record.stream === wanted) sink.record(record)
    },
    isClean: () => sink.isClean(),
    cut: () => sink.cut(),
    end: () => sink.end(),
    engineBroke: (words) => {
      const isFramed = rendering.format === "frames" || !tty
      if (isObjects(rendering.format) || rendering.format === "text") return
      if (isFramed) {
        output.reserve(HEADER_BYTES)
        writeHeader(output.bytes, output.position, SYSTEM, words.length)
        output.position += HEADER_BYTES
      }
      output.write(words, 0, words.length)
    },
    held: () => output.held(),
    flush: () => output.send(),
  }
}

/** Finds the records in what an engine answers to `timestamps=1`, of both streams, and `details` where it was asked. */
export const recordReader = (
  options: { readonly tty: boolean; readonly details: boolean; readonly partials: Partials },
  sink: RecordSink,
): RecordReader => {
  const shape = { stamped: true, details: options.details && options.partials === "docker" }
  return options.tty ? new TerminalRecords(shape, sink) : new FramedRecords(shape, sink)
}

const makeSink = (output: LogOutput, options: RendererOptions): PlacedRecords => {
  const { query, rendering, tty, partials, source, container } = options
  const { timestamps } = query
  const { format, host } = rendering
  if (isObjects(format)) {
    const details = query.details && partials === "docker"
    const sse = format === "sse"
    const place = options.place
    const json = new JsonLines(output, { source, container, details, tty, sse, place })
    return new LineJoiner(partials, passedLines(options, json))
  }
  if (format !== "text" || host === "none") {
    const framed = format === "frames" || !tty
    const records =
      format === "text" ? new PlainText(output, timestamps) : new EngineBytes(output, { timestamps, framed })
    return passedRecords(options, records)
  }
  const label = new LabelledText(output, { label: source, position: host, timestamps, tty })
  const lines = new LineJoiner(partials, passedLines(options, label))
  return {
    record: (record) => lines.record(record),
    isClean: () => lines.isClean() && label.isClean(),
    cut: () => lines.cut(),
    end: () => {
      const isHeld = !lines.isClean()
      lines.end()
      // Should a next run write on, it would stand before what is held, or be taken for its rest: it is over here.
      if (isHeld) label.cut()
    },
  }
}

const isObjects = (format: LogRendering["format"]): boolean => format === "ndjson" || format === "sse"

/** Redacted first: what is taken out is not there to be searched for. */
const passedLines = ({ filter, redaction }: RendererOptions, sink: LineSink): LineSink => {
  const filtered = filter === undefined ? sink : new FilteredLines(filter, sink)
  return redaction === undefined ? filtered : new RedactedLines(redaction, filtered)
}

const passedRecords = ({ filter, partials, redaction }: RendererOptions, sink: PlacedRecords): PlacedRecords => {
  const filtered = filter === undefined ? sink : new FilteredRecords(filter, partials, sink)
  return redaction === undefined ? filtered : new RedactedRecords(redaction, partials, filtered)
}

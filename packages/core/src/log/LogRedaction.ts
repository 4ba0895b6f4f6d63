/** Takes out of lines what may not leave the host: in front of filters, so that no search can ask for what is taken out. */
import { Either } from "effect"
import type { PlacedRecords } from "./LogFilterSink.ts"
import { contentEnd, LineJoiner, type LineSink, type Partials } from "./LogLine.ts"
import { compile as compilePattern, type LogPattern } from "./LogPattern.ts"
import { LogRecord } from "./LogRecord.ts"

/** Stands in place of what was taken out. */
export const MARK = "[redacted]"

/** Patterns of one redaction at most; each line is searched for every one of them. */
export const MAX_PATTERNS = 32

export interface Redaction {
  /**
   * The same line with what the patterns match replaced, its newline kept: the very record where none matches, byte for
   * byte. In a line that is changed, bytes that are no UTF-8 become U+FFFD. What it returns says something only until
   * the next call.
   */
  readonly redact: (line: LogRecord) => LogRecord
}

/** Left = what is wrong, as a sentence. */
export const compile = (patterns: ReadonlyArray<string>): Either.Either<Redaction, string> =>
  patterns.length > MAX_PATTERNS
    ? Either.left(`there are ${patterns.length} patterns, more than ${MAX_PATTERNS}`)
    : Either.map(
        Either.all(
          patterns.map((text) => Either.mapLeft(compileOne(text), (wrong) => `${JSON.stringify(text)} ${wrong}`)),
        ),
        make,
      )

/** One pattern, which must be of some use; left = what is wrong, to be put after it. */
export const compileOne = (text: string): Either.Either<LogPattern, string> =>
  Either.filterOrLeft(
    Either.mapLeft(compilePattern(text), (wrong) => `is no pattern: ${wrong}`),
    (pattern) => !pattern.test(""),
    () => "matches where there is nothing, and so everywhere",
  )

const make = (patterns: ReadonlyArray<LogPattern>): Redaction => {
  const changed = new LogRecord()
  return {
    redact: (line) => {
      const end = contentEnd(line, true)
      const before = decoder.decode(line.bytes.subarray(line.payload, end))
      let text = before
      for (const pattern of patterns) if (pattern.test(text)) text = pattern.replace(text, MARK)
      return text === before ? line : rewrite(changed, line, encoder.encode(text), end)
    },
  }
}

const decoder = new TextDecoder("utf-8", { ignoreBOM: true })
const encoder = new TextEncoder()

/** The line with another text, from its timestamp to its newline in bytes of its own. */
const rewrite = (into: LogRecord, line: LogRecord, content: Uint8Array, contentEnds: number): LogRecord => {
  const head = line.bytes.subarray(line.start, line.payload)
  const tail = line.bytes.subarray(contentEnds, line.end)
  const bytes = new Uint8Array(head.length + content.length + tail.length)
  bytes.set(head)
  bytes.set(content, head.length)
  bytes.set(tail, head.length + content.length)
  return Object.assign(into, {
    stream: line.stream,
    bytes,
    start: 0,
    details: line.details - line.start,
    payload: head.length,
    end: bytes.length,
  })
}

/** Lines on their way, redacted. A line over 1 MiB comes in pieces, and each is looked at alone. */
export class RedactedLines implements LineSink {
  private readonly redaction: Redaction
  private readonly sink: LineSink

  constructor(redaction: Redaction, sink: LineSink) {
    this.redaction = redaction
    this.sink = sink
  }

  line(record: LogRecord, first: boolean, last: boolean, settled: boolean): void {
    this.sink.line(this.redaction.redact(record), first, last, settled)
  }

  cut(): void {
    this.sink.cut()
  }

  end(): void {
    this.sink.end()
  }
}

/** Records on their way, redacted: the pieces of a line become one record, since what is looked for may be cut in two. */
export class RedactedRecords implements PlacedRecords {
  private readonly sink: PlacedRecords
  private readonly joiner: LineJoiner

  constructor(redaction: Redaction, partials: Partials, sink: PlacedRecords) {
    this.sink = sink
    this.joiner = new LineJoiner(partials, {
      line: (record) => sink.record(redaction.redact(record)),
      cut: () => sink.cut(),
      end: () => sink.end(),
    })
  }

  record(record: LogRecord): void {
    this.joiner.record(record)
  }

  isClean(): boolean {
    return this.joiner.isClean() && this.sink.isClean()
  }

  cut(): void {
    this.joiner.cut()
  }

  end(): void {
    this.joiner.end()
  }
}

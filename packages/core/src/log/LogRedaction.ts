/** Takes out of lines what may not leave the host: in front of filters, so that no search can ask for what is taken out. */
import { Either } from "effect"
import type { PlacedRecords } from "./LogFilterSink.ts"
import { contentEnd, LineJoiner, type LineSink, MAX_LINE_BYTES, type Partials } from "./LogLine.ts"
import { compile as compilePattern, type LogPattern } from "./LogPattern.ts"
import { LogRecord } from "./LogRecord.ts"

/** Stands in place of what was taken out. */
export const MARK = "[redacted]"

/** Stands in place of a line that cannot be looked through in time: none leaves that was not. */
export const WITHHELD = "[withheld: too long to redact]"

/** Patterns of one redaction at most; each line is searched for every one of them. */
export const MAX_PATTERNS = 32

/** Steps that the programs of all of them have at most; 512 of one. */
export const MAX_STEPS = 1_024

/**
 * The work that one line may make: steps times characters, for each search anew. At worst 25 ns each, so 0.8 s; mostly a
 * tenth of that and less. A pattern costs nothing where a text is missing that whatever it matches must contain.
 */
export const MAX_WORK = 33_554_432

/** The longest line there is after redaction, in bytes of what the container wrote. */
export const MAX_REDACTED_BYTES = MAX_LINE_BYTES

export interface Redaction {
  /**
   * The same line with what the patterns match replaced, its newline kept: the very record where none matches, byte for
   * byte. In a line that is changed, bytes that are no UTF-8 become U+FFFD. A line that is too much work, or would become
   * too long, is withheld. What it returns says something only until the next call; what it does depends on the line alone.
   */
  readonly redact: (line: LogRecord) => LogRecord
  /** The line, or the last piece of one, with nothing of it but its time and its newline; in its place stands `WITHHELD`. */
  readonly withhold: (line: LogRecord) => LogRecord
}

/** Left = what is wrong, as a sentence. `onWithheld` is called for each line that is withheld. */
export const compile = (
  patterns: ReadonlyArray<string>,
  onWithheld: () => void = () => {},
): Either.Either<Redaction, string> =>
  Either.gen(function* () {
    if (patterns.length > MAX_PATTERNS)
      return yield* Either.left(`there are ${patterns.length} patterns, more than ${MAX_PATTERNS}`)
    const compiled: Array<LogPattern> = []
    let steps = 0
    for (const text of patterns) {
      const pattern = yield* Either.mapLeft(compileOne(text), (wrong) => `${JSON.stringify(text)} ${wrong}`)
      steps += pattern.size
      if (steps > MAX_STEPS) return yield* Either.left(`${JSON.stringify(text)} ${tooMany(steps)}`)
      compiled.push(pattern)
    }
    return make(compiled, onWithheld)
  })

const tooMany = (steps: number): string =>
  `and those before it make ${steps} steps, more than ${MAX_STEPS}: leave some out, or their repetitions`

/** One pattern, which must be of some use; left = what is wrong, to be put after it. */
export const compileOne = (text: string): Either.Either<LogPattern, string> =>
  Either.filterOrLeft(
    Either.mapLeft(compilePattern(text), (wrong) => `is no pattern: ${wrong}`),
    (pattern) => !pattern.test(""),
    () => "matches where there is nothing, and so everywhere",
  )

const make = (patterns: ReadonlyArray<LogPattern>, onWithheld: () => void): Redaction => {
  const changed = new LogRecord()
  const put = (line: LogRecord, content: Uint8Array) => rewrite(changed, line, content, contentEnd(line, true))
  const withhold = (line: LogRecord) => {
    onWithheld()
    return put(line, withheld)
  }
  return {
    withhold,
    redact: (line) => {
      const before = decoder.decode(line.bytes.subarray(line.payload, contentEnd(line, true)))
      const after = redacted(before, patterns)
      if (after === before) return line
      const content = after === undefined ? undefined : encoder.encode(after)
      return content === undefined || content.length > MAX_REDACTED_BYTES ? withhold(line) : put(line, content)
    },
  }
}

/** Undefined where it takes too much work. */
const redacted = (line: string, patterns: ReadonlyArray<LogPattern>): string | undefined => {
  const budget = { left: MAX_WORK }
  let text: string | undefined = line
  for (const pattern of patterns) {
    if (pattern.literal !== undefined && !text.includes(pattern.literal)) continue
    budget.left -= pattern.size * text.length
    if (budget.left < 0) return undefined
    if (pattern.test(text)) text = pattern.replace(text, MARK, budget)
    if (text === undefined) return undefined
  }
  return text
}

const decoder = new TextDecoder("utf-8", { ignoreBOM: true })
const encoder = new TextEncoder()
const withheld = encoder.encode(WITHHELD)

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

/** Lines on their way, redacted. One over 1 MiB comes in pieces, none of which can be looked at alone: the last one alone passes, withheld. */
export class RedactedLines implements LineSink {
  private readonly redaction: Redaction
  private readonly sink: LineSink

  constructor(redaction: Redaction, sink: LineSink) {
    this.redaction = redaction
    this.sink = sink
  }

  line(record: LogRecord, first: boolean, last: boolean, settled: boolean): void {
    if (first && last) this.sink.line(this.redaction.redact(record), true, true, settled)
    else if (last) this.sink.line(this.redaction.withhold(record), true, true, settled)
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
      line: (record, first, last) => {
        if (last) sink.record(first ? redaction.redact(record) : redaction.withhold(record))
      },
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

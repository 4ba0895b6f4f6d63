/** Lets only the wanted lines of a log through: as lines, or as the records that the engine cut them into. */
import type { LineFilter } from "./LogFilter.ts"
import { LineJoiner, type LineSink, type Partials } from "./LogLine.ts"
import { LogRecord, type RecordSink } from "./LogRecord.ts"

/** Of a line that comes in pieces the first one decides. */
export class FilteredLines implements LineSink {
  private readonly filter: LineFilter
  private readonly sink: LineSink
  /** Whether the line of each stream that is not over yet passes. */
  private readonly passes: [boolean, boolean] = [false, false]

  constructor(filter: LineFilter, sink: LineSink) {
    this.filter = filter
    this.sink = sink
  }

  line(record: LogRecord, first: boolean, last: boolean, settled: boolean): void {
    const place = record.stream === 1 ? 0 : 1
    if (first) this.passes[place] = this.filter.wants(record)
    if (this.passes[place]) this.sink.line(record, first, last, settled)
  }

  cut(): void {
    this.sink.cut()
  }

  end(): void {
    this.sink.end()
  }
}

/** Who takes records, says whether it could be taken up again between two of them, and can be told of a break there. */
export interface PlacedRecords extends RecordSink {
  readonly isClean: () => boolean
  readonly cut: () => void
}

/**
 * Passes all records of a line, or none. The pieces of a long line are held until it is over, or 1 MiB of it has come and
 * decides for the rest: then they come after what the other stream wrote meanwhile.
 */
export class FilteredRecords implements PlacedRecords {
  private readonly sink: PlacedRecords
  private readonly streams: readonly [StreamFilter, StreamFilter]

  constructor(filter: LineFilter, partials: Partials, sink: PlacedRecords) {
    this.sink = sink
    this.streams = [new StreamFilter(filter, partials, sink), new StreamFilter(filter, partials, sink)]
  }

  record(record: LogRecord): void {
    this.streams[record.stream === 1 ? 0 : 1].record(record)
  }

  isClean(): boolean {
    return this.streams.every((stream) => stream.isClean()) && this.sink.isClean()
  }

  cut(): void {
    for (const stream of this.streams) stream.finish()
    this.sink.cut()
  }

  end(): void {
    for (const stream of this.streams) stream.finish()
    this.sink.end()
  }
}

/** One stream's records: a joiner makes lines of them, and what it says of a line decides on the records held. */
class StreamFilter implements LineSink {
  private readonly filter: LineFilter
  private readonly sink: RecordSink
  private readonly joiner: LineJoiner
  private current: LogRecord | undefined
  private held: Array<LogRecord> = []
  private passes = false
  /** The line that is not over yet has been decided on. */
  private isDecided = false
  /** The current record was a line of its own. */
  private isDone = false

  constructor(filter: LineFilter, partials: Partials, sink: RecordSink) {
    this.filter = filter
    this.sink = sink
    this.joiner = new LineJoiner(partials, this)
  }

  isClean(): boolean {
    return this.joiner.isClean()
  }

  record(record: LogRecord): void {
    this.current = record
    this.isDone = false
    this.joiner.record(record)
    if (this.isDone) return
    // It was the last piece of a line, or goes on with one that is decided; else it is of the line that is open now.
    if (!this.joiner.isClean() && !this.isDecided) this.held.push(copyOf(record))
    else if (this.passes) this.sink.record(record)
  }

  line(line: LogRecord, first: boolean, last: boolean): void {
    if (first) {
      this.passes = this.filter.wants(line)
      this.release()
    }
    this.isDecided = !last
    if (line !== this.current) return
    this.isDone = true
    if (this.passes) this.sink.record(line)
  }

  /** No more of a line comes that is open. */
  finish(): void {
    this.joiner.end()
  }

  cut(): void {}

  end(): void {}

  private release(): void {
    if (this.passes) for (const record of this.held) this.sink.record(record)
    if (this.held.length > 0) this.held = []
  }
}

const copyOf = (record: LogRecord): LogRecord => {
  const copy = new LogRecord()
  copy.stream = record.stream
  // A Buffer's own `slice` would copy nothing.
  copy.bytes = new Uint8Array(record.bytes.subarray(record.start, record.end))
  copy.details = record.details - record.start
  copy.payload = record.payload - record.start
  copy.end = record.end - record.start
  return copy
}

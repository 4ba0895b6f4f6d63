/** Lines of a log: records, or the pieces of a line that the engine cut into several, joined per stream. */
import { CARRIAGE_RETURN, isTerminated, LogRecord, NEWLINE, type RecordSink } from "./LogRecord.ts"
import { incompleteTail } from "./LogUtf8.ts"

/** The longest line held; what is longer goes on in pieces of at most this. */
export const MAX_LINE_BYTES = 1_048_576

/**
 * Who is told of each line. A line over the bound comes in pieces: `first` and `last` say which these are. `settled`: with
 * this line everything that came has been told, nothing is held.
 */
export interface LineSink {
  readonly line: (record: LogRecord, first: boolean, last: boolean, settled: boolean) => void
  /** What comes next has nothing to do with what came. */
  readonly cut: () => void
  readonly end: () => void
}

/** Where what the container wrote ends without its newline; with `tty`, also without the carriage return before it. */
export const contentEnd = (record: LogRecord, tty: boolean): number => {
  let end = record.end
  if (end > record.payload && record.bytes[end - 1] === NEWLINE) {
    end--
    if (tty && end > record.payload && record.bytes[end - 1] === CARRIAGE_RETURN) end--
  }
  return end
}

/**
 * How to tell that a record without newline goes on in the next one of its stream. Docker cuts at 16 KiB (more bytes
 * where invalid UTF-8 became U+FFFD) and gives all pieces the first one's timestamp; elsewhere such a record is the last
 * output before an exit. Podman's go on until a newline.
 */
export type Partials = "docker" | "podman"

const DOCKER_PIECE_BYTES = 16_384

/** Joins pieces to lines. A line that is one record passes through without a copy; one per stream is held. */
export class LineJoiner implements RecordSink {
  private readonly sink: LineSink
  private readonly partials: Partials
  private readonly held: readonly [HeldLine, HeldLine]

  constructor(partials: Partials, sink: LineSink) {
    this.sink = sink
    this.partials = partials
    this.held = [new HeldLine(1), new HeldLine(2)]
  }

  /** Whether nothing is held. */
  isClean(): boolean {
    return !this.held[0].isOpen && !this.held[1].isOpen
  }

  record(record: LogRecord): void {
    const held = this.held[record.stream === 1 ? 0 : 1]
    // Not settled: the record that tells so has not been told of itself.
    if (held.isOpen && !this.continues(held.line, record)) held.close(this.sink, false)
    const goesOn = this.mayGoOn(record)
    if (!held.isOpen) {
      if (goesOn) held.open(record)
      else this.sink.line(record, true, true, this.isClean())
      return
    }
    held.append(record, this.sink)
    if (!goesOn) held.close(this.sink, !this.held[record.stream === 1 ? 1 : 0].isOpen)
  }

  cut(): void {
    this.closeAll()
    this.sink.cut()
  }

  end(): void {
    this.closeAll()
    this.sink.end()
  }

  private closeAll(): void {
    const [stdout, stderr] = this.held
    if (stdout.isOpen) stdout.close(this.sink, !stderr.isOpen)
    if (stderr.isOpen) stderr.close(this.sink, true)
  }

  private mayGoOn(record: LogRecord): boolean {
    if (isTerminated(record)) return false
    return this.partials === "podman" || record.end - record.payload >= DOCKER_PIECE_BYTES
  }

  private continues(line: LogRecord, record: LogRecord): boolean {
    return this.partials === "podman" || hasSameStamp(line, record)
  }
}

const hasSameStamp = (one: LogRecord, other: LogRecord): boolean => {
  const length = one.details - one.start
  if (other.details - other.start !== length) return false
  for (let at = 0; at < length; at++) if (one.bytes[one.start + at] !== other.bytes[other.start + at]) return false
  return true
}

/** The one line of a stream that is not whole yet, with the timestamp and details of its first record. */
class HeldLine {
  isOpen = false
  readonly line = new LogRecord()
  private first = true

  constructor(stream: 1 | 2) {
    this.line.stream = stream
  }

  open(record: LogRecord): void {
    const { line } = this
    this.isOpen = true
    this.first = true
    line.start = 0
    line.details = record.details - record.start
    line.payload = record.payload - record.start
    line.end = 0
    this.add(record.bytes, record.start, record.end)
  }

  append(record: LogRecord, sink: LineSink): void {
    if (this.line.end - this.line.payload + record.end - record.payload > MAX_LINE_BYTES) this.spill(sink)
    this.add(record.bytes, record.payload, record.end)
  }

  close(sink: LineSink, settled: boolean): void {
    this.isOpen = false
    sink.line(this.line, this.first, true, settled)
    if (this.line.bytes.length > KEPT_BYTES) this.line.bytes = new Uint8Array(0)
  }

  /** Hands a piece over and keeps only what begins a character. */
  private spill(sink: LineSink): void {
    const { line } = this
    const end = line.end
    line.end = end - incompleteTail(line.bytes, line.payload, end)
    sink.line(line, this.first, false, false)
    this.first = false
    line.bytes.copyWithin(line.payload, line.end, end)
    line.end = line.payload + end - line.end
  }

  private add(bytes: Uint8Array, start: number, end: number): void {
    const { line } = this
    const needed = line.end + end - start
    if (needed > line.bytes.length) {
      const grown = new Uint8Array(Math.max(needed, line.bytes.length * 2))
      grown.set(line.bytes.subarray(0, line.end))
      line.bytes = grown
    }
    line.bytes.set(bytes.subarray(start, end), line.end)
    line.end = needed
  }
}

/** A longer buffer is given back after its line. */
const KEPT_BYTES = 65_536

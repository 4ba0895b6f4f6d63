/** Formats that say what the engine would have said itself, byte for byte: plain text without host label, and Docker's framing. */
import { HEADER_BYTES, writeHeader } from "./DockerFrames.ts"
import type { LogOutput } from "./LogOutput.ts"
import { isTerminated, NEWLINE, type LogRecord, type RecordSink } from "./LogRecord.ts"

/** The payloads, one behind the other; `docker logs` into one descriptor. */
export class PlainText implements RecordSink {
  private readonly output: LogOutput
  private readonly timestamps: boolean
  private readonly lines = new OpenLines()

  constructor(output: LogOutput, timestamps: boolean) {
    this.output = output
    this.timestamps = timestamps
  }

  record(record: LogRecord): void {
    this.lines.note(record)
    this.output.turn(record.stream)
    this.output.write(record.bytes, this.timestamps ? record.start : record.details, record.end)
  }

  isClean(): boolean {
    return this.lines.isClean()
  }

  cut(): void {
    if (this.lines.areOpen()) this.output.byte(NEWLINE)
    this.lines.close()
  }

  /** Whatever comes of a next run, it stands behind this. */
  end(): void {
    this.lines.close()
  }
}

/** The daemon's answer: a frame for each record, or raw bytes. */
export class EngineBytes implements RecordSink {
  private readonly output: LogOutput
  private readonly timestamps: boolean
  private readonly framed: boolean
  private readonly lines = new OpenLines()

  constructor(output: LogOutput, options: { readonly timestamps: boolean; readonly framed: boolean }) {
    this.output = output
    this.timestamps = options.timestamps
    this.framed = options.framed
  }

  record(record: LogRecord): void {
    this.lines.note(record)
    const { output } = this
    const { bytes, end } = record
    const start = this.timestamps ? record.start : record.details
    // The daemon makes no frame of nothing (the local driver stores empty records).
    if (start === end) return
    if (this.framed) {
      output.reserve(HEADER_BYTES)
      writeHeader(output.bytes, output.position, record.stream, end - start)
      output.position += HEADER_BYTES
    }
    output.write(bytes, start, end)
  }

  isClean(): boolean {
    return this.lines.isClean()
  }

  cut(): void {
    this.lines.close()
  }

  /** Whatever comes of a next run, it stands behind this. */
  end(): void {
    this.lines.close()
  }
}

/** After so many records without all lines being whole, the place after any record is as good as another. */
export const MAX_UNCLEAN_RECORDS = 64

/** Knows whether a stream stands in the middle of a line. */
class OpenLines {
  /** Bits of the streams that do. */
  private open = 0
  private unclean = 0

  note(record: LogRecord): void {
    if (isTerminated(record)) this.open &= ~record.stream
    else this.open |= record.stream
    this.unclean = this.open === 0 ? 0 : this.unclean + 1
  }

  close(): void {
    this.open = this.unclean = 0
  }

  areOpen(): boolean {
    return this.open !== 0
  }

  isClean(): boolean {
    return this.open === 0 || this.unclean >= MAX_UNCLEAN_RECORDS
  }
}

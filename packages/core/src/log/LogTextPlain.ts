/** Formats that say what the engine would have said itself, byte for byte: plain text without host label, and Docker's framing. */
import { HEADER_BYTES, SYSTEM, writeHeader, type DockerFrameKind } from "./DockerFrames.ts"
import type { LogOutput } from "./LogOutput.ts"
import type { LogRecord, RecordSink } from "./LogRecord.ts"

/** The payloads, one behind the other; `docker logs` into one descriptor. */
export class PlainText implements RecordSink {
  private readonly output: LogOutput
  private readonly timestamps: boolean

  constructor(output: LogOutput, timestamps: boolean) {
    this.output = output
    this.timestamps = timestamps
  }

  record(record: LogRecord): void {
    this.output.turn(record.stream)
    this.output.write(record.bytes, this.timestamps ? record.start : record.details, record.end)
  }

  broken(): void {}

  end(): void {}
}

/** The daemon's answer: frames, or raw bytes where the container has a terminal. An in-band error is passed on. */
export class EngineBytes implements RecordSink {
  private readonly output: LogOutput
  private readonly timestamps: boolean
  private readonly framed: boolean

  constructor(output: LogOutput, options: { readonly timestamps: boolean; readonly tty: boolean }) {
    this.output = output
    this.timestamps = options.timestamps
    this.framed = !options.tty
  }

  record(record: LogRecord): void {
    this.write(record.stream, record.bytes, this.timestamps ? record.start : record.details, record.end)
  }

  broken(bytes: Uint8Array, start: number, end: number): void {
    this.write(SYSTEM, bytes, start, end)
  }

  end(): void {}

  private write(kind: DockerFrameKind, bytes: Uint8Array, start: number, end: number): void {
    const { output } = this
    // The daemon makes no frame of nothing (the local driver stores empty records).
    if (start === end) return
    if (this.framed) {
      output.reserve(HEADER_BYTES)
      writeHeader(output.bytes, output.position, kind, end - start)
      output.position += HEADER_BYTES
    }
    output.write(bytes, start, end)
  }
}

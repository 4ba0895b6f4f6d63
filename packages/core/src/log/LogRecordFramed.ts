/** Records of a container without terminal: one frame each. */
import { DockerFrameDecoder, STDERR, STDOUT, SYSTEM, type DockerFrameKind, type OtherFrames } from "./DockerFrames.ts"
import { detailsEnd, LogRecord, stampEnd, type RecordReader, type RecordShape, type RecordSink } from "./LogRecord.ts"
import { engineBroke, engineError } from "./LogRecordError.ts"
import type { StreamError } from "../link/StreamError.ts"

export class FramedRecords<Other extends number = never> implements RecordReader {
  private readonly shape: RecordShape
  private readonly sink: RecordSink
  private readonly current = new LogRecord()
  private readonly decoder: DockerFrameDecoder<Other>
  private failure: StreamError | undefined

  constructor(shape: RecordShape, sink: RecordSink, others?: OtherFrames<Other>) {
    this.shape = shape
    this.sink = sink
    this.decoder = new DockerFrameDecoder((kind, bytes, start, end) => this.frame(kind, bytes, start, end), others)
  }

  push(chunk: Uint8Array): StreamError | undefined {
    if (this.failure !== undefined) return this.failure
    const failed = this.decoder.push(chunk)
    if (failed !== undefined) this.failure ??= engineError(failed.message)
    return this.failure
  }

  end(): StreamError | undefined {
    if (this.failure !== undefined) return this.failure
    const failed = this.decoder.end()
    if (failed === undefined) this.sink.end()
    else this.failure = engineError(failed.message)
    return this.failure
  }

  private frame(kind: DockerFrameKind, bytes: Uint8Array, start: number, end: number): void {
    if (this.failure !== undefined) return
    if (kind === SYSTEM) {
      this.failure = engineBroke(bytes, start, end)
      return
    }
    // An engine may send an empty frame; it is no record.
    if (start === end) return
    const record = this.current
    const details = this.shape.stamped ? stampEnd(bytes, start, end) : start
    const payload = this.shape.details && details >= 0 ? detailsEnd(bytes, details, end) : details
    if (payload < 0) {
      this.failure = engineError(`a record without its ${details < 0 ? "timestamp" : "details"}`)
      return
    }
    record.stream = kind === STDERR ? STDERR : STDOUT
    record.bytes = bytes
    record.start = start
    record.details = details
    record.payload = payload
    record.end = end
    this.sink.record(record)
  }
}

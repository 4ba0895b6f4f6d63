/** Records as they travel: timestamp and details before the text, Docker's frame around it, one HTTP chunk for each. */
import type { LogRecord } from "./LogRecord.ts"
import { timestampWriter } from "./Timestamp.ts"

export interface LogEncoding {
  /** Without frames: what a terminal would have shown. */
  readonly tty: boolean
  readonly timestamps: boolean
  /** `k=v,…`, written before the text with a space after it; undefined = no details asked for. */
  readonly details: string | undefined
  /** The zone that timestamps are written in; 0 = UTC. */
  readonly zoneMinutes: number
}

const STREAM_TYPE = { stdout: 1, stderr: 2, error: 3 } as const

const BATCH_BYTES = 64 * 1024

/** Gathers the chunks of many records for one write to the socket: at most 64 KiB, or one record where that is larger. */
export class ChunkBatch {
  private readonly encoding: LogEncoding
  private readonly timestamp: (nanos: bigint) => string
  private buffer = Buffer.allocUnsafe(BATCH_BYTES)
  private used = 0

  constructor(encoding: LogEncoding) {
    this.encoding = encoding
    this.timestamp = timestampWriter(encoding.zoneMinutes)
  }

  /** False when the batch is full: the record belongs to the next one. */
  add(record: LogRecord): boolean {
    const { details, timestamps } = this.encoding
    const prefix = (timestamps ? this.timestamp(record.time) + " " : "") + (details === undefined ? "" : details + " ")
    return this.addChunk(STREAM_TYPE[record.stream], prefix, record.payload)
  }

  /** What the engine says when it fails after its status line: a frame of type 3, plain text on a terminal. */
  addError(message: string): boolean {
    return this.addChunk(STREAM_TYPE.error, `Error grabbing logs: ${message}\n`, Buffer.alloc(0))
  }

  /** Bytes that are no frame, as a chunk of their own. */
  addGarbage(bytes: Uint8Array): boolean {
    return this.addChunk(undefined, "", Buffer.from(bytes))
  }

  /** What was gathered; the batch is empty afterwards. */
  take(): Buffer {
    const taken = this.buffer.subarray(0, this.used)
    if (this.used > 0) this.buffer = Buffer.allocUnsafe(BATCH_BYTES)
    this.used = 0
    return taken
  }

  private addChunk(type: number | undefined, prefix: string, payload: Buffer): boolean {
    const text = Buffer.byteLength(prefix) + payload.length
    const framed = type === undefined || this.encoding.tty ? text : text + 8
    const size = framed.toString(16) + "\r\n"
    const total = size.length + framed + 2
    if (this.used + total > this.buffer.length) {
      if (this.used > 0) return false
      this.buffer = Buffer.allocUnsafe(total)
    }
    this.used += this.buffer.write(size, this.used, "latin1")
    if (framed > text) {
      this.used = this.buffer.writeUInt32BE((type ?? 0) * 0x1000000, this.used)
      this.used = this.buffer.writeUInt32BE(text, this.used)
    }
    this.used += this.buffer.write(prefix, this.used)
    this.used += payload.copy(this.buffer, this.used)
    this.used += this.buffer.write("\r\n", this.used, "latin1")
    return true
  }
}

/** One HTTP chunk. */
export const chunk = (bytes: Uint8Array): Buffer =>
  Buffer.concat([Buffer.from(bytes.length.toString(16) + "\r\n"), bytes, Buffer.from("\r\n")])

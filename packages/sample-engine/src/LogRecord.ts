/** What a container wrote, as the engine stores it: records of at most 16 KiB, cut at newlines. */
import { isUtf8 } from "node:buffer"

export type LogStream = "stdout" | "stderr"

export interface LogRecord {
  readonly stream: LogStream
  /** Nanoseconds since 1970. */
  readonly time: bigint
  /** With its newline, unless it is a part of a longer line or the last words of a container. */
  readonly payload: Buffer
}

/** A line longer than this is stored in parts; all parts carry the time of the first. */
export const MAX_RECORD_BYTES = 16_384

const NEWLINE = 0x0a

/** Cuts one stream into records. Text without newline waits, unseen by any reader, for its newline, for 16 KiB, or for the end. */
export class RecordSplitter {
  private readonly stream: LogStream
  /** The json-file driver stores text: bytes that are no UTF-8 become U+FFFD. */
  private readonly textOnly: boolean
  private pending: Buffer = Buffer.alloc(0)
  private lineTime: bigint | undefined

  constructor(stream: LogStream, textOnly: boolean) {
    this.stream = stream
    this.textOnly = textOnly
  }

  /** Calls `store` for each record that is complete now; `now` is asked once a line. */
  write(data: Uint8Array, now: () => bigint, store: (record: LogRecord) => void): void {
    const bytes = this.pending.length === 0 ? Buffer.from(data) : Buffer.concat([this.pending, data])
    let start = 0
    for (;;) {
      const newline = bytes.indexOf(NEWLINE, start)
      const end = newline < 0 ? bytes.length : newline + 1
      if (end - start > MAX_RECORD_BYTES || (newline < 0 && end - start === MAX_RECORD_BYTES)) {
        this.lineTime ??= now()
        store(this.record(bytes.subarray(start, start + MAX_RECORD_BYTES), this.lineTime))
        start += MAX_RECORD_BYTES
        continue
      }
      if (newline < 0) break
      store(this.record(bytes.subarray(start, end), this.lineTime ?? now()))
      this.lineTime = undefined
      start = end
    }
    this.pending = Buffer.from(bytes.subarray(start))
  }

  /** The container has ended: what waits is stored without newline. */
  end(now: () => bigint, store: (record: LogRecord) => void): void {
    if (this.pending.length > 0) store(this.record(this.pending, this.lineTime ?? now()))
    this.pending = Buffer.alloc(0)
    this.lineTime = undefined
  }

  private record(bytes: Buffer, time: bigint): LogRecord {
    // A copy, so that one small record does not keep the whole write it came with in memory.
    const payload = this.textOnly && !isUtf8(bytes) ? replaceInvalid(bytes) : Buffer.from(bytes)
    return { stream: this.stream, time, payload }
  }
}

const REPLACEMENT = Buffer.from("\ufffd")

/** As Go writes JSON: every single byte that starts no valid sequence is replaced by itself. */
const replaceInvalid = (bytes: Buffer): Buffer => {
  const parts: Array<Buffer> = []
  for (let i = 0; i < bytes.length;) {
    const length = sequenceLength(bytes[i] ?? 0)
    const sequence = bytes.subarray(i, i + length)
    const valid = sequence.length === length && isUtf8(sequence)
    parts.push(valid ? sequence : REPLACEMENT)
    i += valid ? length : 1
  }
  return Buffer.concat(parts)
}

const sequenceLength = (first: number): number => (first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4)

/** Where a log has come to, over all the streams it was read from: what to ask the next one for. A plain state machine. */
import type { LogGap } from "../log/LogGap.ts"
import * as LogCursor from "../log/LogCursor.ts"
import type { Resume } from "../link/LinkMessage.ts"

/** A gap that counts: its mark has come. */
export interface ToldGap {
  readonly gap: LogGap
  /** Bytes came since the last mark whose record will never be whole: what comes now begins another one. */
  readonly torn: boolean
}

export class LogPlace {
  /** Of the last mark; before the first, what the user gave. */
  #cursor: Uint8Array | string | undefined
  /** Bytes after it that the user had before this answer began. */
  #brought: number
  /** Bytes after it, of all streams of this answer. */
  #since = 0
  /** Bytes of the stream that is read now. */
  #received = 0
  #gap: LogGap | undefined

  /** Before the first byte of a log, or where its user wants it to go on. */
  constructor(resume: Resume | undefined) {
    this.#cursor = resume?.cursor
    this.#brought = resume?.received ?? 0
  }

  /** What the next stream is to be asked for; undefined = the log as it was asked for first. */
  get resume(): Resume | undefined {
    if (this.#cursor === undefined) return undefined
    const cursor = typeof this.#cursor === "string" ? this.#cursor : LogCursor.toText(this.#cursor)
    return { cursor, received: this.#brought + this.#since }
  }

  /** Whether nothing has come since the last mark, or at all: here alone may a word of the proxy stand between the bytes. */
  get isClean(): boolean {
    return this.#brought + this.#since === 0
  }

  /** The last mark's cursor, where it is clean. */
  get here(): string | undefined {
    return this.isClean ? this.resume?.cursor : undefined
  }

  /** Whether bytes came that no mark stands before: where they end cannot be told to anyone. */
  get isLost(): boolean {
    return this.#cursor === undefined && this.#since > 0
  }

  /** Whether this answer may have stopped within a record. */
  get isTorn(): boolean {
    return this.#since > 0
  }

  /** A stream begins that goes on where the last one was lost. A gap without its mark was not told. */
  begin(): void {
    this.#received = 0
    this.#gap = undefined
  }

  data(bytes: number): void {
    this.#received += bytes
    this.#since += bytes
  }

  gap(gap: LogGap): void {
    this.#gap = gap
  }

  /** Everything up to `offset` of this stream is behind the cursor; gives the gap that this is the other side of. */
  mark(offset: number, cursor: Uint8Array): ToldGap | undefined {
    const gap = this.#gap
    // Live, a source ends a record before it tells a gap; only what another stream began can stay unfinished.
    const torn = this.#received === 0 && this.#since > 0
    this.#cursor = cursor
    this.#brought = 0
    this.#since = this.#received - offset
    this.#gap = undefined
    return gap && { gap, torn }
  }
}

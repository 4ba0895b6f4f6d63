/** The reading end of a stream between its multiplexer and whoever reads it: keeps what comes before there is a reader. */
import { LinkBacklog } from "./LinkBacklog.ts"
import type { LinkLost } from "./LinkLost.ts"
import type { End, Head } from "./LinkMessage.ts"
import type { StreamHandlers, StreamReader } from "./LinkStream.ts"
import type { ProxyMuxStream, ProxyStreamEvents } from "../mux/ProxyMuxStream.ts"
import * as LogGap from "../log/LogGap.ts"
import type { StreamError } from "./StreamError.ts"

type Result = End | StreamError | LinkLost

interface Mark {
  readonly offset: number
  readonly cursor: Uint8Array
}

/** A gap that came early: what came before it, and the mark that came behind it. */
interface EarlyGap {
  readonly pieces: Array<Uint8Array>
  readonly mark: Mark | null
  gap: LogGap.LogGap
  behind: Mark | null
}

/** Gaps told apart that came before there was a reader; what comes beyond is told with the last of them. */
export const MAX_EARLY_GAPS = 16

export class LinkReader implements StreamReader, ProxyStreamEvents {
  readonly #opened: (instead: Result | null) => void
  readonly #now: () => number
  #stream: ProxyMuxStream | null = null
  #head: Head | null = null
  #handlers: StreamHandlers | null = null
  /** Bytes that came before the reader are being handed over; whatever else comes waits behind them. */
  #catchingUp = true
  readonly #early = new LinkBacklog()
  /** The place before the first byte: told after the bytes it would not be a place to write words at any more. */
  #openingMark: Mark | null = null
  #earlyMark: Mark | null = null
  #earlyGaps: Array<EarlyGap> = []
  #result: Result | null = null

  /** `opened` is called once: with null when HEAD has come, else with what came instead. */
  constructor(now: () => number, opened: (instead: Result | null) => void) {
    this.#now = now
    this.#opened = opened
  }

  /** The stream this reads; to be given before any of its frames come. */
  attach(stream: ProxyMuxStream): void {
    this.#stream = stream
  }

  get head(): Head {
    if (this.#head === null) throw new Error("the stream has no HEAD yet")
    return this.#head
  }

  readonly start = (handlers: StreamHandlers): void => {
    this.#handlers = handlers
    handOver(handlers, [], this.#openingMark)
    for (const { behind, gap, mark, pieces } of this.#earlyGaps) {
      handOver(handlers, pieces, mark)
      handlers.onGap?.(gap)
      handOver(handlers, [], behind)
    }
    handOver(handlers, this.#early.takeAll(), this.#earlyMark)
    this.#earlyGaps = []
    this.#earlyMark = null
    this.#catchingUp = false
    if (this.#result !== null) handlers.onEnd(this.#result)
  }

  readonly consumed = (bytes: number): void => this.#stream?.consumed(bytes, this.#now())

  readonly onHead = (head: Head): void => {
    this.#head = head
    this.#opened(null)
  }

  readonly onData = (bytes: Uint8Array): void => {
    if (this.#handlers === null) this.#early.push(bytes)
    else this.#handlers.onData(bytes)
  }

  readonly onMark = (offset: number, cursor: Uint8Array): void => {
    if (this.#handlers !== null) return this.#handlers.onMark?.(offset, cursor)
    const last = this.#earlyGaps.at(-1)
    if (last === undefined && this.#early.isEmpty) this.#openingMark = { offset, cursor }
    else if (last !== undefined && last.behind === null) last.behind = { offset, cursor }
    else this.#earlyMark = { offset, cursor }
  }

  readonly onGap = (gap: LogGap.LogGap): void => {
    if (this.#handlers !== null) return this.#handlers.onGap?.(gap)
    const last = this.#earlyGaps.at(-1)
    if (last !== undefined && this.#earlyGaps.length >= MAX_EARLY_GAPS) {
      last.gap = LogGap.merge(last.gap, gap)
      return
    }
    this.#earlyGaps.push({ pieces: this.#early.takeAll(), mark: this.#earlyMark, gap, behind: null })
    this.#earlyMark = null
  }

  readonly onEnd = (result: Result): void => {
    this.#result = result
    if (this.#head === null) this.#opened(result)
    else if (!this.#catchingUp) this.#handlers?.onEnd(result)
  }

  /** Nobody reads on: cancels what is still open and gives its credit back to the process. */
  close(why: StreamError): void {
    this.#stream?.cancel(why)
    this.#stream?.release()
    this.#stream = null
  }
}

const handOver = (handlers: StreamHandlers, pieces: ReadonlyArray<Uint8Array>, mark: Mark | null): void => {
  for (const bytes of pieces) handlers.onData(bytes)
  if (mark !== null) handlers.onMark?.(mark.offset, mark.cursor)
}

/** One stream as the proxy's multiplexer has it: what has come, and how much more may. */
import type { CreditWindow } from "./CreditWindow.ts"
import * as Frame from "../link/Frame.ts"
import { FrameType } from "../link/FrameType.ts"
import type { LinkLost } from "../link/LinkLost.ts"
import { End, Head } from "../link/LinkMessage.ts"
import { LogGap } from "../log/LogGap.ts"
import { codeOf, reasonOf, StreamError } from "../link/StreamError.ts"

export interface ProxyStreamEvents {
  readonly onHead: (head: Head) => void
  /** A view into the frame; the frame is the receiver's from here on. */
  readonly onData: (bytes: Uint8Array) => void
  readonly onMark: (offset: number, cursor: Uint8Array) => void
  readonly onGap: (gap: LogGap) => void
  /** Called exactly once, last of all. */
  readonly onEnd: (result: End | StreamError | LinkLost) => void
}

/** Where a stream tells what it wants. */
export interface ProxyMuxLines {
  /** It has an OPEN, CREDIT or RESET to send. */
  readonly urgent: (stream: ProxyMuxStream) => void
  /** It is closed. */
  readonly forget: (stream: ProxyMuxStream) => void
  readonly rttMs: () => number | null
}

export class ProxyMuxStream {
  readonly id: number
  readonly #events: ProxyStreamEvents
  readonly #window: CreditWindow
  readonly #lines: ProxyMuxLines
  /** The request until OPEN has been given out. */
  #request: Uint8Array | null
  #headSeen = false
  #markOffset = 0
  #gapOffset = -1
  /** A gap was told, and not yet the mark behind it. */
  #gapOpen = false
  #closed = false
  #creditDue = false
  #reset: Uint8Array | null = null

  constructor(id: number, request: Uint8Array, window: CreditWindow, events: ProxyStreamEvents, lines: ProxyMuxLines) {
    this.id = id
    this.#request = request
    this.#window = window
    this.#events = events
    this.#lines = lines
  }

  /** Whether the source can know of it. */
  get opened(): boolean {
    return this.#request === null
  }

  /** Bytes have left towards the user. */
  consumed(bytes: number, now: number): void {
    const due = this.#window.consume(bytes, now, this.#lines.rttMs())
    if (!due || this.#creditDue || this.#closed) return
    this.#creditDue = true
    this.#lines.urgent(this)
  }

  /** Nobody wants the rest: the source is told if it knows of the stream, and the reader hears why. Does nothing once the stream is closed. */
  cancel(why: StreamError): void {
    if (this.#closed) return
    if (this.opened) this.#reset = Frame.reset(this.id, codeOf(why.reason), why.detail)
    this.close(why)
    if (this.#reset !== null) this.#lines.urgent(this)
  }

  /** Gives the credit back that the process lent; once the reader needs none of the bytes any more. */
  release(): void {
    this.#window.release()
  }

  /** Closes without a word to the source. */
  close(result: End | StreamError | LinkLost): void {
    if (this.#closed) return
    this.#closed = true
    this.#creditDue = false
    this.#lines.forget(this)
    this.#events.onEnd(result)
  }

  /** The next frame to send; undefined = none. */
  next(): Uint8Array | undefined {
    if (this.#reset !== null) {
      const reset = this.#reset
      this.#reset = null
      return reset
    }
    if (this.#closed) return undefined
    if (this.#request !== null) {
      const open = Frame.open(this.id, this.#window.grant(), this.#request)
      this.#request = null
      return open
    }
    if (!this.#creditDue) return undefined
    this.#creditDue = false
    return Frame.credit(this.id, this.#window.grant())
  }

  /** Handles a frame of the source; throws FrameError. */
  receive(type: number, frame: Uint8Array): void {
    switch (type) {
      case FrameType.data:
        return this.#data(frame)
      case FrameType.head:
        return this.#head(frame)
      case FrameType.mark:
        return this.#mark(frame)
      case FrameType.gap:
        return this.#gap(frame)
      case FrameType.end:
        this.#afterHead("END")
        this.#afterGap("END")
        return this.close(Frame.readJson(FrameType.end, End, Frame.payloadOf(frame)))
      case FrameType.reset: {
        const { code, text } = Frame.readReset(frame)
        return this.close(new StreamError({ reason: reasonOf(code), detail: text }))
      }
    }
  }

  #head(frame: Uint8Array): void {
    if (this.#headSeen) throw Frame.violation(`a second HEAD on stream ${this.id}`)
    this.#headSeen = true
    this.#events.onHead(Frame.readJson(FrameType.head, Head, Frame.payloadOf(frame)))
  }

  #data(frame: Uint8Array): void {
    this.#afterHead("DATA")
    if (this.#gapOpen) this.#afterGap("DATA")
    const bytes = Frame.payloadOf(frame)
    if (this.#window.receive(bytes.length)) return this.#events.onData(bytes)
    this.cancel(new StreamError({ reason: "flow-control", detail: "the source sent more than its credit" }))
  }

  #mark(frame: Uint8Array): void {
    this.#afterHead("MARK")
    const offset = Frame.readOffset(frame)
    if (offset > this.#window.received || offset < this.#markOffset)
      throw Frame.violation(
        `MARK on stream ${this.id} at offset ${offset}, which is not between the last one and what was sent`,
      )
    if (this.#gapOpen && offset !== this.#gapOffset)
      throw Frame.violation(`MARK on stream ${this.id} at offset ${offset}, which is not that of the GAP before it`)
    this.#gapOpen = false
    this.#markOffset = offset
    this.#events.onMark(offset, Frame.afterOffset(frame))
  }

  #gap(frame: Uint8Array): void {
    this.#afterHead("GAP")
    if (this.#window.received === this.#gapOffset)
      throw Frame.violation(`a second GAP on stream ${this.id} without DATA after the first`)
    this.#gapOffset = this.#window.received
    this.#gapOpen = true
    this.#events.onGap(Frame.readJson(FrameType.gap, LogGap, Frame.payloadOf(frame)))
  }

  #afterGap(name: string): void {
    if (this.#gapOpen) throw Frame.violation(`${name} on stream ${this.id} after a GAP, without the MARK behind it`)
  }

  #afterHead(name: string): void {
    if (!this.#headSeen) throw Frame.violation(`${name} before HEAD on stream ${this.id}`)
  }
}

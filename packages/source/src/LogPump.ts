/** From the engine's socket to the link's writer: renders, gathers, and holds the socket while there is no room. Plain callbacks, no Effect. */
import type { End, Head } from "@rdl/core/link/LinkMessage"
import type { StreamWriter } from "@rdl/core/link/LinkSession"
import { PIECE_ROOM } from "@rdl/core/log/LogOutput"
import type { LogRenderer } from "@rdl/core/log/LogRenderer"
import type { StreamError } from "@rdl/core/link/StreamError"
import { Coalescer } from "./Coalescer.ts"
import type { BodySink, Flow } from "./EngineStream.ts"

/** How long a log may be silent before the format's own sign of life goes out, in milliseconds. */
export const KEEP_ALIVE_MS = 15_000

export interface PumpOptions {
  readonly renderer: LogRenderer
  readonly tty: boolean
  readonly writer: StreamWriter
  /** Called at most once: what the engine sent makes no sense, and nothing more is written. */
  readonly onFailure: (error: StreamError) => void
}

export class LogPump implements BodySink {
  private readonly options: PumpOptions
  private readonly coalescer = new Coalescer()
  private flow: Flow | undefined
  private timer: NodeJS.Timeout | undefined
  private readonly keepAlive: NodeJS.Timeout
  private blocked = false
  private over = false
  private failure: StreamError | undefined
  /** The time of the bytes being handled; asked once for each read of the socket. */
  private now = performance.now()
  private fresh = false
  private silentSince = performance.now()
  private bytesRead = 0

  constructor(options: PumpOptions) {
    this.options = options
    this.keepAlive = setInterval(() => this.beat(), KEEP_ALIVE_MS / 3)
  }

  /** Whether the engine's headers have come. */
  opened(): boolean {
    return this.flow !== undefined
  }

  /** Bytes of the log the engine has sent. */
  received(): number {
    return this.bytesRead
  }

  /** For how many milliseconds there was room and yet nothing came. */
  quietMs(): number {
    return this.blocked || this.flow === undefined ? 0 : performance.now() - this.silentSince
  }

  onOpen(flow: Flow): void {
    this.flow = flow
    this.silentSince = performance.now()
    const head: Head = { contentType: this.options.renderer.contentType, tty: this.options.tty }
    this.options.writer.head(head)
  }

  onData(slice: Uint8Array): void {
    if (this.over) return
    if (!this.fresh) {
      this.now = performance.now()
      this.fresh = true
    }
    this.bytesRead += slice.length
    const failure = this.options.renderer.push(slice, this.write)
    if (failure !== undefined) this.fail(failure)
  }

  onSettled(): void {
    this.fresh = false
    this.silentSince = this.now
    if (this.options.renderer.held() > 0) this.coalescer.added(this.now)
    this.settle(this.now)
  }

  /** The log is at its end: writes what is left, and how it ended where the format tells. */
  end(reason: End["reason"]): StreamError | undefined {
    if (this.over) return this.failure
    const failure = this.options.renderer.end(reason, this.write)
    this.stop()
    return failure
  }

  /** Writes what is good of a log that broke off. */
  breakOff(): void {
    if (!this.over) this.flush(performance.now())
    this.stop()
  }

  /** Nothing is written any more. */
  stop(): void {
    this.over = true
    clearTimeout(this.timer)
    clearInterval(this.keepAlive)
  }

  private fail(failure: StreamError): void {
    this.failure = failure
    this.breakOff()
    this.options.onFailure(failure)
  }

  /** Writes what is due, and comes back for what will be. While there is no room, what is held stays held. */
  private settle(now: number): void {
    if (this.over || this.blocked) return
    const due = this.coalescer.due()
    if (due <= now) this.flush(now)
    else if (due < Number.POSITIVE_INFINITY && this.timer === undefined)
      this.timer = setTimeout(
        () => {
          this.timer = undefined
          this.settle(performance.now())
        },
        Math.ceil(due - now),
      )
  }

  private flush(now: number): void {
    this.now = now
    this.options.renderer.flush(this.write)
  }

  /** Takes a piece as the renderer emits it. */
  private readonly write = (piece: Uint8Array): void => {
    this.coalescer.left(this.now)
    if (this.options.writer.write(piece, PIECE_ROOM) || this.blocked || this.over) return
    this.blocked = true
    this.flow?.pause()
    this.options.writer.onWritable(() => {
      this.blocked = false
      this.silentSince = performance.now()
      if (this.over) return
      this.settle(this.silentSince)
      if (!this.blocked) this.flow?.resume()
    })
  }

  private beat(): void {
    if (this.quietMs() < KEEP_ALIVE_MS - KEEP_ALIVE_MS / 3) return
    this.now = performance.now()
    this.silentSince = this.now
    this.options.renderer.keepAlive(this.write)
  }
}

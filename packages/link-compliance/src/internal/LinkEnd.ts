/** One end of a link as the cases hold it: a Link that remembers how it ended and, if asked to record, all that came. */
import type { Link, LinkClosed, LinkHandlers } from "@rdl/core/link/Link"
import { MAX_BUFFERED } from "@rdl/core/link/LinkLimits"
import { Effect } from "effect"

export class LinkEnd implements Link {
  readonly transport: string
  readonly frames: Array<Uint8Array> = []
  readonly closes: Array<LinkClosed> = []
  /** What `buffered()` was at each drain. */
  readonly drains: Array<number> = []
  /** Frames that came after the end was told. */
  late = 0
  /** Bytes given to `send`. */
  sent = 0
  /** The most that `buffered()` was after a `send`. */
  peak = 0
  /** Called with the end. */
  onGone: () => void = () => undefined
  #started = false
  #onDrain: () => void = () => undefined
  readonly #link: Link

  constructor(link: Link) {
    this.#link = link
    this.transport = link.transport
  }

  get started(): boolean {
    return this.#started
  }

  readonly start = (handlers: LinkHandlers): void => {
    this.#started = true
    this.#link.start({
      onFrame: (frame) => {
        if (this.closes.length > 0) this.late += 1
        handlers.onFrame(frame)
      },
      onDrain: () => {
        this.drains.push(this.buffered())
        handlers.onDrain()
      },
      onClose: (closed) => {
        this.closes.push(closed)
        handlers.onClose(closed)
        this.#onDrain()
        this.onGone()
      },
    })
  }

  /** Starts with a receiver that keeps every frame. */
  readonly record = (): this => {
    this.start({
      onFrame: (frame) => void this.frames.push(frame),
      onDrain: () => this.#onDrain(),
      onClose: () => undefined,
    })
    return this
  }

  readonly send = (frame: Uint8Array): void => {
    this.sent += frame.length
    this.#link.send(frame)
    this.peak = Math.max(this.peak, this.buffered())
  }

  readonly buffered = (): number => this.#link.buffered()
  readonly close = (code: number, reason: string): void => this.#link.close(code, reason)
  readonly destroy = (reason: string): void => this.#link.destroy(reason)

  /** Sends as a sender must: stops above 256 KiB and goes on at the drain. Returns when all is given away, or the link has ended. */
  readonly sendAll = (frames: Iterable<Uint8Array>): Effect.Effect<void> =>
    Effect.async<void>((resume) => {
      const rest = frames[Symbol.iterator]()
      const more = (): void => {
        while (this.buffered() <= MAX_BUFFERED && this.closes.length === 0) {
          const next = rest.next()
          if (next.done === true) return done()
          this.send(next.value)
        }
        if (this.closes.length > 0) done()
      }
      const done = (): void => {
        this.#onDrain = () => undefined
        resume(Effect.void)
      }
      this.#onDrain = more
      more()
    })
}

/** The receiving half of a link: hands frames to the receiver, keeps those that came before it, and tells the end once. */
import type { LinkClosed, LinkHandlers } from "@rdl/core/link/Link"

/** At this many bytes held for a receiver that has not come, its transport must take no further batch. */
const FULL = 512 * 1024
/** What a held frame costs beside its bytes, so that empty ones count too. */
const FRAME_COST = 128

export class Inbox {
  #handlers: LinkHandlers | undefined
  #held: Array<Uint8Array> = []
  #heldBytes = 0
  #closed: LinkClosed | undefined
  #told = false

  /** True until there is a receiver, once half of what may be read ahead is held. */
  get isFull(): boolean {
    return this.#heldBytes >= FULL
  }

  get closed(): LinkClosed | undefined {
    return this.#closed
  }

  start(handlers: LinkHandlers): void {
    const held = this.#held
    this.#held = []
    this.#heldBytes = 0
    this.#handlers = handlers
    for (const frame of held) {
      if (this.#closed !== undefined && !this.#closed.clean) break
      handlers.onFrame(frame)
    }
    this.#tell()
  }

  deliver(frame: Uint8Array): void {
    if (this.#closed !== undefined) return
    if (this.#handlers !== undefined) return this.#handlers.onFrame(frame)
    this.#held.push(frame)
    this.#heldBytes += frame.length + FRAME_COST
  }

  drained(): void {
    if (this.#closed === undefined) this.#handlers?.onDrain()
  }

  /** The first call counts. The receiver hears of it after the current call stack: `destroy` is safe anywhere. */
  close(closed: LinkClosed): void {
    if (this.#closed !== undefined) return
    this.#closed = closed
    queueMicrotask(() => this.#tell())
  }

  #tell(): void {
    if (this.#told || this.#closed === undefined || this.#handlers === undefined) return
    this.#told = true
    this.#handlers.onClose(this.#closed)
  }
}

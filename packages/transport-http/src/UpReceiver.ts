/** The proxy's receiving half, without I/O: takes batches in any order and any number of times, and passes each frame on once, in order. */
import { WINDOW } from "./HttpWire.ts"

/** What becomes of a batch: `ack` frames have come in all, or it is too far ahead. */
export type Verdict = { readonly ack: number } | { readonly expected: number }

interface Waiting {
  readonly seq: number
  readonly frames: ReadonlyArray<Uint8Array>
  readonly done: (verdict: Verdict) => void
}

export class UpReceiver {
  readonly #deliver: (frame: Uint8Array) => void
  readonly #isFull: () => boolean
  #next = 0
  #waiting: Array<Waiting> = []

  /** Nothing is passed on while `isFull`. */
  constructor(deliver: (frame: Uint8Array) => void, isFull: () => boolean) {
    this.#deliver = deliver
    this.#isFull = isFull
  }

  /** Frames passed on so far; the number of the one that must come next. */
  get next(): number {
    return this.#next
  }

  /** `done` is called once, when the batch has been passed on whole; at once for a duplicate and for one too far ahead. */
  offer(seq: number, frames: ReadonlyArray<Uint8Array>, done: (verdict: Verdict) => void): void {
    if (seq + frames.length <= this.#next) return done({ ack: this.#next })
    // A second attempt: whoever waited for the first has given up.
    const before = this.#waiting.findIndex((waiting) => waiting.seq === seq)
    if (before >= 0) this.#waiting.splice(before, 1)[0]?.done({ expected: this.#next })
    if (this.#waiting.length >= WINDOW && seq > this.#next) return done({ expected: this.#next })
    this.#waiting.push({ seq, frames, done })
    this.advance()
    // One that is due never finds the window full of later ones.
    if (this.#waiting.length > WINDOW) this.#waiting.shift()?.done({ expected: this.#next })
  }

  /** Passes on what is due; to be called again when `isFull` has changed. */
  advance(): void {
    for (;;) {
      const at = this.#waiting.findIndex((waiting) => waiting.seq <= this.#next)
      if (at < 0 || this.#isFull()) return
      const [due] = this.#waiting.splice(at, 1)
      if (due === undefined) return
      // Counted before it is passed on: the receiver may end the link in the middle of it.
      const fresh = due.frames.slice(Math.min(this.#next - due.seq, due.frames.length))
      this.#next += fresh.length
      for (const frame of fresh) this.#deliver(frame)
      due.done({ ack: this.#next })
    }
  }

  /** Drops what waits; its requests are answered by whoever ends the session. */
  clear(): void {
    this.#waiting = []
  }
}

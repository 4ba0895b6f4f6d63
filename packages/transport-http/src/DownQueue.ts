/** The proxy's sending half, without I/O: keeps frames until the source says that it has them. */
import { countWithin, type NumberedFrames } from "./FrameBatch.ts"
import { BATCH_BYTES } from "./HttpWire.ts"

export class DownQueue {
  #frames: Array<Uint8Array> = []
  #first = 0
  #bytes = 0

  /** Bytes that the source has not acknowledged. */
  get bytes(): number {
    return this.#bytes
  }

  /** Number of the oldest frame that is kept. */
  get first(): number {
    return this.#first
  }

  get isEmpty(): boolean {
    return this.#frames.length === 0
  }

  push(frame: Uint8Array): void {
    this.#frames.push(frame)
    this.#bytes += frame.length
  }

  /** The source has all frames below `ack`. False = that is a number it cannot have: of frames dropped already, or never sent. */
  acknowledge(ack: number): boolean {
    if (ack < this.#first || ack > this.#first + this.#frames.length) return false
    for (const frame of this.#frames.splice(0, ack - this.#first)) this.#bytes -= frame.length
    this.#first = ack
    return true
  }

  /** The oldest frames, as many as one answer holds; they stay. */
  batch(): NumberedFrames {
    return { first: this.#first, frames: this.#frames.slice(0, countWithin(this.#frames, 0, BATCH_BYTES)) }
  }

  clear(): void {
    this.#frames = []
    this.#bytes = 0
  }
}

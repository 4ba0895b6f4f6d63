/** Bytes on their way into DATA frames, in the buffers they were given in. */
import { WRITE_COST } from "./LinkLimits.ts"

/** First in, first out; bounded by whoever minds `cost`. */
export class MuxQueue {
  #chunks: Array<Uint8Array> = []
  #first = 0
  /** Bytes of the first chunk that are gone already. */
  #taken = 0
  #bytes = 0

  get bytes(): number {
    return this.#bytes
  }

  /** Bytes, and 64 more for each write that is still here. */
  get cost(): number {
    return this.#bytes + (this.#chunks.length - this.#first) * WRITE_COST
  }

  /** Takes the buffer. */
  push(bytes: Uint8Array): void {
    if (bytes.length === 0) return
    this.#chunks.push(bytes)
    this.#bytes += bytes.length
  }

  /** Moves the next `length` bytes into `target`; the one copy they go through. */
  moveInto(target: Uint8Array, at: number, length: number): void {
    const end = at + length
    while (at < end) {
      const chunk = this.#chunks[this.#first]!
      const part = chunk.subarray(this.#taken, this.#taken + end - at)
      target.set(part, at)
      at += part.length
      this.#taken += part.length
      if (this.#taken === chunk.length) this.#drop()
    }
    this.#bytes -= length
  }

  clear(): void {
    this.#chunks = []
    this.#first = this.#taken = this.#bytes = 0
  }

  /** Lets go of the first chunk; the array is packed now and then, because each shift of a long one would move it whole. */
  #drop(): void {
    this.#chunks[this.#first++] = nothing
    this.#taken = 0
    if (this.#first === this.#chunks.length || this.#first === 1024) {
      this.#chunks = this.#chunks.slice(this.#first)
      this.#first = 0
    }
  }
}

const nothing = new Uint8Array(0)

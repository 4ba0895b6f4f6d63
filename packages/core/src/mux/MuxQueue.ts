/** Bytes on their way into DATA frames, in the buffers they were given in. */
import { HEADER_BYTES } from "../link/Frame.ts"
import { WRITE_COST } from "../link/LinkLimits.ts"

/** A write of so many bytes, with room for a header before them, becomes a frame where it is; shorter ones are gathered. */
export const IN_PLACE_BYTES = 16 * 1024

/** First in, first out; bounded by whoever minds `cost`. */
export class MuxQueue {
  #writes: Array<Write> = []
  #first = 0
  /** Bytes of the first write that are gone already. */
  #taken = 0
  #bytes = 0

  get bytes(): number {
    return this.#bytes
  }

  /** Bytes, and 64 more for each write that is still here. */
  get cost(): number {
    return this.#bytes + (this.#writes.length - this.#first) * WRITE_COST
  }

  /** Takes the bytes, and the `room` before them in their buffer. */
  push(bytes: Uint8Array, room = 0): void {
    if (bytes.length === 0) return
    this.#writes.push({ bytes, hasRoom: room >= HEADER_BYTES })
    this.#bytes += bytes.length
  }

  /** The next bytes, some but at most `most`, behind HEADER_BYTES that are the caller's to fill. The queue must not be empty. */
  take(most: number): Uint8Array {
    const { bytes, hasRoom } = this.#writes[this.#first]!
    if (!hasRoom || this.#taken > 0 || (bytes.length < IN_PLACE_BYTES && bytes.length < this.#bytes))
      return this.#gather(Math.min(most, this.#gatherable(most)))
    const length = Math.min(most, bytes.length)
    this.#pass(length)
    return new Uint8Array(bytes.buffer, bytes.byteOffset - HEADER_BYTES, HEADER_BYTES + length)
  }

  clear(): void {
    this.#writes = []
    this.#first = this.#taken = this.#bytes = 0
  }

  /** Bytes before the next write that needs no copy; where that is further than `most`, not less than it. */
  #gatherable(most: number): number {
    let length = this.#writes[this.#first]!.bytes.length - this.#taken
    for (let next = this.#first + 1; next < this.#writes.length && length < most; next++) {
      const { bytes, hasRoom } = this.#writes[next]!
      if (hasRoom && bytes.length >= IN_PLACE_BYTES) break
      length += bytes.length
    }
    return length
  }

  /** The one copy that bytes go through. */
  #gather(length: number): Uint8Array {
    const target = new Uint8Array(HEADER_BYTES + length)
    let at = HEADER_BYTES
    while (at < target.length) {
      const part = this.#writes[this.#first]!.bytes.subarray(this.#taken, this.#taken + target.length - at)
      target.set(part, at)
      at += part.length
      this.#pass(part.length)
    }
    return target
  }

  /** Lets go of bytes of the first write, and of that with its last; the array is packed now and then, because each shift of a long one would move it whole. */
  #pass(length: number): void {
    this.#bytes -= length
    this.#taken += length
    if (this.#taken < this.#writes[this.#first]!.bytes.length) return
    this.#writes[this.#first++] = nothing
    this.#taken = 0
    if (this.#first === this.#writes.length || this.#first === 1024) {
      this.#writes = this.#writes.slice(this.#first)
      this.#first = 0
    }
  }
}

interface Write {
  readonly bytes: Uint8Array
  readonly hasRoom: boolean
}

const nothing: Write = { bytes: new Uint8Array(0), hasRoom: false }

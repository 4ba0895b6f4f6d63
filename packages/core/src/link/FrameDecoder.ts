/** Cuts a stream of bytes into frames, wherever it was split, for transports that carry bytes instead of messages (docs/protocol.md#carriage). */
import { FrameError, HEADER_BYTES } from "./Frame.ts"
import { nameOf } from "./FrameType.ts"
import { SessionCode } from "./SessionCode.ts"

/** Holds at most one unfinished frame. After it has thrown it must not be used again. */
export class FrameDecoder {
  readonly #maxPayload: number
  readonly #header = new Uint8Array(HEADER_BYTES)
  /** Null until the header of an unfinished frame is whole. */
  #frame: Uint8Array | null = null
  #filled = 0

  constructor(maxPayload: number) {
    this.#maxPayload = maxPayload
  }

  /** Hands on every frame that is whole by now: one that lies inside `bytes` as a view into it, another after one copy. Throws FrameError at a frame that says it is too long, before anything is allocated for it. */
  push(bytes: Uint8Array, onFrame: (frame: Uint8Array) => void): void {
    let at = 0
    while (at < bytes.length) {
      if (this.#filled === 0 && bytes.length - at >= HEADER_BYTES) {
        const end = at + HEADER_BYTES + this.#lengthAt(bytes, at)
        if (end <= bytes.length) {
          onFrame(bytes.subarray(at, end))
          at = end
          continue
        }
      }
      at += this.#fill(bytes, at)
      if (this.#frame !== null && this.#filled === this.#frame.length) {
        const frame = this.#frame
        this.#frame = null
        this.#filled = 0
        onFrame(frame)
      }
    }
  }

  /** Bytes of a frame that is not whole yet; where the stream ends, anything but 0 means that it was cut. */
  pending(): number {
    return this.#filled
  }

  /** Takes what the header, or else the frame, still needs; tells how much that was. */
  #fill(bytes: Uint8Array, at: number): number {
    const target = this.#frame ?? this.#header
    const taken = Math.min(target.length - this.#filled, bytes.length - at)
    target.set(bytes.subarray(at, at + taken), this.#filled)
    this.#filled += taken
    if (this.#frame === null && this.#filled === HEADER_BYTES) {
      this.#frame = new Uint8Array(HEADER_BYTES + this.#lengthAt(this.#header, 0))
      this.#frame.set(this.#header)
    }
    return taken
  }

  #lengthAt(bytes: Uint8Array, at: number): number {
    const length = new DataView(bytes.buffer, bytes.byteOffset + at, HEADER_BYTES).getUint32(8)
    if (length <= this.#maxPayload) return length
    throw new FrameError({
      code: SessionCode.frameTooLarge,
      detail: `${nameOf(bytes[at]!)} says ${length} bytes of payload, more than ${this.#maxPayload}`,
    })
  }
}

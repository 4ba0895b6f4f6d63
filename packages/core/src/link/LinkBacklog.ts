/** Bytes of a stream that wait for their reader: large pieces as views, small ones packed, so that many tiny frames take no more memory than their bytes. */

/** Pieces below this are copied into a block of four times the size. */
const SMALL = 1024

export class LinkBacklog {
  #pieces: Array<Uint8Array> = []
  /** Packs small pieces; its filled part is not among `#pieces` yet. */
  #block: Uint8Array | null = null
  #filled = 0

  get isEmpty(): boolean {
    return this.#pieces.length === 0 && this.#filled === 0
  }

  push(bytes: Uint8Array): void {
    if (bytes.length < SMALL) return this.#pack(bytes)
    this.#seal()
    this.#pieces.push(bytes)
  }

  /** Everything in its order; the backlog is empty afterwards. */
  takeAll(): Array<Uint8Array> {
    this.#seal()
    const pieces = this.#pieces
    this.#pieces = []
    this.#block = null
    return pieces
  }

  #pack(bytes: Uint8Array): void {
    if (this.#block !== null && this.#block.length - this.#filled < bytes.length) this.#seal()
    if (this.#block === null || this.#block.length < bytes.length) this.#block = new Uint8Array(4 * SMALL)
    this.#block.set(bytes, this.#filled)
    this.#filled += bytes.length
  }

  /** What was packed becomes a piece; what is left of the block goes on being filled. */
  #seal(): void {
    if (this.#block === null || this.#filled === 0) return
    this.#pieces.push(this.#block.subarray(0, this.#filled))
    this.#block = this.#block.subarray(this.#filled)
    this.#filled = 0
  }
}

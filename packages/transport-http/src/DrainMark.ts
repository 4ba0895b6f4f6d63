/** Decides when a sender that was told to wait is called back: `Link.buffered` at half of what it was, or at 0. */
import { MAX_BUFFERED } from "@rdl/core/link/LinkLimits"

export class DrainMark {
  /** What the buffer must fall to; undefined = nobody waits. */
  #at: number | undefined

  /** After bytes were added. */
  rose(buffered: number): void {
    this.#at ??= 0
    if (this.#at === 0 && buffered > MAX_BUFFERED) this.#at = buffered / 2
  }

  /** After bytes left; true = tell the sender, once. */
  fell(buffered: number): boolean {
    if (this.#at === undefined || buffered > this.#at) return false
    this.#at = buffered > 0 ? 0 : undefined
    return true
  }
}

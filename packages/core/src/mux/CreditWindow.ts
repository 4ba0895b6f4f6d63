/** The receiving end of one stream's credit (docs/protocol.md#credit): how much the source may send, and when to tell it. */
import type { CreditBudget } from "./CreditBudget.ts"
import { GREATEST_WINDOW, INITIAL_WINDOW, SMALL_WINDOW } from "../link/LinkLimits.ts"

/** Its size stays taken from the budget until `release`, because bytes may wait for their reader after the stream has ended. */
export class CreditWindow {
  readonly #budget: CreditBudget
  #size: number
  #granted: number
  #received = 0
  #consumed = 0
  /** The window being timed: from which offset, since when. */
  #timedFrom = 0
  #timedSince: number | null = null

  constructor(budget: CreditBudget, size: number) {
    this.#budget = budget
    this.#size = size
    this.#granted = size
  }

  /** Bytes that may wait here at once. */
  get size(): number {
    return this.#size
  }

  /** Bytes that came so far. */
  get received(): number {
    return this.#received
  }

  /** Counts what came; false where it is more than was granted. */
  receive(bytes: number): boolean {
    this.#received += bytes
    if (this.#received === this.#granted) this.#budget.usedUp()
    return this.#received <= this.#granted
  }

  /** Counts what left, at most what came; true once the source should be told. `rttMs` null = not known yet. */
  consume(bytes: number, now: number, rttMs: number | null): boolean {
    this.#timedSince ??= now
    this.#consumed = Math.min(this.#consumed + Math.max(bytes, 0), this.#received)
    if (this.#consumed - this.#timedFrom >= this.#size) {
      if (rttMs !== null && now - this.#timedSince < 2 * rttMs) this.#grow()
      this.#timedFrom = this.#consumed
      this.#timedSince = now
    }
    return this.#consumed + this.#size - this.#granted >= this.#size / 2
  }

  /** The absolute credit to tell the source now; from here on it may be used. */
  grant(): number {
    this.#granted = this.#consumed + this.#size
    return this.#granted
  }

  /** Gives everything back to the budget; once or more often. */
  release(): void {
    this.#budget.give(this.#size)
    this.#size = 0
  }

  #grow(): void {
    if (this.#size >= GREATEST_WINDOW || this.#size === 0) return
    const more = Math.min(this.#size, GREATEST_WINDOW - this.#size)
    if (this.#budget.take(more, this.#budget.reserve)) this.#size += more
  }
}

/** A window of 256 KiB, of 32 KiB where the budget is short, null where not even that is left. */
export const openWindow = (budget: CreditBudget): CreditWindow | null => {
  if (budget.take(INITIAL_WINDOW, budget.reserve)) return new CreditWindow(budget, INITIAL_WINDOW)
  if (budget.take(SMALL_WINDOW, 0)) return new CreditWindow(budget, SMALL_WINDOW)
  return null
}

/** What all sources of a process have counted, as they told it: sums that only grow, whatever one of them says. */
import type { Tally } from "./LinkMessage.ts"

/** What one link may add in a millisecond, of each count: more than the fastest source goes through. */
export const MAX_PER_MS = 10_000

/** Counts since the process began. */
export type Totals = { readonly [Count in keyof Tally]: number }

export class SourceTallies {
  readonly #totals = { lines: 0, parks: 0, creditWaits: 0, fallbacks: 0, withheldLines: 0 }

  get totals(): Totals {
    return this.#totals
  }

  /** What one link tells; `now` is its time in milliseconds, of a clock that does not go back. */
  readonly link = (since: number): ((tally: Tally, now: number) => void) => {
    let last = since
    return (tally, now) => {
      const most = Math.floor((now - last) * MAX_PER_MS)
      last = now
      for (const count of COUNTS) this.#add(count, Math.min(tally[count], most))
    }
  }

  #add(count: keyof Tally, more: number): void {
    this.#totals[count] = Math.min(this.#totals[count] + more, Number.MAX_SAFE_INTEGER)
  }
}

const COUNTS = ["lines", "parks", "creditWaits", "fallbacks", "withheldLines"] as const

/** Those of sessions that are given no others. */
export const processTallies = new SourceTallies()

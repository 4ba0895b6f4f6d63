/** Token buckets, one a key, in a table that cannot grow: how often something may be done. Plain state, no timers. */

export interface Rate {
  /** Refilled so many times a second. */
  readonly perSecond: number
  /** May be done at once after a pause; at least 1. */
  readonly burst: number
}

/** Keys remembered at a time; the one not used for longest is forgotten, and begins anew with a full bucket. */
export const MAX_KEYS = 10_000

interface Bucket {
  left: number
  at: number
}

export class RateLimit {
  readonly #rate: Rate
  readonly #now: () => number
  /** In the order of their last use. */
  readonly #buckets = new Map<string, Bucket>()

  /** The clock tells milliseconds and never goes back. */
  constructor(rate: Rate, now: () => number = () => performance.now()) {
    this.#rate = rate
    this.#now = now
  }

  /** Milliseconds until `take` would be granted; 0 = now. Changes nothing. */
  wait(key: string): number {
    const bucket = this.#buckets.get(key)
    return bucket === undefined ? 0 : this.#waitFor(this.#leftIn(bucket, this.#now()))
  }

  /** Takes one away where there is one, and tells as `wait` does; a refusal takes nothing. */
  take(key: string): number {
    const now = this.#now()
    const known = this.#buckets.get(key)
    const left = known === undefined ? this.#rate.burst : this.#leftIn(known, now)
    const wait = this.#waitFor(left)
    this.#buckets.delete(key)
    this.#buckets.set(key, wait > 0 && known !== undefined ? known : { left: left - 1, at: now })
    this.#forget()
    return wait
  }

  /** Keys that are remembered. */
  get size(): number {
    return this.#buckets.size
  }

  #leftIn({ at, left }: Bucket, now: number): number {
    return Math.min(this.#rate.burst, left + ((now - at) / 1000) * this.#rate.perSecond)
  }

  #waitFor(left: number): number {
    return left >= 1 - 1e-9 ? 0 : Math.max(1, Math.ceil(((1 - left) * 1000) / this.#rate.perSecond - 1e-6))
  }

  #forget(): void {
    for (const oldest of this.#buckets.keys()) {
      if (this.#buckets.size <= MAX_KEYS) return
      this.#buckets.delete(oldest)
    }
  }
}

/** Decides when gathered bytes leave, so that small pieces become large ones and yet a lone line does not wait: a state machine that is told the time. */

/** The longest a byte waits while more keeps coming, in milliseconds: with a late timer it has left after 5 all the same. */
export const MAX_LINGER_MS = 3
/** Where nothing came and nothing left for so long, in milliseconds, nothing waits. */
export const QUIET_MS = 2

/**
 * Bytes wait only behind bytes: after a quiet time they are due at once; under load they leave when they fill a piece,
 * when nothing more has come for `QUIET_MS`, or when the first of them is `MAX_LINGER_MS` old. Times are milliseconds of
 * any clock that does not go back.
 */
export class Coalescer {
  private holds = false
  private firstAt = 0
  private lastAt = 0
  private leftAt = Number.NEGATIVE_INFINITY

  /** Bytes came, and some wait now. */
  added(now: number): void {
    if (!this.holds) this.firstAt = now
    this.holds = true
    this.lastAt = now
  }

  /** All that waited has left. */
  left(now: number): void {
    this.holds = false
    this.leftAt = now
  }

  /** When what waits must leave; infinity where nothing does. */
  due(): number {
    if (!this.holds) return Number.POSITIVE_INFINITY
    if (this.firstAt - this.leftAt >= QUIET_MS) return this.firstAt
    return Math.min(this.firstAt + MAX_LINGER_MS, this.lastAt + QUIET_MS)
  }
}

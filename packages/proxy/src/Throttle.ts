/** Bytes a second: a reader that has had its share gets its credit back later, and so its source sends later. Plain callbacks. */

/** Bytes that may leave at once after a pause, as seconds of the rate. */
const BURST_SECONDS = 1
/** Credit is given back at most so often, in milliseconds. */
const STEP_MS = 20
/** Spenders remembered at a time; the one not used for longest is forgotten, and has its burst again. */
const MAX_SPENDERS = 10_000

/** What one response owes its stream. */
export interface Meter {
  /** These bytes were taken by the reader: their credit goes back once the rate allows. */
  readonly consumed: (bytes: number) => void
  /** The response is over: nothing goes back any more. */
  readonly close: () => void
}

export interface Rates {
  /** Bytes a second of all logs one user reads; Infinity = no limit. */
  readonly perUser: number
  /** Bytes a second of all logs of one source. */
  readonly perSource: number
}

export class Throttle {
  readonly #rates: Rates
  readonly #now: () => number
  /** When each has paid for all it had, in milliseconds; in the order of their last use. */
  readonly #paid = new Map<string, number>()
  readonly #onWait: () => void

  /** `onWait` is called for each wait. The clock tells milliseconds. */
  constructor(rates: Rates, onWait: () => void = () => {}, now: () => number = () => performance.now()) {
    this.#rates = rates
    this.#now = now
    this.#onWait = onWait
  }

  /** Meters one response; without any limit it hands every call on as it is. */
  meter(user: string, source: string, giveBack: (bytes: number) => void): Meter {
    const { perSource, perUser } = this.#rates
    if (perUser === Infinity && perSource === Infinity) return { consumed: giveBack, close: () => {} }
    const wait = (bytes: number) =>
      Math.max(this.#charge(`user ${user}`, bytes, perUser), this.#charge(`source ${source}`, bytes, perSource))
    return meterOf(wait, giveBack, this.#now)
  }

  /** Milliseconds until the bytes are paid for. */
  #charge(spender: string, bytes: number, rate: number): number {
    if (rate === Infinity) return 0
    const now = this.#now()
    const paid = Math.max(this.#paid.get(spender) ?? -Infinity, now - BURST_SECONDS * 1000) + (bytes * 1000) / rate
    this.#paid.delete(spender)
    this.#paid.set(spender, paid)
    for (const oldest of this.#paid.keys()) {
      if (this.#paid.size <= MAX_SPENDERS) break
      this.#paid.delete(oldest)
    }
    if (paid > now) this.#onWait()
    return Math.max(0, paid - now)
  }
}

/** Holds what is owed in steps of `STEP_MS`, so that many small pieces make no more than one entry each step. */
const meterOf = (wait: (bytes: number) => number, giveBack: (bytes: number) => void, now: () => number): Meter => {
  const owed: Array<{ readonly at: number; bytes: number }> = []
  let timer: NodeJS.Timeout | undefined
  const settle = () => {
    timer = undefined
    let due = 0
    while (owed[0] !== undefined && owed[0].at <= now()) due += owed.shift()?.bytes ?? 0
    if (due > 0) giveBack(due)
    arm()
  }
  const arm = () => {
    if (timer === undefined && owed[0] !== undefined) timer = setTimeout(settle, Math.max(0, owed[0].at - now()))
  }
  return {
    consumed: (bytes) => {
      const ms = wait(bytes)
      if (ms === 0 && owed.length === 0) return giveBack(bytes)
      const at = Math.ceil((now() + ms) / STEP_MS) * STEP_MS
      const last = owed.at(-1)
      if (last !== undefined && last.at >= at) last.bytes += bytes
      else owed.push({ at, bytes })
      arm()
    },
    close: () => {
      clearTimeout(timer)
      timer = undefined
      owed.length = 0
    },
  }
}

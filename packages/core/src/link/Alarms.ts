/** Times to be called back at, by the Effect clock: any number of them, one fiber that sleeps. */
import { Effect, FiberSet, type Scope } from "effect"

/** Between two rounds of ringing, in milliseconds: what falls due in between rings together, that much late at most. */
export const GRAIN_MS = 100

interface Alarm {
  readonly at: number
  readonly ring: () => void
}

export class Alarms {
  readonly #now: () => number
  readonly #sleep: (ms: number, wake: () => void) => void
  readonly #failed: (cause: unknown) => void
  readonly #set = new Set<Alarm>()
  /** When the next round is. */
  #nextAt = Infinity

  constructor(now: () => number, sleep: Alarms["after"], failed: (cause: unknown) => void) {
    this.#now = now
    this.#sleep = sleep
    this.#failed = failed
  }

  /** Calls back once, so many milliseconds from now. Nothing takes an alarm back: whoever rings looks whether it still matters. */
  readonly after = (ms: number, ring: () => void): void => {
    const at = this.#now() + ms
    this.#set.add({ at, ring })
    if (at < this.#nextAt) this.#wakeAt(at)
  }

  #wakeAt(at: number): void {
    this.#nextAt = at
    this.#sleep(at - this.#now(), () => {
      // An earlier alarm may have been set meanwhile, and have rung.
      if (at === this.#nextAt) this.#round()
    })
  }

  #round(): void {
    const now = this.#now()
    let next = Infinity
    // What is set by those that ring now need not wake anyone: it is seen in the same round.
    this.#nextAt = -Infinity
    for (const alarm of this.#set) {
      if (alarm.at > now) next = Math.min(next, alarm.at)
      else {
        this.#set.delete(alarm)
        this.#ring(alarm)
      }
    }
    this.#nextAt = Infinity
    if (next < Infinity) this.#wakeAt(Math.max(next, now + GRAIN_MS))
  }

  #ring(alarm: Alarm): void {
    try {
      alarm.ring()
    } catch (cause) {
      this.#failed(cause)
    }
  }
}

/** Alarms that ring until the scope closes. One that throws is logged, and stops no other. */
export const make: Effect.Effect<Alarms, never, Scope.Scope> = Effect.gen(function* () {
  const clock = yield* Effect.clock
  const run = yield* FiberSet.makeRuntime()
  return new Alarms(
    () => Number(clock.unsafeCurrentTimeNanos()) / 1e6,
    (ms, wake) => void run(Effect.delay(Effect.sync(wake), ms)),
    (cause) => void run(Effect.logError("what was due failed", cause)),
  )
})

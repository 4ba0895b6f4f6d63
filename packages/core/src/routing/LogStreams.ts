/** The streams one answer is read from, one after the other: what each still waits for its reader with, and whose credit goes back. */
import { Effect, Exit, Scope } from "effect"
import type { StreamReader } from "../link/LinkSession.ts"

/** A stream, or what is left of it: bytes that were handed over and have not left towards the user. */
interface Streaming {
  readonly reader: StreamReader
  readonly scope: Scope.CloseableScope
  waiting: number
}

export class LogStreams {
  readonly #close: (scope: Scope.CloseableScope) => void
  #current: Streaming | undefined
  /** The one before it. It keeps its credit for as long as its bytes wait, so that what a process holds stays counted. */
  #last: Streaming | undefined
  #onRoom: (() => void) | undefined

  /** `close` closes a scope some time soon. */
  constructor(close: (scope: Scope.CloseableScope) => void) {
    this.#close = close
  }

  /** Bytes are handed over. */
  handOver(bytes: number): void {
    if (this.#current !== undefined) this.#current.waiting += bytes
  }

  /** Bytes have left towards the user, the oldest first: credit goes back for those of the stream that is read now alone. */
  consumed(bytes: number): void {
    const old = Math.min(bytes, this.#last?.waiting ?? 0)
    const rest = bytes - old
    if (this.#last !== undefined) this.#last.waiting -= old
    if (rest > 0 && this.#current !== undefined) {
      this.#current.waiting -= rest
      this.#current.reader.consumed(rest)
    }
    // Last of all: who waits for room makes another stream the last one.
    if (this.#last?.waiting === 0) this.#forgetLast()
  }

  /** The next stream is read from here on; the one before was left. */
  next(reader: StreamReader, scope: Scope.CloseableScope): void {
    this.#current = { reader, scope, waiting: 0 }
  }

  /** Leaves the stream that was read, once at most that one would have bytes that wait: until then its reader is slow, and nothing is opened for it. */
  readonly leave: Effect.Effect<void> = Effect.async<void>((resume) => {
    const look = () => {
      if ((this.#current?.waiting ?? 0) > 0 && this.#last !== undefined) return
      this.#onRoom = undefined
      this.#leave()
      resume(Effect.void)
    }
    this.#onRoom = look
    look()
    return Effect.sync(() => (this.#onRoom = undefined))
  })

  /** Lets go of all of them. */
  readonly close: Effect.Effect<void> = Effect.suspend(() => {
    const scopes = [this.#current, this.#last].flatMap((one) => (one === undefined ? [] : [one.scope]))
    this.#current = this.#last = undefined
    return Effect.forEach(scopes, (scope) => Scope.close(scope, Exit.void), { discard: true })
  })

  #leave(): void {
    const current = this.#current
    this.#current = undefined
    if (current === undefined) return
    if (current.waiting > 0) this.#last = current
    else this.#close(current.scope)
  }

  #forgetLast(): void {
    if (this.#last !== undefined) this.#close(this.#last.scope)
    this.#last = undefined
    this.#onRoom?.()
  }
}

/** A link inside one process: what `rdl up` and tests connect a source and a proxy with. A transport like any other, but for the wire. */
import { Effect, FiberSet, Layer, Redacted, type Scope } from "effect"
import { type Link, LinkAcceptor, type LinkClosed, LinkDialer, LinkDialError, type LinkHandlers } from "./Link.ts"
import { MAX_BUFFERED } from "./LinkLimits.ts"
import { SessionCode } from "./SessionCode.ts"

/** How frames get from one end to the other. */
export interface Options {
  /** Called once for each frame, goodbye and loss, calls back when it is to arrive; order must be kept. Default: the next turn of the event loop. A slower one makes a slower link. */
  readonly schedule?: (arrive: () => void) => void
}

/** Milliseconds a closing end waits for its buffered frames to arrive. */
const CLOSE_MS = 1_000

/** The two ends of a new link. */
export const make = (options: Options = {}): readonly [Link, Link] => makeEnds(options)

const makeEnds = (options: Options): readonly [MemoryEnd, MemoryEnd] => {
  const schedule = options.schedule ?? nextTurn
  const one = new MemoryEnd(schedule)
  const other = new MemoryEnd(schedule)
  one.peer = other
  other.peer = one
  return [one, other]
}

/** Dials the LinkAcceptor of this process with a token; a token it does not take is a refused dial. Links live as long as the layer, or the scope they were dialled in. */
export const layer = (
  options: Options & { readonly token: Redacted.Redacted },
): Layer.Layer<LinkDialer, never, LinkAcceptor> => Layer.scoped(LinkDialer, makeDialer(options))

const makeDialer = Effect.fn("MemoryLink.makeDialer")(function* (
  options: Options & { readonly token: Redacted.Redacted },
) {
  const acceptor = yield* LinkAcceptor
  const run = yield* FiberSet.makeRuntime()
  const dial: Effect.Effect<Link, LinkDialError, Scope.Scope> = Effect.gen(function* () {
    const identity = yield* Effect.mapError(
      acceptor.authenticate(Redacted.value(options.token)),
      (rejected) => new LinkDialError({ reason: "refused", url: "memory:", detail: rejected.message }),
    )
    const [near, far] = yield* Effect.acquireRelease(
      Effect.sync(() => makeEnds(options)),
      ([near]) => Effect.sync(() => near.letGo("the dialler let go of it")),
    )
    run(
      Effect.ensuring(
        acceptor.accept(far, identity),
        Effect.sync(() => far.letGo("it is not served any more")),
      ),
    )
    return near
  })
  return LinkDialer.of({ dial })
})

class MemoryEnd implements Link {
  readonly transport = "memory"
  peer: MemoryEnd | null = null
  readonly #schedule: (arrive: () => void) => void
  #handlers: LinkHandlers | null = null
  /** Frames on their way to the peer, the goodbye behind the last one. */
  #wire: Array<Uint8Array | LinkClosed> = []
  #buffered = 0
  /** The level that `onDrain` waits for; -1 while 256 KiB have not been passed. */
  #drainAt = -1
  /** How many were due while the peer had no receiver. */
  #held = 0
  #saidGoodbye = false
  #closed: LinkClosed | null = null
  #deadline: ReturnType<typeof setTimeout> | undefined

  constructor(schedule: (arrive: () => void) => void) {
    this.#schedule = schedule
  }

  readonly start = (handlers: LinkHandlers): void => {
    this.#handlers = handlers
    this.peer?.release()
    const closed = this.#closed
    if (closed !== null) nextTurn(() => handlers.onClose(closed))
  }

  readonly send = (frame: Uint8Array): void => {
    if (this.#closed !== null || this.#saidGoodbye) return
    this.#buffered += frame.length
    if (this.#drainAt < 0 && this.#buffered > MAX_BUFFERED) this.#drainAt = this.#buffered / 2
    this.#put(frame)
  }

  readonly buffered = (): number => this.#buffered

  readonly close = (code: number, reason: string): void => {
    if (this.#closed !== null || this.#saidGoodbye) return
    this.#saidGoodbye = true
    this.#put({ clean: true, code, reason })
    this.#deadline = setTimeout(() => this.destroy("the peer took nothing any more"), CLOSE_MS)
  }

  readonly destroy = (reason: string): void => {
    this.end({ clean: false, code: SessionCode.none, reason }, nextTurn)
    this.peer?.end({ clean: false, code: SessionCode.none, reason: "the connection was lost" })
  }

  /** Destroys the link unless it has said goodbye: then that may arrive, within its second. */
  letGo(reason: string): void {
    if (!this.#saidGoodbye) this.destroy(reason)
  }

  /** The peer has a receiver now: what waited for it may arrive. */
  release(): void {
    for (; this.#held > 0; this.#held--) this.#schedule(this.#arrive)
  }

  /** Nothing more leaves this end or comes to it. What the peer did is told by way of the wire. */
  end(closed: LinkClosed, tell = this.#schedule): void {
    if (this.#closed !== null) return
    this.#closed = closed
    clearTimeout(this.#deadline)
    this.#wire = []
    this.#buffered = 0
    if (this.#handlers !== null) tell(() => this.#handlers?.onClose(closed))
  }

  #put(item: Uint8Array | LinkClosed): void {
    this.#wire.push(item)
    this.#schedule(this.#arrive)
  }

  readonly #arrive = (): void => {
    const receiver = this.peer === null ? null : this.peer.#handlers
    if (receiver === null) {
      this.#held++
      return
    }
    const item = this.#wire.shift()
    if (item instanceof Uint8Array) this.#arriveFrame(item, receiver)
    else if (item !== undefined) {
      this.peer?.end(item)
      this.end(item)
    }
  }

  #arriveFrame(frame: Uint8Array, receiver: LinkHandlers): void {
    this.#buffered -= frame.length
    receiver.onFrame(frame)
    if (this.#buffered > this.#drainAt) return
    this.#drainAt = -1
    this.#handlers?.onDrain()
  }
}

/** Node has it, browsers do not. */
const { setImmediate } = globalThis as { readonly setImmediate?: (run: () => void) => void }

/** A turn of the event loop, not a microtask: two ends that talk without pause must leave room for timers and sockets. */
const nextTurn: (arrive: () => void) => void =
  setImmediate === undefined ? (arrive) => void setTimeout(arrive, 0) : (arrive) => setImmediate(arrive)

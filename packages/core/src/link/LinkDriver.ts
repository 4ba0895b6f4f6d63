/** Drives a multiplexer over a link: frames in, frames out as far as the link takes them, heartbeats when they are due, one end. */
import { type Clock, Duration, Effect } from "effect"
import type { Alarms } from "./Alarms.ts"
import type { GoAway } from "./Frame.ts"
import type { Link, LinkClosed } from "./Link.ts"
import { DRAIN_MS, MAX_BUFFERED, STALL_MS } from "./LinkLimits.ts"
import { LinkLost } from "./LinkLost.ts"
import type { MuxFailure, MuxSession, MuxSessionEvents } from "../mux/MuxSession.ts"
import { isGraceful, SessionCode } from "./SessionCode.ts"

/** What the two multiplexers have in common. */
export interface DrivenMux {
  readonly session: MuxSession
  readonly streams: number
  readonly receive: (frame: Uint8Array, now: number) => void
  readonly poll: (now: number) => Uint8Array | undefined
  readonly tick: (now: number) => number
  readonly end: (lost: LinkLost) => void
}

export interface LinkDriverHandlers {
  /** The peer takes part in no new stream; open ones go on. */
  readonly onGoAway: (goAway: GoAway) => void
  /** Called exactly once, after every stream has heard of it. */
  readonly onLost: (lost: LinkLost) => void
}

export class LinkDriver {
  readonly #link: Link
  readonly #clock: Clock.Clock
  readonly #handlers: LinkDriverHandlers
  #mux: DrivenMux | null = null
  #lost: LinkLost | null = null
  #pumpComes = false
  #onIdle: (() => void) | null = null
  /** Bytes given to the link so far, how many of them it had passed on when last looked at, and since when that number stands. */
  #given = 0
  #passed = 0
  #passedAt = 0
  /** Which time `keepTime` was called last: what it began before ends. */
  #turn = 0

  constructor(link: Link, clock: Clock.Clock, handlers: LinkDriverHandlers) {
    this.#link = link
    this.#clock = clock
    this.#handlers = handlers
  }

  /** Milliseconds that never go back, with fractions. */
  readonly now = (): number => Number(this.#clock.unsafeCurrentTimeNanos()) / 1e6

  /** Unix milliseconds of a time `now` gave, whatever has been done to the system's clock since. */
  unixMillis(then: number): number {
    return this.#clock.unsafeCurrentTimeMillis() - Math.round(this.now() - then)
  }

  /** Null while the link is there. */
  get lost(): LinkLost | null {
    return this.#lost
  }

  /** What the multiplexer is to call. */
  readonly events: MuxSessionEvents = {
    onReady: () => this.#pumpSoon(),
    onIdle: () => this.#onIdle?.(),
    onGoAway: (goAway) => {
      if (isGraceful(goAway.code)) this.#handlers.onGoAway(goAway)
      else this.#closeLink(SessionCode.none, "", lostBy(goAway))
    },
    onFailure: (failure) => this.#giveUp(failure),
  }

  start(mux: DrivenMux): void {
    this.#mux = mux
    this.#passedAt = this.now()
    this.#link.start({
      onFrame: (frame) => mux.receive(frame, this.now()),
      onDrain: () => this.#pump(),
      onClose: (closed) => this.#finish(this.#lostWith(closed)),
    })
    this.#pump()
  }

  /** Says goodbye and closes; what is open is lost. Does nothing after the end. */
  close(code: number, text: string, retryAfterMs = 0): void {
    if (this.#lost !== null) return
    this.#mux?.session.close(code, text, retryAfterMs)
    this.#closeLink(code, text, new LinkLost({ clean: false, code, detail: text }))
  }

  /** Does what is due, now and for as long as the link lives; again from the start of it, and from when the terms are settled. */
  keepTime(alarms: Alarms): void {
    const turn = ++this.#turn
    const look = (): void => {
      if (this.#lost === null && turn === this.#turn) alarms.after(this.#tick(), look)
    }
    look()
  }

  /** Takes part in no new stream, waits for the open ones to end, at most 30 s, and closes. */
  readonly drain = (text: string, retryAfterMs: number): Effect.Effect<void> =>
    Effect.async<void>((resume) => {
      this.#mux?.session.leave(SessionCode.shuttingDown, text, retryAfterMs)
      this.#onIdle = () => resume(Effect.void)
      if (this.#mux === null || this.#mux.streams === 0 || this.#lost !== null) this.#onIdle()
    }).pipe(
      Effect.timeoutOption(Duration.millis(DRAIN_MS)),
      Effect.andThen(Effect.sync(() => this.close(SessionCode.shuttingDown, text, retryAfterMs))),
    )

  /** What is written in one turn of the event loop leaves together, in frames as long as they may be. */
  #pumpSoon(): void {
    if (this.#pumpComes || this.#lost !== null) return
    this.#pumpComes = true
    queueMicrotask(() => this.#pump())
  }

  #pump(): void {
    this.#pumpComes = false
    if (this.#lost !== null || this.#mux === null) return
    const now = this.now()
    while (this.#link.buffered() <= MAX_BUFFERED) {
      const frame = this.#mux.poll(now)
      if (frame === undefined) return
      this.#given += frame.length
      this.#link.send(frame)
    }
  }

  /** Milliseconds until the next look. */
  #tick(): number {
    const now = this.now()
    const due = this.#mux?.tick(now) ?? Infinity
    if (this.#lost === null) this.#checkProgress(now)
    return Math.max(1, Math.min(due - now, STALL_MS / 6))
  }

  #checkProgress(now: number): void {
    const buffered = this.#link.buffered()
    const passed = this.#given - buffered
    if (buffered === 0 || passed > this.#passed) {
      this.#passed = passed
      this.#passedAt = now
    } else if (now - this.#passedAt >= STALL_MS) {
      const detail = `the link passed nothing on for ${STALL_MS} ms`
      this.#mux?.session.fail(SessionCode.heartbeatTimeout, detail, true)
    }
  }

  #giveUp({ code, detail, dead }: MuxFailure): void {
    const lost = new LinkLost({ clean: false, code, detail })
    if (!dead) return this.#closeLink(code, detail, lost)
    this.#link.destroy(detail)
    this.#finish(lost)
  }

  #closeLink(code: number, text: string, lost: LinkLost): void {
    const goAway = this.#mux?.session.over === true ? this.#mux.poll(this.now()) : undefined
    if (goAway !== undefined) this.#link.send(goAway)
    this.#link.close(code, text)
    this.#finish(lost)
  }

  #finish(lost: LinkLost): void {
    if (this.#lost !== null) return
    this.#lost = lost
    this.#mux?.end(lost)
    this.#handlers.onLost(lost)
    this.#onIdle?.()
  }

  #lostWith(closed: LinkClosed): LinkLost {
    const goAway = this.#mux?.session.goAwayReceived
    if (goAway != null) return lostBy(goAway)
    const { clean, code, reason } = closed
    return new LinkLost({ clean, code, detail: reason === "" ? "it was closed" : reason })
  }
}

/** The loss a GOAWAY announces. */
export const lostBy = (goAway: GoAway): LinkLost =>
  new LinkLost({
    clean: true,
    code: goAway.code,
    detail: goAway.text === "" ? "the peer said goodbye" : goAway.text,
    ...(goAway.retryAfterMs > 0 && { retryAfterMs: goAway.retryAfterMs }),
  })

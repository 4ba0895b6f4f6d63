/** The part of a session that both ends share (docs/protocol.md#handshake, #heartbeat, #goaway): a state machine over frames and time, without I/O. */
import * as Frame from "../link/Frame.ts"
import { FrameType, nameOf } from "../link/FrameType.ts"
import { DEFAULT_MAX_FRAME, HANDSHAKE_MS, MAX_TEXT_BYTES } from "../link/LinkLimits.ts"
import type { Welcome } from "../link/LinkMessage.ts"
import { SessionCode } from "../link/SessionCode.ts"

/** Why this end gives the session up. */
export interface MuxFailure {
  /** A session code. */
  readonly code: number
  readonly detail: string
  /** True where nobody listens any more: the link is to be destroyed, not closed. */
  readonly dead: boolean
}

export interface MuxSessionEvents {
  /** `poll` may have a frame; called often, so it must be cheap. */
  readonly onReady: () => void
  readonly onGoAway: (goAway: Frame.GoAway) => void
  /** The last open stream is closed. */
  readonly onIdle: () => void
  /** Called at most once. What `poll` gives after it, a GOAWAY or nothing, is the last. */
  readonly onFailure: (failure: MuxFailure) => void
}

/** Times are milliseconds of any one clock that does not go back. */
export class MuxSession {
  readonly #events: MuxSessionEvents
  readonly #lastStreamId: () => number
  readonly #startedAt: number
  /** The frame that must come first; 0 once it has. */
  #awaited: FrameType | 0
  #welcome: Welcome | null = null
  #over = false
  #outbox: Array<Uint8Array> = []
  #pong: Uint8Array | null = null
  #pingDue = false
  #nextPingAt = Infinity
  #pingNumber = 0
  /** Null while no PING waits for its PONG. */
  #pingSentAt: number | null = null
  #rttMs: number | null = null
  #lastReceivedAt: number
  #goAway: Frame.GoAway | null = null
  #leaving = false

  constructor(
    awaited: typeof FrameType.hello | typeof FrameType.welcome,
    events: MuxSessionEvents,
    lastStreamId: () => number,
    now: number,
  ) {
    this.#awaited = awaited
    this.#events = events
    this.#lastStreamId = lastStreamId
    this.#startedAt = this.#lastReceivedAt = now
  }

  /** Null before the handshake is done. */
  get welcome(): Welcome | null {
    return this.#welcome
  }

  get over(): boolean {
    return this.#over
  }

  /** Round trip of the last PING that was answered; null before the first. */
  get rttMs(): number | null {
    return this.#rttMs
  }

  get lastReceivedAt(): number {
    return this.#lastReceivedAt
  }

  /** The peer's last GOAWAY, null where none came. */
  get goAwayReceived(): Frame.GoAway | null {
    return this.#goAway
  }

  /** Whether this end has said that it takes part in no new stream. */
  get leaving(): boolean {
    return this.#leaving
  }

  /** Takes a frame, does what belongs to the session itself, and tells the type of one that the role must handle; 0 = done. Throws FrameError. */
  accept(frame: Uint8Array, now: number): number {
    if (this.#over) return 0
    this.#lastReceivedAt = now
    const type = Frame.check(frame, this.#welcome?.maxFrame ?? DEFAULT_MAX_FRAME)
    if (type === 0) return 0
    if (type === FrameType.goAway) {
      this.#goAway = Frame.readGoAway(frame)
      this.#events.onGoAway(this.#goAway)
      return 0
    }
    if (this.#welcome === null) return this.#acceptFirst(type)
    if (type === FrameType.ping) this.#answer(frame)
    else if (type === FrameType.pong) this.#measure(frame, now)
    else return type
    return 0
  }

  /** Queues HELLO or WELCOME. */
  introduce(frame: Uint8Array): void {
    this.#outbox.push(frame)
    this.#events.onReady()
  }

  /** The handshake is done: heartbeats begin, with a first PING at once. */
  begin(welcome: Welcome, now: number): void {
    this.#welcome = welcome
    this.#nextPingAt = now
    this.tick(now)
  }

  /** Does what is due by now, and tells when to call again. */
  tick(now: number): number {
    if (this.#over) return Infinity
    if (this.#welcome === null) return this.#tickHandshake(now)
    const { heartbeatMs, deadMs } = this.#welcome
    if (now - this.#lastReceivedAt >= deadMs) {
      this.fail(SessionCode.heartbeatTimeout, `nothing came for ${deadMs} ms`, true)
      return Infinity
    }
    if (now >= this.#nextPingAt) {
      this.#nextPingAt = now + heartbeatMs
      this.#pingDue = true
      this.#events.onReady()
    }
    return Math.min(this.#nextPingAt, this.#lastReceivedAt + deadMs)
  }

  /** The next frame of the session itself. */
  poll(now: number): Uint8Array | undefined {
    if (this.#outbox.length > 0) return this.#outbox.shift()
    if (this.#pong !== null) {
      const pong = this.#pong
      this.#pong = null
      return pong
    }
    if (!this.#pingDue) return undefined
    this.#pingDue = false
    this.#pingSentAt = now
    return Frame.beat(FrameType.ping, ++this.#pingNumber)
  }

  /** Says that no new stream will be taken part in; open ones go on. */
  leave(code: number, text: string, retryAfterMs: number): void {
    if (this.#over || this.#leaving) return
    this.#leaving = true
    this.#outbox.push(this.#goAwayFrame(code, text, retryAfterMs))
    this.#events.onReady()
  }

  /** Ends the session with a GOAWAY as its last frame. */
  close(code: number, text: string, retryAfterMs = 0): void {
    if (this.#over) return
    this.end()
    this.#outbox.push(this.#goAwayFrame(code, text, retryAfterMs))
  }

  /** Ends the session without a word: nothing comes out any more, and what comes in is dropped. */
  end(): void {
    this.#over = true
    this.#outbox = []
    this.#pong = null
    this.#pingDue = false
  }

  /** Gives the session up, and says why where somebody may listen. */
  fail(code: number, detail: string, dead = false): void {
    if (this.#over) return
    const short = detail.slice(0, MAX_TEXT_BYTES)
    if (dead) this.end()
    else this.close(code, short)
    this.#events.onFailure({ code, detail: short, dead })
  }

  /** Gives the session up over what was thrown, if a frame was to blame; throws anything else on. */
  failOver(thrown: unknown): void {
    if (!(thrown instanceof Frame.FrameError)) throw thrown
    this.fail(thrown.code, thrown.detail)
  }

  #acceptFirst(type: number): number {
    if (type === this.#awaited) {
      this.#awaited = 0
      return type
    }
    throw Frame.violation(
      this.#awaited === 0
        ? `${nameOf(type)} came before the handshake was done`
        : `the first frame must be ${nameOf(this.#awaited)}, not ${nameOf(type)}`,
    )
  }

  #answer(ping: Uint8Array): void {
    this.#pong = Frame.pongTo(ping)
    this.#events.onReady()
  }

  #measure(pong: Uint8Array, now: number): void {
    if (this.#pingSentAt === null || Frame.readOffset(pong) !== this.#pingNumber) return
    this.#rttMs = now - this.#pingSentAt
    this.#pingSentAt = null
  }

  #tickHandshake(now: number): number {
    if (this.#awaited === 0) return Infinity
    const deadline = this.#startedAt + HANDSHAKE_MS
    if (now < deadline) return deadline
    this.fail(SessionCode.handshakeTimeout, `${nameOf(this.#awaited)} did not come within ${HANDSHAKE_MS} ms`)
    return Infinity
  }

  #goAwayFrame(code: number, text: string, retryAfterMs: number): Uint8Array {
    return Frame.goAway({ code, lastStreamId: this.#lastStreamId(), retryAfterMs, text })
  }
}

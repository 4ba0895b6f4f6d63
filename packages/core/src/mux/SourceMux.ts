/** The source's multiplexer: frames and time in, frames and requests out, without I/O (docs/protocol.md#streams, #order). */
import { Either, Schema } from "effect"
import * as Frame from "../link/Frame.ts"
import { FrameType, nameOf } from "../link/FrameType.ts"
import { DEFAULT_MAX_FRAME } from "../link/LinkLimits.ts"
import type { LinkLost } from "../link/LinkLost.ts"
import { Hello, Open, Tally, Welcome } from "../link/LinkMessage.ts"
import { MuxSession, type MuxSessionEvents } from "./MuxSession.ts"
import { SessionCode } from "../link/SessionCode.ts"
import { SourceMuxStream } from "./SourceMuxStream.ts"
import { reasonOf, StreamError } from "../link/StreamError.ts"

/** What the source's end of a session calls, besides what both ends do. */
export interface SourceMuxEvents extends MuxSessionEvents {
  readonly onWelcome: (welcome: Welcome) => void
  readonly onOpen: (stream: SourceMuxStream, request: Open) => void
  /** Asked with each heartbeat for what was counted since the last time; undefined = nothing. */
  readonly tally?: () => Tally | undefined
}

/** The source's end of a session, without sockets and clocks: bytes and time in, bytes and events out. */
export class SourceMux {
  readonly session: MuxSession
  readonly #events: SourceMuxEvents
  readonly #hello: Hello
  readonly #streams = new Map<number, SourceMuxStream>()
  readonly #urgent = new Set<SourceMuxStream>()
  readonly #turn = new Set<SourceMuxStream>()
  /** The highest id seen: all there is to remember of closed streams. */
  #highest = 0
  #tallyIsDue = false

  /** Has HELLO to send at once. A HELLO over 16 KiB throws RangeError. */
  constructor(hello: Hello, events: SourceMuxEvents, now: number) {
    const json = Frame.encodeJson(Hello, hello)
    if (json === undefined) throw new RangeError("HELLO is over 16 KiB; shorten agent and features")
    this.#hello = hello
    this.#events = events
    this.session = new MuxSession(FrameType.welcome, events, () => this.#highest, now)
    this.session.introduce(Frame.withPayload(FrameType.hello, 0, json))
  }

  /** Streams that are open: not ended by either side, or with their END or RESET still to be sent. */
  get streams(): number {
    return this.#streams.size
  }

  /** Streams that wait to send something. */
  get ready(): number {
    return this.#urgent.size + this.#turn.size
  }

  /** Takes one whole frame; what is wrong with it ends the session through `onFailure`. */
  receive(frame: Uint8Array, now: number): void {
    try {
      this.#handle(this.session.accept(frame, now), frame, now)
    } catch (thrown) {
      this.session.failOver(thrown)
    }
  }

  /** Does what is due by now, and tells when to call again. */
  tick(now: number): number {
    return this.session.tick(now)
  }

  /** The next frame to send; undefined = none for now. */
  poll(now: number): Uint8Array | undefined {
    const frame = this.session.poll(now)
    if (frame !== undefined && Frame.typeOf(frame) === FrameType.ping) this.#tallyIsDue = true
    if (frame !== undefined || this.session.over) return frame
    const tally = this.#tally()
    if (tally !== undefined) return tally
    for (const stream of this.#urgent) {
      this.#urgent.delete(stream)
      const urgent = stream.nextUrgent()
      if (urgent !== undefined) return urgent
    }
    for (const stream of this.#turn) {
      this.#turn.delete(stream)
      const next = stream.nextInTurn(this.session.welcome?.maxFrame ?? DEFAULT_MAX_FRAME)
      if (stream.isReady()) this.#turn.add(stream)
      if (next !== undefined) return next
    }
    return undefined
  }

  /** The session is over: every handler that still runs is told. */
  end(lost: LinkLost): void {
    this.session.end()
    for (const stream of this.#streams.values()) stream.cancel(lost)
  }

  #tally(): Uint8Array | undefined {
    if (!this.#tallyIsDue) return undefined
    this.#tallyIsDue = false
    const tally = this.#events.tally?.()
    const json = tally && Frame.encodeJson(Tally, tally)
    return json && Frame.tally(json)
  }

  #handle(type: number, frame: Uint8Array, now: number): void {
    switch (type) {
      case 0:
        return
      case FrameType.credit:
        return this.#find(type, frame)?.grant(Frame.readOffset(frame))
      case FrameType.open:
        return this.#open(frame)
      case FrameType.reset:
        return this.#reset(frame)
      case FrameType.welcome:
        return this.#welcome(frame, now)
      default:
        throw Frame.violation(`${nameOf(type)} may not come from a proxy`)
    }
  }

  #welcome(frame: Uint8Array, now: number): void {
    if (this.session.welcome !== null) throw Frame.violation("a second WELCOME")
    const welcome = Frame.readJson(FrameType.welcome, Welcome, Frame.payloadOf(frame))
    if (!this.#hello.versions.includes(welcome.version)) {
      const detail = `the proxy chose version ${welcome.version}, which was not offered`
      throw new Frame.FrameError({ code: SessionCode.unsupportedVersion, detail })
    }
    this.session.begin(welcome, now)
    this.#events.onWelcome(welcome)
  }

  #open(frame: Uint8Array): void {
    const id = Frame.streamIdOf(frame)
    if (id <= this.#highest || this.session.leaving) return
    const maxStreams = this.session.welcome?.maxStreams ?? 0
    if (this.#streams.size >= maxStreams) {
      const detail = `OPEN of stream ${id} is more than ${maxStreams} streams`
      throw new Frame.FrameError({ code: SessionCode.tooManyStreams, detail })
    }
    const json = Frame.parseJson(FrameType.open, Frame.afterOffset(frame))
    this.#highest = id
    const stream = new SourceMuxStream(id, Frame.readOffset(frame), this.#lines)
    this.#streams.set(id, stream)
    const request = decodeOpen(json)
    if (Either.isRight(request)) this.#events.onOpen(stream, request.right)
    else
      stream.fail(
        new StreamError({
          reason: "bad-request",
          detail: `the source cannot read the request: ${request.left.message}`,
        }),
      )
  }

  #reset(frame: Uint8Array): void {
    const stream = this.#find(FrameType.reset, frame)
    if (stream === undefined) return
    const { code, text } = Frame.readReset(frame)
    stream.cancel(new StreamError({ reason: reasonOf(code), detail: text }))
  }

  /** The stream a frame is for; undefined where it is closed. */
  #find(type: number, frame: Uint8Array): SourceMuxStream | undefined {
    const id = Frame.streamIdOf(frame)
    // An OPEN that came after this end's GOAWAY was not counted, so what follows on its id looks like a stream never opened.
    if (id > this.#highest && !this.session.leaving)
      throw Frame.violation(`${nameOf(type)} for stream ${id}, which was never opened`)
    return this.#streams.get(id)
  }

  readonly #lines = {
    urgent: (stream: SourceMuxStream): void => {
      this.#urgent.add(stream)
      this.#events.onReady()
    },
    inTurn: (stream: SourceMuxStream): void => {
      this.#turn.add(stream)
      this.#events.onReady()
    },
    forget: (stream: SourceMuxStream): void => {
      this.#streams.delete(stream.id)
      this.#urgent.delete(stream)
      this.#turn.delete(stream)
      if (this.#streams.size === 0) this.#events.onIdle()
    },
  }
}

const decodeOpen = Schema.decodeUnknownEither(Open)

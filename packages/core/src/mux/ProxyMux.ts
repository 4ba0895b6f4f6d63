/** The proxy's multiplexer: frames and time in, frames and the bytes of streams out, without I/O (docs/protocol.md#streams, #credit). */
import type { CreditBudget } from "./CreditBudget.ts"
import { openWindow } from "./CreditWindow.ts"
import * as Frame from "../link/Frame.ts"
import { FrameType, nameOf } from "../link/FrameType.ts"
import { MAX_JSON_BYTES } from "../link/LinkLimits.ts"
import type { LinkLost } from "../link/LinkLost.ts"
import { Hello, Open, PROTOCOL_VERSION, Tally, Welcome } from "../link/LinkMessage.ts"
import { MuxSession, type MuxSessionEvents } from "./MuxSession.ts"
import { type ProxyMuxLines, ProxyMuxStream, type ProxyStreamEvents } from "./ProxyMuxStream.ts"
import { SessionCode } from "../link/SessionCode.ts"
import { StreamError } from "../link/StreamError.ts"

/** What the proxy's end of a session calls, besides what both ends do. */
export interface ProxyMuxEvents extends MuxSessionEvents {
  /** To be answered by `welcome`, or by closing the session. */
  readonly onHello: (hello: Hello) => void
  /** What the source has counted since it told last, or so it says. */
  readonly onTally?: (tally: Tally) => void
}

const GREATEST_ID = 0xffffffff

/** The proxy's end of a session, without sockets and clocks: bytes and time in, bytes and events out. */
export class ProxyMux {
  readonly session: MuxSession
  readonly #events: ProxyMuxEvents
  readonly #budget: CreditBudget
  readonly #streams = new Map<number, ProxyMuxStream>()
  readonly #urgent = new Set<ProxyMuxStream>()
  #lastId: number

  /** `lastId` is the id before the first that will be given; 0 but in tests. */
  constructor(events: ProxyMuxEvents, budget: CreditBudget, now: number, lastId = 0) {
    this.#events = events
    this.#budget = budget
    this.#lastId = lastId
    this.session = new MuxSession(FrameType.hello, events, () => this.#lastId, now)
  }

  /** Streams that are open. */
  get streams(): number {
    return this.#streams.size
  }

  /** Streams that wait to send something. */
  get ready(): number {
    return this.#urgent.size
  }

  /** Answers HELLO. Terms outside the specification throw ParseError, a WELCOME over 16 KiB RangeError. */
  welcome(welcome: Welcome, now: number): void {
    const json = Frame.encodeJson(Welcome, welcome)
    if (json === undefined) throw new RangeError("WELCOME is over 16 KiB; shorten features")
    if (this.session.over) return
    this.session.introduce(Frame.withPayload(FrameType.welcome, 0, json))
    this.session.begin(welcome, now)
  }

  /** Begins a stream, or says why that cannot be. Only between WELCOME and the first GOAWAY of either side. */
  open(request: Open, events: ProxyStreamEvents): ProxyMuxStream | StreamError {
    const maxStreams = this.session.welcome?.maxStreams ?? 0
    if (this.#streams.size >= maxStreams)
      return refused("too-many-streams", `the link has ${maxStreams} streams open, as many as it may`)
    if (this.#lastId >= GREATEST_ID) {
      this.session.leave(SessionCode.none, "stream ids are used up", 0)
      return refused("too-many-streams", "the link has used up its stream ids and is being replaced")
    }
    const json = Frame.encodeJson(Open, request)
    if (json === undefined)
      return refused("bad-request", `the request is over ${MAX_JSON_BYTES} bytes; ask for less at once`)
    const window = openWindow(this.#budget)
    if (window === null) return refused("too-many-streams", "the proxy has lent all its credit; close some readers")
    const stream = new ProxyMuxStream(++this.#lastId, json, window, events, this.#lines)
    this.#streams.set(stream.id, stream)
    this.#lines.urgent(stream)
    return stream
  }

  /** Takes one whole frame; what is wrong with it ends the session through `onFailure`. */
  receive(frame: Uint8Array, now: number): void {
    try {
      this.#handle(this.session.accept(frame, now), frame)
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
    if (frame !== undefined || this.session.over) return frame
    for (const stream of this.#urgent) {
      this.#urgent.delete(stream)
      const next = stream.next()
      if (next !== undefined) return next
    }
    return undefined
  }

  /** The session is over: every reader hears it. */
  end(lost: LinkLost): void {
    this.session.end()
    this.#urgent.clear()
    for (const stream of this.#streams.values()) stream.close(lost)
  }

  /** Streams the source said it will not begin hear that from `lost`. */
  endAbove(lastStreamId: number, lost: LinkLost): void {
    for (const stream of this.#streams.values()) if (stream.id > lastStreamId) stream.close(lost)
  }

  #handle(type: number, frame: Uint8Array): void {
    switch (type) {
      case 0:
        return
      case FrameType.data:
      case FrameType.head:
      case FrameType.mark:
      case FrameType.gap:
      case FrameType.end:
      case FrameType.reset:
        return this.#find(type, frame)?.receive(type, frame)
      case FrameType.tally:
        return this.#events.onTally?.(Frame.readJson(type, Tally, Frame.payloadOf(frame)))
      case FrameType.hello:
        return this.#hello(frame)
      default:
        throw Frame.violation(`${nameOf(type)} may not come from a source`)
    }
  }

  #hello(frame: Uint8Array): void {
    if (this.session.welcome !== null) throw Frame.violation("a second HELLO")
    const hello = Frame.readJson(FrameType.hello, Hello, Frame.payloadOf(frame))
    if (!hello.versions.includes(PROTOCOL_VERSION)) {
      const detail = `the source speaks versions ${hello.versions.join(", ")}, this proxy ${PROTOCOL_VERSION}`
      throw new Frame.FrameError({ code: SessionCode.unsupportedVersion, detail })
    }
    this.#events.onHello(hello)
  }

  /** The stream a frame is for; undefined where it is closed. */
  #find(type: number, frame: Uint8Array): ProxyMuxStream | undefined {
    const id = Frame.streamIdOf(frame)
    const stream = this.#streams.get(id)
    if (id > this.#lastId || stream?.opened === false)
      throw Frame.violation(`${nameOf(type)} for stream ${id}, which was never opened`)
    return stream
  }

  readonly #lines: ProxyMuxLines = {
    urgent: (stream) => {
      this.#urgent.add(stream)
      this.#events.onReady()
    },
    forget: (stream) => {
      this.#streams.delete(stream.id)
      this.#urgent.delete(stream)
      if (this.#streams.size === 0) this.#events.onIdle()
    },
    rttMs: () => this.session.rttMs,
  }
}

const refused = (reason: StreamError["reason"], detail: string): StreamError => new StreamError({ reason, detail })

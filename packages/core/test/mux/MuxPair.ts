/** Two multiplexers face to face, with the wire between them in the test's hands. */
import type { LogGap } from "../../src/log/LogGap.ts"
import { CreditBudget } from "../../src/mux/CreditBudget.ts"
import * as Frame from "../../src/link/Frame.ts"
import { FrameDecoder } from "../../src/link/FrameDecoder.ts"
import { nameOf } from "../../src/link/FrameType.ts"
import type { End, Head, Hello, Open, Tally, Welcome } from "../../src/link/LinkMessage.ts"
import type { LinkLost } from "../../src/link/LinkLost.ts"
import type { MuxFailure } from "../../src/mux/MuxSession.ts"
import { ProxyMux } from "../../src/mux/ProxyMux.ts"
import type { ProxyMuxStream } from "../../src/mux/ProxyMuxStream.ts"
import { SourceMux } from "../../src/mux/SourceMux.ts"
import type { SourceMuxStream } from "../../src/mux/SourceMuxStream.ts"
import { SourceName } from "../../src/model/SourceName.ts"
import { StreamError } from "../../src/link/StreamError.ts"

export const hello: Hello = {
  versions: [1],
  instanceId: "one",
  time: 0,
  agent: "rdl/test",
  engine: null,
  features: [],
}

export const welcomeWith = (terms: Partial<Welcome> = {}): Welcome => ({
  version: 1,
  sessionId: "s",
  proxyId: "p",
  source: SourceName.make("edge-1"),
  heartbeatMs: 15_000,
  deadMs: 40_000,
  maxFrame: 65_536,
  maxStreams: 256,
  features: [],
  ...terms,
})

export const inventory: Open = { op: "inventory" }
export const head: Head = { contentType: "text/plain" }
export const cancelled = new StreamError({ reason: "cancelled", detail: "nobody reads on" })

/** What the proxy's side saw of one stream. */
export class Read {
  stream: ProxyMuxStream | null = null
  head: Head | null = null
  readonly pieces: Array<Uint8Array> = []
  readonly marks: Array<{ offset: number; cursor: number[] }> = []
  readonly gaps: Array<{ readonly offset: number; readonly reason: string }> = []
  readonly results: Array<End | StreamError | LinkLost> = []
  received = 0
  consumed = 0

  readonly onHead = (head: Head) => void (this.head = head)
  readonly onGap = ({ reason }: LogGap) => void this.gaps.push({ offset: this.received, reason })
  readonly onMark = (offset: number, cursor: Uint8Array) => void this.marks.push({ offset, cursor: [...cursor] })
  readonly onEnd = (result: End | StreamError | LinkLost) => void this.results.push(result)
  readonly onData = (bytes: Uint8Array) => {
    this.pieces.push(bytes)
    this.received += bytes.length
  }
}

export interface Opened {
  readonly stream: SourceMuxStream
  readonly request: Open
  readonly cancels: Array<StreamError | LinkLost>
}

export class MuxPair {
  now = 0
  readonly budget: CreditBudget
  readonly opened: Array<Opened> = []
  readonly hellos: Array<Hello> = []
  readonly goAways: Array<{ readonly at: "source" | "proxy"; readonly code: number; readonly lastStreamId: number }> =
    []
  readonly failures: Array<MuxFailure & { readonly at: "source" | "proxy" }> = []
  readonly idle = { source: 0, proxy: 0 }
  /** What the source has counted and not told. */
  untold: Tally | undefined
  readonly tallies: Array<Tally> = []
  readonly source: SourceMux
  readonly proxy: ProxyMux
  /** Every frame either side gave out, by name. */
  readonly sent = { source: new Array<string>(), proxy: new Array<string>() }
  #toProxy: Array<Uint8Array> = []
  #toSource: Array<Uint8Array> = []

  constructor(budget = 256 * 1024 * 1024, lastId = 0) {
    this.budget = new CreditBudget(budget)
    const events = (at: "source" | "proxy") => ({
      onReady: () => undefined,
      onIdle: () => void this.idle[at]++,
      onGoAway: ({ code, lastStreamId }: Frame.GoAway) => void this.goAways.push({ at, code, lastStreamId }),
      onFailure: (failure: MuxFailure) => void this.failures.push({ at, ...failure }),
    })
    this.source = new SourceMux(
      hello,
      {
        ...events("source"),
        onWelcome: () => undefined,
        onOpen: (stream, request) => {
          const opened: Opened = { stream, request, cancels: [] }
          stream.onCancel = (why) => void opened.cancels.push(why)
          this.opened.push(opened)
        },
        tally: () => {
          const { untold } = this
          this.untold = undefined
          return untold
        },
      },
      0,
    )
    this.proxy = new ProxyMux(
      {
        ...events("proxy"),
        onHello: (said) => void this.hellos.push(said),
        onTally: (tally) => void this.tallies.push(tally),
      },
      this.budget,
      0,
      lastId,
    )
  }

  /** A pair whose handshake is done, with the first heartbeats behind it. */
  static ready(terms: Partial<Welcome> = {}, budget?: number, lastId?: number): MuxPair {
    const pair = new MuxPair(budget, lastId)
    pair.settle()
    pair.proxy.welcome(welcomeWith(terms), pair.now)
    pair.settle()
    pair.sent.source.length = pair.sent.proxy.length = 0
    return pair
  }

  open(request: Open = inventory): Read {
    const read = new Read()
    const stream = this.proxy.open(request, read)
    if (stream instanceof StreamError) throw stream
    read.stream = stream
    return read
  }

  /** A stream that both ends have, with its HEAD given. */
  begin(): { readonly read: Read; readonly opened: Opened } {
    const read = this.open()
    this.settle()
    const opened = this.opened.at(-1)!
    opened.stream.head(head)
    this.settle()
    return { read, opened }
  }

  consume(read: Read, bytes = read.received - read.consumed): void {
    read.consumed += bytes
    read.stream?.consumed(bytes, this.now)
  }

  /** The next frame of one side onto the wire; false where there is none. */
  sendOne(from: "source" | "proxy"): boolean {
    const frame = this[from].poll(this.now)
    if (frame === undefined) return false
    this.sent[from].push(nameOf(Frame.typeOf(frame)))
    if (from === "source") this.#toProxy.push(frame)
    else this.#toSource.push(frame)
    return true
  }

  /** The oldest frame on its way to one side; false where there is none. */
  deliverOne(to: "source" | "proxy"): Uint8Array | undefined {
    const frame = to === "proxy" ? this.#toProxy.shift() : this.#toSource.shift()
    if (frame !== undefined) this[to].receive(frame, this.now)
    return frame
  }

  /** What is on its way to one side. */
  onWire(to: "source" | "proxy"): ReadonlyArray<Uint8Array> {
    return to === "proxy" ? this.#toProxy : this.#toSource
  }

  /** Everything on its way to one side at once, as bytes split at these places. */
  deliverSplit(to: "source" | "proxy", cuts: ReadonlyArray<number>): void {
    const frames = to === "proxy" ? this.#toProxy : this.#toSource
    const bytes = Buffer.concat(frames)
    frames.length = 0
    const decoder = new FrameDecoder(262_144)
    let at = 0
    for (const cut of [...cuts, bytes.length]) {
      const end = Math.min(at + cut, bytes.length)
      decoder.push(bytes.subarray(at, end), (frame) => this[to].receive(new Uint8Array(frame), this.now))
      at = end
    }
  }

  /** Sends and delivers until nothing moves. */
  settle(): void {
    for (;;) {
      const sent = [this.sendOne("source"), this.sendOne("proxy")]
      const delivered = [this.deliverOne("proxy"), this.deliverOne("source")]
      if (![...sent, ...delivered].some(Boolean)) return
    }
  }
}

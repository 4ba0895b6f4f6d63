/** Does random things to a pair of multiplexers and holds them to what must stay true. */
import * as Frame from "../../src/link/Frame.ts"
import { FrameType } from "../../src/link/FrameType.ts"
import { cancelled, head, inventory, MuxPair, Read } from "./MuxPair.ts"

export const MAX_STREAMS = 6
export const MAX_FRAME = 1024
const BUDGET = 2 * 1024 * 1024

/** What stream n holds at an offset; so a lost, doubled or swapped byte shows. */
const byteAt = (stream: number, offset: number): number => (stream * 89 + offset * 31 + (offset >> 8)) & 255

const bytesOf = (stream: number, from: number, length: number): Uint8Array =>
  Uint8Array.from({ length }, (_, index) => byteAt(stream, from + index))

interface Stream {
  readonly read: Read
  written: number
  /** What the source ended it with. */
  ended: "no" | "finished" | "failed"
  cancelled: boolean
  checked: number
}

/** What one side did with credit, as the wire shows it. */
class Ledger {
  readonly granted = new Map<number, number>()
  readonly sent = new Map<number, number>()

  toSource(frame: Uint8Array): void {
    const type = Frame.typeOf(frame)
    if (type !== FrameType.open && type !== FrameType.credit) return
    const id = Frame.streamIdOf(frame)
    this.granted.set(id, Math.max(this.granted.get(id) ?? 0, Frame.readOffset(frame)))
  }

  toProxy(frame: Uint8Array): void {
    if (Frame.typeOf(frame) !== FrameType.data) return
    const id = Frame.streamIdOf(frame)
    this.sent.set(id, (this.sent.get(id) ?? 0) + Frame.payloadOf(frame).length)
    must(this.sent.get(id)! <= (this.granted.get(id) ?? 0), `stream ${id} keeps within its credit`)
  }
}

/** What to do, to which stream, how much of it. */
export type Step = readonly [what: string, which: number, amount: number]

export class MuxRun {
  readonly pair = MuxPair.ready({ maxFrame: MAX_FRAME, maxStreams: MAX_STREAMS }, BUDGET)
  readonly ledger = new Ledger()
  readonly streams: Array<Stream> = []

  step([what, which, amount]: Step): void {
    const stream = this.streams[which % Math.max(this.streams.length, 1)]
    if (what === "open") return this.open()
    if (what === "sendToProxy") return this.deliver("source", amount)
    if (what === "sendToSource") return this.deliver("proxy", amount)
    if (what === "split") return this.deliverSplit(amount)
    if (what === "time") return this.pass(amount)
    if (stream === undefined) return
    if (what === "consume")
      return this.pair.consume(stream.read, Math.min(amount * 300, stream.read.received - stream.read.consumed))
    if (what === "cancel") return this.cancel(stream)
    this.stepSource(what, stream, amount)
  }

  open(): void {
    const read = new Read()
    const opened = this.pair.proxy.open(inventory, read)
    if ("detail" in opened) return must(opened.reason === "too-many-streams", "only room is a reason to refuse")
    read.stream = opened
    this.streams.push({ read, written: 0, ended: "no", cancelled: false, checked: 0 })
  }

  stepSource(what: string, stream: Stream, amount: number): void {
    const opened = this.pair.opened.find((each) => each.stream.id === stream.read.stream!.id)
    if (opened === undefined || stream.ended !== "no") return
    if (what === "head") opened.stream.head(head)
    if (what === "write" && opened.cancels.length === 0) {
      opened.stream.write(bytesOf(opened.stream.id, stream.written, amount * 40))
      stream.written += amount * 40
    }
    if (what === "mark") opened.stream.mark(Uint8Array.from([stream.written & 255]))
    if (what === "finish" && stream.read.head !== null && opened.cancels.length === 0) {
      stream.ended = "finished"
      opened.stream.finish({ reason: "eof" })
    }
    if (what === "fail" && opened.cancels.length === 0) {
      stream.ended = "failed"
      opened.stream.fail(cancelled)
    }
  }

  cancel(stream: Stream): void {
    stream.cancelled ||= stream.read.results.length === 0
    stream.read.stream!.cancel(cancelled)
  }

  deliver(from: "source" | "proxy", frames: number): void {
    for (let i = 0; i < frames && this.pair.sendOne(from); i++);
    for (let i = 0; i < frames; i++) {
      const frame = this.pair.deliverOne(from === "source" ? "proxy" : "source")
      if (frame === undefined) return
      if (from === "source") this.ledger.toProxy(frame)
      else this.ledger.toSource(frame)
    }
  }

  /** Hands over what is on the wire in pieces that frames do not know of. */
  deliverSplit(amount: number): void {
    const ledger = this.ledger
    for (const frame of this.pair.onWire("source")) ledger.toSource(frame)
    this.pair.deliverSplit("source", [amount, 1, amount, 13])
    for (const frame of this.pair.onWire("proxy")) ledger.toProxy(frame)
    this.pair.deliverSplit("proxy", [amount, 1, amount, 13])
  }

  pass(amount: number): void {
    this.pair.now += amount
    this.pair.proxy.tick(this.pair.now)
    this.pair.source.tick(this.pair.now)
  }

  check(): void {
    const { pair } = this
    must(pair.failures.length === 0, "no side finds fault with the other")
    must(pair.proxy.streams <= MAX_STREAMS && pair.source.streams <= MAX_STREAMS, "maxStreams holds at both ends")
    must(
      pair.proxy.ready <= 2 * MAX_STREAMS && pair.source.ready <= 2 * MAX_STREAMS,
      "what waits to be sent is bounded",
    )
    must(pair.budget.taken <= BUDGET, "the budget holds")
    for (const stream of this.streams) this.checkStream(stream)
  }

  checkStream(stream: Stream): void {
    const { read } = stream
    must(read.results.length <= 1, "a stream ends once")
    let at = stream.checked
    for (const piece of read.pieces.splice(0))
      for (const byte of piece) must(byte === byteAt(read.stream!.id, at++), "no byte is lost, doubled or moved")
    stream.checked = at
    must(at === read.received, "every byte that came was looked at")
    for (const { offset, cursor } of read.marks)
      must(offset <= at && cursor[0] === (offset & 255), "a mark comes after its bytes, with its own cursor")
  }

  /** Lets everything go its way: what was finished must come through whole, the rest is cancelled. */
  settle(): void {
    const { pair } = this
    const progress = () =>
      this.streams.reduce((sum, { read }) => sum + read.received + read.results.length, pair.opened.length)
    for (let before = -1; before !== progress();) {
      before = progress()
      this.deliver("source", Infinity)
      this.deliver("proxy", Infinity)
      this.deliver("source", Infinity)
      for (const { read } of this.streams) pair.consume(read)
    }
    this.check()
    for (const stream of this.streams) {
      const finished = stream.ended === "finished" && !stream.cancelled
      if (finished)
        must(
          stream.read.received === stream.written && "reason" in stream.read.results[0]!,
          "what is finished comes whole",
        )
      this.cancel(stream)
      must(stream.read.results.length === 1, "every stream ends")
      stream.read.stream!.release()
    }
    this.deliver("source", Infinity)
    this.deliver("proxy", Infinity)
    this.deliver("source", Infinity)
    const left = [pair.source.streams, pair.source.ready, pair.proxy.streams, pair.proxy.ready, pair.budget.taken]
    must(
      left.every((count) => count === 0),
      "closed streams leave nothing behind",
    )
    must(pair.source.poll(pair.now) === undefined && pair.proxy.poll(pair.now) === undefined, "all is said")
  }
}

/** Cheaper than `expect`, for what is asked at every byte. */
const must = (holds: boolean, what: string): void => {
  if (!holds) throw new Error(`broken: ${what}`)
}

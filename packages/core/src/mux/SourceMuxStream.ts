/** One stream as the source's multiplexer has it: what its handler wrote and what of it may be sent now. */
import * as Frame from "../link/Frame.ts"
import { FrameType } from "../link/FrameType.ts"
import { MAX_MARKS, MAX_QUEUED } from "../link/LinkLimits.ts"
import type { LinkLost } from "../link/LinkLost.ts"
import { End, Head } from "../link/LinkMessage.ts"
import { LogGap } from "../log/LogGap.ts"
import type { StreamWriter } from "../link/LinkStream.ts"
import { MuxQueue } from "./MuxQueue.ts"
import { codeOf, type StreamError } from "../link/StreamError.ts"

/** Where a stream tells that it has something to send. */
export interface SourceMuxLines {
  /** It has a HEAD or RESET. */
  readonly urgent: (stream: SourceMuxStream) => void
  /** It has something that keeps its turn. */
  readonly inTurn: (stream: SourceMuxStream) => void
  /** Its last frame has been given out, or nobody wants one any more. */
  readonly forget: (stream: SourceMuxStream) => void
}

/** A frame without credit that keeps its place behind the bytes before it. */
interface Mark {
  readonly offset: number
  /** Absent for a gap. */
  readonly cursor?: Uint8Array
  /** The payload of a GAP. */
  readonly gap?: Uint8Array
}

export class SourceMuxStream implements StreamWriter {
  readonly id: number
  /** Called once if the proxy, or the loss of the link, ends the stream before `finish` or `fail` did. */
  onCancel: ((why: StreamError | LinkLost) => void) | null = null
  readonly #lines: SourceMuxLines
  readonly #queue = new MuxQueue()
  #limit: number
  #sent = 0
  #marks: Array<Mark> = []
  #headGiven = false
  #head: Uint8Array | null = null
  #end: Uint8Array | null = null
  #reset: Uint8Array | null = null
  /** Nothing more is taken from the handler. */
  #done = false
  #onWritable: (() => void) | null = null

  constructor(id: number, limit: number, lines: SourceMuxLines) {
    this.id = id
    this.#limit = limit
    this.#lines = lines
  }

  readonly head = (head: Head): void => {
    if (this.#done || this.#headGiven) return
    this.#headGiven = true
    this.#head = Frame.withPayload(FrameType.head, this.id, jsonOf("HEAD", Frame.encodeJson(Head, head)))
    this.#lines.urgent(this)
    this.#lineUp()
  }

  readonly write = (bytes: Uint8Array, room = 0): boolean => {
    if (this.#done) return false
    this.#queue.push(bytes, room)
    this.#lineUp()
    return this.#queue.cost <= MAX_QUEUED
  }

  readonly onWritable = (callback: () => void): void => {
    if (this.#done) return
    if (this.#queue.cost <= MAX_QUEUED) callback()
    else this.#onWritable = callback
  }

  readonly mark = (cursor: Uint8Array): void => {
    if (this.#done) return
    if (this.#marks.length >= MAX_MARKS && !this.#belongsToGap(this.#marks.length - 1)) this.#marks.pop()
    this.#marks.push({ offset: this.#sent + this.#queue.bytes, cursor })
    this.#lineUp()
  }

  readonly gap = (gap: LogGap, cursor: Uint8Array): void => {
    if (this.#done) return
    const offset = this.#sent + this.#queue.bytes
    this.#marks.push({ offset, gap: jsonOf("GAP", Frame.encodeJson(LogGap, gap)) })
    this.mark(cursor)
  }

  /** The answer is whole: END follows the last byte. Without a HEAD before it there is no answer, and the stream is reset. */
  finish(end: End): void {
    if (this.#done) return
    if (!this.#headGiven) return this.#resetWith("internal", "the source ended its answer before it began it")
    this.#done = true
    this.#onWritable = null
    this.#end = jsonOf("END", Frame.encodeJson(End, end))
    this.#lineUp()
  }

  /** The answer broke off: what is queued is dropped, RESET leaves next. */
  fail(error: StreamError): void {
    if (!this.#done) this.#resetWith(error.reason, error.detail)
  }

  /** The proxy allows as much in all; less than before is ignored. */
  grant(limit: number): void {
    if (limit <= this.#limit) return
    this.#limit = limit
    this.#lineUp()
  }

  /** Ended from outside: drops everything, and tells the handler unless it had finished. */
  cancel(why: StreamError | LinkLost): void {
    const running = !this.#done
    this.#drop()
    this.#reset = this.#end = null
    this.#lines.forget(this)
    if (running) this.onCancel?.(why)
  }

  /** The next frame that waits for no turn. */
  nextUrgent(): Uint8Array | undefined {
    const frame = this.#reset ?? this.#head
    if (frame === null) return undefined
    this.#head = null
    if (frame === this.#reset) this.#lines.forget(this)
    return frame
  }

  /** The next frame in turn: a MARK whose bytes are gone, DATA within credit, or END after all. */
  nextInTurn(maxFrame: number): Uint8Array | undefined {
    if (this.#isMarkDue()) return this.#nextMark()
    if (this.#queue.bytes > 0) return this.#sent < this.#limit ? this.#nextData(maxFrame) : undefined
    if (this.#end === null) return undefined
    const end = Frame.withPayload(FrameType.end, this.id, this.#end)
    this.#end = null
    this.#lines.forget(this)
    return end
  }

  /** Whether `nextInTurn` would give a frame. */
  isReady(): boolean {
    if (!this.#headGiven || this.#reset !== null) return false
    if (this.#isMarkDue()) return true
    return this.#queue.bytes > 0 ? this.#sent < this.#limit : this.#end !== null
  }

  #lineUp(): void {
    if (this.isReady()) this.#lines.inTurn(this)
  }

  #resetWith(reason: StreamError["reason"], detail: string): void {
    this.#drop()
    this.#reset = Frame.reset(this.id, codeOf(reason), detail)
    this.#lines.urgent(this)
  }

  #drop(): void {
    this.#done = true
    this.#onWritable = null
    this.#head = null
    this.#marks = []
    this.#queue.clear()
  }

  /** A gap and the mark behind it stay together. */
  #belongsToGap(at: number): boolean {
    return this.#marks[at]?.gap !== undefined || this.#marks[at - 1]?.gap !== undefined
  }

  #isMarkDue(): boolean {
    return this.#marks.length > 0 && this.#marks[0]!.offset <= this.#sent
  }

  /** A gap, or the last of the marks that are due before the next one; those before it say nothing more. */
  #nextMark(): Uint8Array {
    let last = this.#marks.shift()!
    if (last.gap !== undefined) return Frame.withPayload(FrameType.gap, this.id, last.gap)
    while (this.#isMarkDue() && this.#marks[0]?.gap === undefined) last = this.#marks.shift()!
    return Frame.mark(this.id, last.offset, last.cursor!)
  }

  #nextData(maxFrame: number): Uint8Array {
    // A frame ends where a mark stands: there, between two of them, is where the proxy may put in a word.
    const most = Math.min(this.#limit, this.#marks[0]?.offset ?? Number.POSITIVE_INFINITY) - this.#sent
    const frame = this.#queue.take(Math.min(most, maxFrame))
    Frame.writeHeader(frame, FrameType.data, this.id)
    this.#sent += frame.length - Frame.HEADER_BYTES
    if (this.#onWritable !== null && this.#queue.cost <= MAX_QUEUED / 2) this.#tellWritable()
    return frame
  }

  #tellWritable(): void {
    const callback = this.#onWritable
    this.#onWritable = null
    callback?.()
  }
}

/** HEAD and END are a few short fields; one over 16 KiB is a defect of the handler. */
const jsonOf = (name: string, json: Uint8Array | undefined): Uint8Array => {
  if (json === undefined) throw new RangeError(`${name} is over 16 KiB`)
  return json
}

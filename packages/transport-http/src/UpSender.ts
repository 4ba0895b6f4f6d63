/** The source's sending half, without I/O: numbers frames, puts them into batches, and keeps each until it is acknowledged. */
import { countWithin } from "./FrameBatch.ts"
import { LEAST_BATCH_BYTES } from "./HttpWire.ts"

/** Some frames under way. Its frames never change, save that acknowledged ones leave. */
export interface Batch {
  /** Number of its first frame. */
  seq: number
  frames: ReadonlyArray<Uint8Array>
  isPosting: boolean
  /** Failed attempts. */
  failures: number
  /** When it was first tried; undefined = not yet. */
  since: number | undefined
  /** Not to be tried again before. */
  notBefore: number
}

/** A batch that went faster than this may be followed by a longer one, … */
const QUICK_MS = 500
/** … and one that took longer by a shorter one: on a slow path what is urgent must not wait behind what is big. */
const SLOW_MS = 1_500

export class UpSender {
  readonly #most: number
  readonly #window: number
  #size: number
  #queue: Array<Uint8Array> = []
  #queued = 0
  #batches: Array<Batch> = []
  #next = 0

  constructor(batchBytes: number, window: number) {
    this.#most = batchBytes
    this.#size = Math.min(batchBytes, 2 * LEAST_BATCH_BYTES)
    this.#window = window
  }

  /** Bytes that are in no batch yet. */
  get queued(): number {
    return this.#queued
  }

  /** Frames taken so far. */
  get total(): number {
    return this.#next + this.#queue.length
  }

  /** Whether every frame has been acknowledged. */
  get isIdle(): boolean {
    return this.#queue.length === 0 && this.#batches.length === 0
  }

  push(frame: Uint8Array): void {
    this.#queue.push(frame)
    this.#queued += frame.length
  }

  /** Makes batches of the queue while the window has room. `refill` is called when a batch has room left: it may push. */
  fill(now: number, refill: () => void): void {
    while (this.#queue.length > 0 && this.#batches.length < this.#window) {
      const batch = this.#take(this.#size, now)
      this.#batches.push(batch)
      const room = this.#size - bytesOf(batch.frames)
      refill()
      const first = this.#queue[0]
      if (first === undefined || first.length > room) continue
      batch.frames = [...batch.frames, ...this.#take(room, now).frames]
    }
  }

  /** The oldest batch that may be tried now. */
  ready(now: number): Batch | undefined {
    const oldest = this.#batches.slice(0, this.#window)
    return oldest.find((batch) => !batch.isPosting && batch.notBefore <= now)
  }

  /** When `ready` will have one again; undefined = not before an answer comes. */
  nextReady(): number | undefined {
    const waiting = this.#batches.slice(0, this.#window).filter((batch) => !batch.isPosting)
    return waiting.length === 0 ? undefined : Math.min(...waiting.map((batch) => batch.notBefore))
  }

  /** The proxy has all frames below `ack`. False = it says so of frames that were never sent. */
  acknowledge(ack: number): boolean {
    if (ack > this.#next) return false
    this.#batches = this.#batches.filter((batch) => batch.seq + batch.frames.length > ack)
    const oldest = this.#batches[0]
    if (oldest !== undefined && oldest.seq < ack) {
      oldest.frames = oldest.frames.slice(ack - oldest.seq)
      oldest.seq = ack
    }
    return true
  }

  /** Learns from a POST that has been answered how long the next should be. */
  learn(bytes: number, tookMs: number): void {
    if (tookMs > SLOW_MS) this.#size = Math.max(LEAST_BATCH_BYTES, this.#size / 2)
    else if (tookMs < QUICK_MS && bytes > this.#size / 2) this.#size = Math.min(this.#most, this.#size * 2)
  }

  /** Cuts a batch that is too long in two; frame numbers make that safe whatever has come of it. False = it is one frame. */
  halve(batch: Batch): boolean {
    this.#size = Math.max(LEAST_BATCH_BYTES, Math.min(this.#size, bytesOf(batch.frames) / 2))
    const at = this.#batches.indexOf(batch)
    if (at < 0) return true
    if (batch.frames.length === 1) return false
    const count = Math.min(countWithin(batch.frames, 0, this.#size), batch.frames.length - 1)
    const rest = { ...batch, seq: batch.seq + count, frames: batch.frames.slice(count), isPosting: false }
    batch.frames = batch.frames.slice(0, count)
    this.#batches.splice(at + 1, 0, rest)
    return true
  }

  #take(bytes: number, now: number): Batch {
    const frames = this.#queue.splice(0, countWithin(this.#queue, 0, bytes))
    const seq = this.#next
    this.#next += frames.length
    this.#queued -= bytesOf(frames)
    return { seq, frames, isPosting: false, failures: 0, since: undefined, notBefore: now }
  }
}

export const bytesOf = (frames: ReadonlyArray<Uint8Array>): number =>
  frames.reduce((sum, frame) => sum + frame.length, 0)

/** One reader's way through a log: tail, then since, then until, then the choice of streams; history first, then what comes. */
import type { SinceRule } from "./Flavour.ts"
import { ChunkBatch, type LogEncoding } from "./LogEncoding.ts"
import type { LogQuery } from "./LogQuery.ts"
import type { LogRecord } from "./LogRecord.ts"
import type { Follower, LogStore } from "./LogStore.ts"

export interface LogReadingOptions {
  readonly query: LogQuery
  readonly since: SinceRule
  readonly encoding: LogEncoding
  /** False when the container has ended: a follow then is a plain read. */
  readonly running: boolean
  /** Podman counts lines where Docker counts records. */
  readonly tailCountsLines: boolean
  /** After so many records this is sent as a chunk of its own. */
  readonly garbage?: { readonly afterRecords: number; readonly bytes: Uint8Array } | undefined
  /** After so many records the engine fails in band, and the answer ends. */
  readonly error?: { readonly afterRecords: number; readonly message: string } | undefined
}

/** Holds no record: a slow reader costs a position, and misses what the log drops meanwhile. */
export class LogReading implements Follower {
  position: number
  end: number | undefined
  private readonly store: LogStore
  private readonly options: LogReadingOptions
  private readonly batch: ChunkBatch
  private sinceFound = false
  private delivered = 0
  private garbageSent = false
  private finished = false
  private resume: (() => void) | undefined

  constructor(store: LogStore, options: LogReadingOptions) {
    this.store = store
    this.options = options
    this.batch = new ChunkBatch(options.encoding)
    this.position = startOf(store, options)
    const follows = options.query.follow && options.running
    this.end = follows ? undefined : store.next
    if (follows) store.follow(this)
  }

  /** True when nothing more will come. */
  get ended(): boolean {
    return this.finished || (this.end !== undefined && this.position >= this.end)
  }

  /** The chunks that can be sent now, about 64 KiB at most; empty = nothing yet, or `ended`. */
  next(): Buffer {
    while (!this.finished && this.strike()) {
      this.position = Math.max(this.position, this.store.first)
      if (this.position >= Math.min(this.end ?? Infinity, this.store.next)) break
      const record = this.store.at(this.position)
      if (isPast(record, this.options)) {
        this.finished = true
        break
      }
      if (this.wanted(record)) {
        if (!this.batch.add(record)) break
        this.delivered += 1
      }
      this.position += 1
    }
    return this.batch.take()
  }

  /** Waits until something has changed in the log, or `wake` is called. */
  wait(): Promise<void> {
    return new Promise((resolve) => {
      this.resume = resolve
    })
  }

  readonly wake = (): void => {
    this.resume?.()
    this.resume = undefined
  }

  close(): void {
    this.store.unfollow(this)
    this.wake()
  }

  private wanted(record: LogRecord): boolean {
    const { query, since } = this.options
    if (query.since !== undefined && !this.sinceFound) {
      if (record.time < query.since || (since === "after" && record.time === query.since)) return false
      this.sinceFound = since === "first"
    }
    if (query.until === record.time && since === "after") return false
    return record.stream === "stdout" ? query.stdout : query.stderr
  }

  /** Plays the faults that are due; false when no record may follow now: no room for the fault, or it was the end. */
  private strike(): boolean {
    const { garbage, error } = this.options
    if (garbage !== undefined && !this.garbageSent && this.delivered >= garbage.afterRecords) {
      if (!this.batch.addGarbage(garbage.bytes)) return false
      this.garbageSent = true
    }
    if (error !== undefined && this.delivered >= error.afterRecords) {
      if (!this.batch.addError(error.message)) return false
      this.finished = true
    }
    return !this.finished
  }
}

/** Every engine stops at the first record after `until`, whatever follows. */
const isPast = (record: LogRecord, { query }: LogReadingOptions): boolean =>
  query.until !== undefined && record.time > query.until

const startOf = (store: LogStore, { query, tailCountsLines }: LogReadingOptions): number => {
  if (query.tail === undefined) return store.first
  if (query.tail === 0) return store.next
  if (!tailCountsLines) return Math.max(store.first, store.next - query.tail)
  let position = store.next
  for (let lines = 0; position > store.first; position--) {
    if (endsLine(store.at(position - 1)) && ++lines > query.tail) break
  }
  return position
}

const endsLine = (record: LogRecord): boolean => record.payload.at(-1) === 0x0a

/** One container's log: records in the order they were stored, the oldest dropped when there are too many. */
import type { LogRecord } from "./LogRecord.ts"

/** A reader that waits for more; the store moves it on rotation and tells it where the log ends for it. */
export interface Follower {
  /** Sequence number of the next record to read. */
  position: number
  /** The first sequence number it will not read; undefined while the container may still write. */
  end: number | undefined
  readonly wake: () => void
}

export interface Rotation {
  /** How many of the oldest records are gone; default all. */
  readonly drop?: number
  /** Every follower reads its last so many records again, byte for byte (Docker 20.10 does on each rotation); default 0. */
  readonly duplicate?: number
  /** Every follower misses so many records it has not read yet, and is not told (Docker in a burst); default 0. */
  readonly skip?: number
}

/** What a record costs beyond its payload. */
const RECORD_OVERHEAD_BYTES = 128

export class LogStore {
  private readonly maxBytes: number
  private readonly followers = new Set<Follower>()
  private records: Array<LogRecord> = []
  /** Index in `records` of the oldest that is kept. */
  private head = 0
  /** Sequence number of `records[0]`. */
  private base = 0
  private bytes = 0

  /** `maxBytes` counts payloads and 128 bytes a record; beyond it the oldest records are dropped; at most twice as much stays in memory. */
  constructor(maxBytes: number) {
    this.maxBytes = maxBytes
  }

  /** Sequence number of the oldest record; never goes back. */
  get first(): number {
    return this.base + this.head
  }

  /** Sequence number that the next record will get. */
  get next(): number {
    return this.base + this.records.length
  }

  /** The record of a sequence number in `first` … `next - 1`. */
  at(sequence: number): LogRecord {
    const record = this.records[sequence - this.base]
    if (record === undefined || sequence < this.first) throw new RangeError(`no record ${sequence} in this log`)
    return record
  }

  append(record: LogRecord): void {
    this.records.push(record)
    this.bytes += cost(record)
    while (this.bytes > this.maxBytes && this.first < this.next) this.dropOldest()
    this.wakeAll()
  }

  rotate(rotation: Rotation = {}): void {
    for (const follower of this.followers) {
      if (follower.end !== undefined) continue
      const back = Math.max(this.first, follower.position - (rotation.duplicate ?? 0))
      follower.position = Math.min(this.next, back + (rotation.skip ?? 0))
    }
    for (let left = rotation.drop ?? Infinity; left > 0 && this.first < this.next; left--) this.dropOldest()
    this.wakeAll()
  }

  follow(follower: Follower): void {
    this.followers.add(follower)
  }

  unfollow(follower: Follower): void {
    this.followers.delete(follower)
  }

  /** The container has ended: every follower reads to here, less `missed` records, and ends. */
  endFollowers(missed: number): void {
    for (const follower of this.followers) {
      follower.end = Math.max(0, this.next - missed)
      follower.wake()
    }
    this.followers.clear()
  }

  private dropOldest(): void {
    const record = this.records[this.head]
    if (record === undefined) return
    this.bytes -= cost(record)
    this.head += 1
    if (this.head * 2 < this.records.length) return
    this.records = this.records.slice(this.head)
    this.base += this.head
    this.head = 0
  }

  private wakeAll(): void {
    for (const follower of this.followers) follower.wake()
  }
}

const cost = (record: LogRecord): number => record.payload.length + RECORD_OVERHEAD_BYTES

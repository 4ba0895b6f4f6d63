/** A taker that keeps what it is given, as the engine would have sent it, and can be made to have no room. */
import { CursorTracker } from "@rdl/core/log/CursorTracker"
import type { LogCursor } from "@rdl/core/log/LogCursor"
import type { LogGap } from "@rdl/core/log/LogGap"
import type { LogRecord } from "@rdl/core/log/LogRecord"
import type { LogTaker } from "../../src/log/LogOrigin.ts"

export interface TakenGap extends Pick<LogGap, "since" | "until" | "reason"> {
  /** How many records had come before it. */
  readonly at: number
}

export interface RecordingOptions {
  /** Without frames, as of a container with a terminal. */
  readonly tty?: boolean
  readonly from?: LogCursor | undefined
  /** How many records it takes before it says that there is no room; the room comes a turn of the loop later. */
  readonly room?: number
  /** After so many records it takes no more, and `stopped` resolves. */
  readonly stopAfter?: number
  /** What it wants of a log; default none, so it is given all. */
  readonly literals?: ReadonlyArray<string>
}

export class RecordingTaker implements LogTaker {
  readonly gaps: Array<TakenGap> = []
  readonly stamps: Array<string> = []
  readonly stopped: Promise<void>
  startedAfter: ReadonlyArray<string | undefined> = []
  settles = 0
  records = 0
  /** Records that it was told were passed over. */
  passes = 0
  readonly literals: ReadonlyArray<string>
  private readonly pieces: Array<Buffer> = []
  private readonly bodies: Array<Buffer> = []
  private readonly options: RecordingOptions
  private readonly tracker: CursorTracker
  private left: number
  private readonly watchers = new Set<() => void>()

  constructor(options: RecordingOptions = {}) {
    this.options = options
    this.literals = options.literals ?? []
    this.left = options.room ?? Number.POSITIVE_INFINITY
    this.tracker = new CursorTracker({ container: "0".repeat(64), from: options.from })
    this.stopped = this.until(({ records }) => records === options.stopAfter)
  }

  record(record: LogRecord, offset?: number): void {
    if (this.records === this.options.stopAfter) return
    this.records++
    this.left--
    const { bytes, start, end, stream } = record
    const body = Buffer.from(bytes.subarray(start, end))
    if (this.options.tty !== true) {
      const header = Buffer.alloc(8)
      header[0] = stream
      header.writeUInt32BE(body.length, 4)
      this.pieces.push(header)
    }
    this.pieces.push(body)
    this.bodies.push(body)
    this.stamps.push(body.toString("latin1", 0, 30))
    this.tracker.advance(record, offset)
    if (this.records === this.options.stopAfter) this.tell()
  }

  passed(count: number, last: LogRecord, offset?: number): void {
    if (this.records === this.options.stopAfter) return
    this.passes += count
    this.tracker.pass(count, last, offset)
  }

  file(device: number, inode: bigint): void {
    this.tracker.file({ device, inode })
  }

  startAfter(record: LogRecord | undefined, offset?: number): void {
    const stamp =
      record === undefined ? undefined : Buffer.from(record.bytes.subarray(record.start)).toString("latin1", 0, 30)
    this.startedAfter = [...this.startedAfter, stamp]
    this.tracker.startAfter(record, offset)
  }

  startAt(place: LogCursor): void {
    this.tracker.startAt(place)
  }

  settled(): void {
    this.settles++
    this.tell()
  }

  blocked(): boolean {
    return this.left <= 0 || this.records === this.options.stopAfter
  }

  onRoom(callback: () => void): void {
    if (this.records === this.options.stopAfter) return
    setImmediate(() => {
      this.left = this.options.room ?? Number.POSITIVE_INFINITY
      callback()
    })
  }

  gap(gap: Pick<LogGap, "since" | "until" | "reason">): void {
    this.gaps.push({ ...gap, at: this.records })
    this.tracker.restart()
  }

  cursor(): LogCursor {
    return this.tracker.cursor()
  }

  bytes(): Buffer {
    return Buffer.concat(this.pieces)
  }

  /** What the container wrote. */
  payloads(): string {
    return this.bodies.map((body) => body.toString("utf8", 31)).join("")
  }

  private tell(): void {
    for (const watcher of this.watchers) watcher()
  }

  /** Resolves once the condition holds after a read. */
  until(condition: (taker: this) => boolean): Promise<void> {
    return new Promise((resolve) => {
      const look = (): void => {
        if (!condition(this)) return
        this.watchers.delete(look)
        resolve()
      }
      this.watchers.add(look)
      look()
    })
  }
}

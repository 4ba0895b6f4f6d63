/** Goes through a file once, from a place on, block by block. */
import { Effect, Fiber } from "effect"
import { OriginUnable } from "../log/LogOrigin.ts"
import type { LogFile } from "./LogFile.ts"
import type { RecordFormat } from "./RecordFormat.ts"

/** Kept free before each block: a format may write there. */
export const MARGIN_BYTES = 64
const FIRST_BLOCK_BYTES = 16_384
/** The most that is read at a time, unless a record is longer. */
export const BLOCK_BYTES = 262_144

/** The same of a file in which little is looked at: there it is the reads that take the time. */
export const SEARCH_BLOCK_BYTES = 1_048_576
/** So many blocks of such a file are being read while the one before them is gone through. */
export const SEARCH_BLOCKS_AHEAD = 2

/** How a file is read; one block more is held than are read ahead. */
export interface Pace {
  readonly blockBytes: number
  readonly blocksAhead: number
}

export const READING: Pace = { blockBytes: BLOCK_BYTES, blocksAhead: 1 }
export const SEARCHING: Pace = { blockBytes: SEARCH_BLOCK_BYTES, blocksAhead: SEARCH_BLOCKS_AHEAD }

/** Kept free before what is read ahead, for the beginning of a record that goes on in it; with a longer one it is read again. */
const LEAD_BYTES = 32_768

const NOTHING = Buffer.alloc(0)

/** A block that is being read while one before it is gone through. */
interface Ahead {
  readonly bytes: Buffer
  /** Where in the file it begins. */
  readonly position: number
  readonly read: Fiber.Fiber<number, OriginUnable>
}

export class FilePass {
  readonly file: LogFile
  /** `bytes[start..end)` is what was read and not yet taken; who takes some moves `start` and `position`. */
  bytes: Buffer = NOTHING
  start = 0
  end = 0
  /** Where in the file `bytes[start]` is. */
  position: number
  private readonly format: RecordFormat
  private readonly first: number
  private pace = READING
  /** One behind the other. */
  private ahead: Array<Ahead> = []
  /** A block that was gone through, for what is read ahead next. */
  private spare: Buffer = NOTHING

  /** `first` bytes are read at first, then more and more. */
  constructor(file: LogFile, format: RecordFormat, position: number, first = FIRST_BLOCK_BYTES) {
    this.file = file
    this.format = format
    this.position = position
    this.first = first
  }

  /**
   * Reads on behind what is there; how many bytes came, 0 where the file ends, as of now: a block that was read ahead ends
   * nothing. Fails where they cannot be a log.
   */
  readonly fill: Effect.Effect<number, OriginUnable> = Effect.suspend(() => {
    const ahead = this.ahead.shift()
    const read =
      ahead === undefined
        ? this.readOn
        : Effect.flatMap(Fiber.join(ahead.read), (count) => {
            if (count > 0 && this.isNext(ahead)) return this.take(ahead.bytes, count)
            this.ahead = []
            return this.readOn
          })
    return Effect.flatMap(read, (count) => {
      const sound = this.format.sound?.(this.bytes, this.start, this.end) ?? true
      if (!sound) return Effect.fail(damaged())
      this.readAhead()
      return Effect.succeed(count)
    })
  })

  /** Reads at this pace from now on, at first at `READING`; what was read ahead at another one is let go of. */
  goAt(pace: Pace): void {
    if (pace === this.pace) return
    this.pace = pace
    this.spare = NOTHING
    this.ahead = []
  }

  /** Forgets what was read behind the last record taken, and gives the memory back. */
  release(): void {
    this.bytes = this.spare = NOTHING
    this.ahead = []
    this.start = 0
    this.end = 0
    this.format.forget?.()
  }

  private readonly readOn: Effect.Effect<number, OriginUnable> = Effect.suspend(() => {
    this.makeRoom()
    const room = this.bytes.length - this.end
    const read = this.file.read(this.bytes, this.end, room, this.position + this.end - this.start)
    return Effect.map(read, (count) => {
      this.end += count
      return count
    })
  })

  private isNext({ position }: Ahead): boolean {
    const rest = this.end - this.start
    return rest <= LEAD_BYTES && position === this.position + rest
  }

  /** Goes on with a block that was read ahead. */
  private take(bytes: Buffer, count: number): Effect.Effect<number> {
    this.spare = this.bytes
    const start = LEAD_BYTES - (this.end - this.start)
    this.bytes.copy(bytes, start, this.start, this.end)
    this.bytes = bytes
    this.start = start
    this.end = LEAD_BYTES + count
    return Effect.succeed(count)
  }

  /** Begins to read the next blocks, where there seem to be some: a block that is not full was the last. */
  private readAhead(): void {
    const { bytes, end, file, pace } = this
    // A file that is packed is unpacked by itself, ahead of who reads it, and can be asked only one thing at a time.
    if (file.compressed || end < bytes.length || bytes.length !== MARGIN_BYTES + pace.blockBytes) {
      this.spare = NOTHING
      return
    }
    const length = bytes.length - LEAD_BYTES
    while (this.ahead.length < pace.blocksAhead) {
      const last = this.ahead[this.ahead.length - 1]
      const position = last === undefined ? this.position + end - this.start : last.position + length
      const into = this.spare.length === bytes.length ? this.spare : Buffer.allocUnsafe(bytes.length)
      this.spare = NOTHING
      // A fork would begin only when there is nothing else to do: when the block at hand has been gone through.
      const read = Effect.runFork(file.read(into, LEAD_BYTES, length, position))
      this.ahead.push({ bytes: into, position, read })
    }
  }

  private makeRoom(): void {
    const rest = this.end - this.start
    const size = this.bytes.length - MARGIN_BYTES
    // A block that was read ahead may begin within the margin.
    const isFull = size > 0 && (this.end === this.bytes.length || rest >= size)
    const wanted = size <= 0 ? this.first : isFull ? Math.max(Math.min(size * 4, this.pace.blockBytes), rest * 2) : size
    const bytes = wanted !== size ? Buffer.allocUnsafe(MARGIN_BYTES + wanted) : this.bytes
    if (rest > 0) this.bytes.copy(bytes, MARGIN_BYTES, this.start, this.end)
    this.bytes = bytes
    this.start = MARGIN_BYTES
    this.end = MARGIN_BYTES + rest
  }
}

/** The bytes are not those of a log: the engine may still make something of them. */
export const damaged = (): OriginUnable => new OriginUnable({ detail: "the log's files are damaged" })

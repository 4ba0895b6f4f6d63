/** Goes through a file once, from a place on, block by block. */
import { Effect } from "effect"
import { OriginUnable } from "../log/LogOrigin.ts"
import type { LogFile } from "./LogFile.ts"
import type { RecordFormat } from "./RecordFormat.ts"

/** Kept free before each block: a format may write there. */
export const MARGIN_BYTES = 64
const FIRST_BLOCK_BYTES = 16_384
/** The most that is read at a time, unless a record is longer. */
export const BLOCK_BYTES = 262_144

const NOTHING = Buffer.alloc(0)

export class FilePass {
  readonly file: LogFile
  /** `bytes[start..end)` is what was read and not yet taken; who takes some moves `start` and `position`. */
  bytes = NOTHING
  start = 0
  end = 0
  /** Where in the file `bytes[start]` is. */
  position: number
  private readonly format: RecordFormat
  private readonly limit: number
  private readonly first: number

  /** Nothing from `limit` on is read, and `first` bytes at first: then more and more. */
  constructor(
    file: LogFile,
    format: RecordFormat,
    position: number,
    limit = Number.POSITIVE_INFINITY,
    first = FIRST_BLOCK_BYTES,
  ) {
    this.file = file
    this.format = format
    this.position = position
    this.limit = limit
    this.first = first
  }

  /** Reads on behind what is there; how many bytes came, 0 at the end. Fails where they cannot be a log. */
  readonly fill: Effect.Effect<number, OriginUnable> = Effect.suspend(() => {
    this.makeRoom()
    const room = Math.min(this.bytes.length - this.end, this.limit - this.position - (this.end - this.start))
    if (room <= 0) return Effect.succeed(0)
    const read = this.file.read(this.bytes, this.end, room, this.position + this.end - this.start)
    return Effect.flatMap(read, (count) => {
      this.end += count
      const sound = this.format.sound?.(this.bytes, this.start, this.end) ?? true
      return sound ? Effect.succeed(count) : Effect.fail(damaged())
    })
  })

  /** Forgets what was read behind the last record taken, and gives the memory back. */
  release(): void {
    this.bytes = NOTHING
    this.start = 0
    this.end = 0
    this.format.forget?.()
  }

  private makeRoom(): void {
    const rest = this.end - this.start
    const isFull = this.bytes.length > 0 && this.end === this.bytes.length
    const size = this.bytes.length - MARGIN_BYTES
    const wanted = size <= 0 ? this.first : isFull ? Math.max(Math.min(size * 4, BLOCK_BYTES), size, rest * 2) : size
    const bytes = wanted > size ? Buffer.allocUnsafe(MARGIN_BYTES + wanted) : this.bytes
    if (rest > 0) this.bytes.copy(bytes, MARGIN_BYTES, this.start, this.end)
    this.bytes = bytes
    this.start = MARGIN_BYTES
    this.end = MARGIN_BYTES + rest
  }
}

/** The bytes are not those of a log: the engine may still make something of them. */
export const damaged = (): OriginUnable => new OriginUnable({ detail: "the log's files are damaged" })

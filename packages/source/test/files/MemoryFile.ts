/** A log file that is in memory, and can grow or be emptied while it is read. */
import { Effect } from "effect"
import type { LogFile } from "../../src/files/LogFile.ts"
import { OriginUnable } from "../../src/log/LogOrigin.ts"

export class MemoryFile implements LogFile {
  readonly device = 1
  readonly inode = 2n
  readonly compressed: boolean
  readonly close = Effect.void
  readonly size = Effect.sync(() => this.content.length)
  content: Buffer
  /** Told of each read, by its number, before it looks into the file. */
  onRead: (read: number) => void = () => undefined
  /** How many a read gives of the bytes that there are for it; at least one. */
  most: (length: number) => number = (length) => length
  /** A read that fails. */
  failing = -1
  reads = 0
  /** Reads that are going on, and the most that ever were. */
  running = 0
  atOnce = 0
  /** What was read into, and how far into the file anybody looked. */
  readonly blocks = new Set<Buffer>()
  furthest = 0

  constructor(content: Buffer, compressed = false) {
    this.content = content
    this.compressed = compressed
  }

  /** As a thread would: at some moment after it was asked, of what is in the file then, and it is told later still. */
  readonly read = (into: Buffer, at: number, length: number, position: number): Effect.Effect<number, OriginUnable> =>
    Effect.async((resume) => {
      const read = this.reads++
      this.blocks.add(into)
      this.furthest = Math.max(this.furthest, position + length)
      this.atOnce = Math.max(this.atOnce, ++this.running)
      setImmediate(() => {
        this.onRead(read)
        const there = Math.max(0, Math.min(length, this.content.length - position))
        const count = Math.min(there, Math.max(1, this.most(there)))
        this.content.subarray(position, position + count).copy(into, at)
        setImmediate(() => {
          this.running--
          resume(
            read === this.failing ? Effect.fail(new OriginUnable({ detail: "it is to fail" })) : Effect.succeed(count),
          )
        })
      })
    })
}

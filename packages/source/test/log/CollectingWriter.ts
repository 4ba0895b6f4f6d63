/** A writer that keeps what it is given, and can be made to have no room. */
import { createHash } from "node:crypto"
import type { Head } from "@rdl/core/link/LinkMessage"
import * as LogCursor from "@rdl/core/log/LogCursor"
import type { LogGap } from "@rdl/core/log/LogGap"
import type { StreamWriter } from "@rdl/core/link/LinkSession"
import type { LogRequest } from "../../src/log/LogReader.ts"

export class CollectingWriter implements StreamWriter {
  readonly pieces: Array<Buffer> = []
  heads: ReadonlyArray<Head> = []
  /** Bytes it takes before it says that there is no room. */
  room: number
  private total = 0
  private waiting: (() => void) | undefined
  private readonly watchers = new Set<() => void>()

  constructor(room = Number.POSITIVE_INFINITY) {
    this.room = room
  }

  head = (head: Head): void => {
    this.heads = [...this.heads, head]
    this.tell()
  }

  write = (bytes: Uint8Array): boolean => {
    this.pieces.push(Buffer.from(bytes))
    this.total += bytes.length
    this.room -= bytes.length
    this.tell()
    return this.room > 0
  }

  onWritable = (callback: () => void): void => {
    if (this.room > 0) callback()
    else this.waiting = callback
  }

  /** Where it was marked, in bytes, and gapped. */
  readonly marks: Array<{ readonly offset: number; readonly cursor: Uint8Array }> = []
  readonly gaps: Array<{ readonly offset: number; readonly gap: LogGap }> = []

  mark = (cursor: Uint8Array): void => {
    this.marks.push({ offset: this.total, cursor })
  }

  gap = (gap: LogGap, cursor: Uint8Array): void => {
    this.gaps.push({ offset: this.total, gap })
    this.mark(cursor)
    this.tell()
  }

  /** Makes room, and lets go on who waits for it. */
  give(bytes: number): void {
    this.room += bytes
    if (this.room <= 0) return
    const waiting = this.waiting
    this.waiting = undefined
    waiting?.()
  }

  bytes(): Buffer {
    return Buffer.concat(this.pieces)
  }

  text(): string {
    return this.bytes().toString("utf8")
  }

  sha256(): string {
    return sha256(this.bytes())
  }

  /** Waits until what was written fulfils the condition; the test's own timeout is the bound. */
  until(condition: (writer: CollectingWriter) => boolean): Promise<void> {
    return new Promise((resolve) => {
      const check = () => {
        if (!condition(this)) return
        this.watchers.delete(check)
        resolve()
      }
      this.watchers.add(check)
      check()
    })
  }

  private tell(): void {
    for (const watcher of this.watchers) watcher()
  }
}

export const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex")

/** What a user who got so many bytes of an answer, itself gone on with from `before`, asks to go on from. */
export const resumeFrom = (writer: CollectingWriter, received: number, before: LogRequest["resume"]) => {
  const mark = writer.marks.findLast(({ offset }) => offset <= received)
  return mark === undefined
    ? { cursor: before!.cursor, received: before!.received + received }
    : { cursor: LogCursor.toText(mark.cursor), received: received - mark.offset }
}

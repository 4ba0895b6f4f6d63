/**
 * Finds the records in a block that may be wanted, by a text that all wanted lines contain: searching raw bytes for it
 * takes a tenth of the time that reading the records would. What it passes over is never wanted; what it finds may not be.
 */
import type { LogRecord } from "@rdl/core/log/LogRecord"
import { isTerminated } from "@rdl/core/log/LogRecord"
import { NeedleSearch } from "./NeedleSearch.ts"
import type { RecordFormat } from "./RecordFormat.ts"

/** From so many bytes of payload on, a record may be a piece of a line: then its text may be cut in two. */
const PIECE_BYTES = 16_384

/** Goes through blocks of a file; an instance belongs to one reader of one log. */
export class GrepBlock {
  /** Records that the last `seek` passed over, and where the last of them begins. */
  passed = 0
  lastPassed = 0
  private readonly format: RecordFormat
  private readonly needle: NeedleSearch
  /** Up to here the block is known to have no needle, but for one that begins here; -1 = not searched. */
  private hit = -1
  /** The line of each stream that is not over yet, which may be wanted for what came before. */
  private readonly isOpen: [boolean, boolean] = [false, false]

  constructor(format: RecordFormat, needle: Buffer) {
    this.format = format
    this.needle = new NeedleSearch(needle)
  }

  /** There are other bytes in the block, or they lie elsewhere. To be called before `seek` after each read. */
  reset(): void {
    this.hit = -1
  }

  /**
   * The boundary, from the one at `start` on, of the first record of `bytes[start..end)` to be read: one that may be wanted,
   * or that is not whole, or corrupt. No record before it is wanted.
   */
  seek(bytes: Buffer, start: number, end: number): number {
    this.passed = 0
    if (this.isOpen[0] || this.isOpen[1]) return start
    if (this.hit < start) this.hit = this.needle.find(bytes, start, end)
    let at = start
    for (;;) {
      const next = this.format.skip(bytes, at, end)
      if (next < 0 || next > this.hit || next - at >= PIECE_BYTES) return at
      this.lastPassed = at
      this.passed++
      at = next
    }
  }

  /** The record that `seek` led to has been read: the rest of its line is to be read too. */
  took(record: LogRecord): void {
    this.isOpen[record.stream - 1] = !isTerminated(record) && record.end - record.payload >= PIECE_BYTES
  }
}

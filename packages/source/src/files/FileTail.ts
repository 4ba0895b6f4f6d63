/**
 * Gives what has just been written to a file at once, in the turn of the event loop that tells of it: a reader in a thread
 * of the pool would have to be woken three times first. Plain callbacks, no Effect.
 */
import { MARGIN_BYTES, type FilePass } from "./FilePass.ts"
import type { FilePour } from "./FilePour.ts"
import type { FileHead } from "./FileHead.ts"
import { type FileNow, MAX_NOW_BYTES } from "./LogFile.ts"
import type { RecordFormat } from "./RecordFormat.ts"

/** Reading that takes longer than this, in milliseconds, is not done at once again for so many times as long: it holds everybody up. */
const SLOW_MS = 5
const SPARE_TIMES = 20

export class FileTail {
  private readonly pour: FilePour
  private readonly format: RecordFormat
  private spareUntil = Number.NEGATIVE_INFINITY

  constructor(pour: FilePour, format: RecordFormat) {
    this.pour = pour
    this.format = format
  }

  /**
   * Gives what came behind the pass, which is of the file that the engine writes to; false where there is more to it than
   * that, be it that it is much: nothing is lost then, and the pass goes on from where it is.
   */
  give(pass: FilePass, head: FileHead): boolean {
    const { now } = pass.file
    const began = performance.now()
    if (now === undefined || began < this.spareUntil) return false
    try {
      const read = this.read(pass, head, now)
      const took = performance.now() - began
      if (took > SLOW_MS) this.spareUntil = began + took * SPARE_TIMES
      if (read !== "some") return read === "none"
    } catch {
      return false
    }
    if (!this.pour.pourRead(pass)) return false
    if (pass.end === pass.start) pass.release()
    return true
  }

  private read(pass: FilePass, head: FileHead, now: FileNow): "some" | "none" | "else" {
    const rest = pass.end - pass.start
    const from = pass.position + rest
    const count = now.read(scratch, 0, MAX_NOW_BYTES, from)
    // A file that is shorter than it was has been emptied.
    if (count === 0) return now.size() === from ? "none" : "else"
    if (count + rest >= MAX_NOW_BYTES || !head.isSameNow()) return "else"
    const bytes = Buffer.allocUnsafe(MARGIN_BYTES + rest + count)
    pass.bytes.copy(bytes, MARGIN_BYTES, pass.start, pass.end)
    scratch.copy(bytes, MARGIN_BYTES + rest, 0, count)
    if (this.format.sound?.(bytes, MARGIN_BYTES, bytes.length) === false) return "else"
    pass.bytes = bytes
    pass.start = MARGIN_BYTES
    pass.end = bytes.length
    return "some"
  }
}

/** Of all tails: what is read is copied out before anything else happens. */
const scratch = Buffer.allocUnsafe(MAX_NOW_BYTES)

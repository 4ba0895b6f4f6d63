/**
 * Searches bytes for a text by a part of it that begins with the byte that is rarest there: where that byte is, is found
 * at the memory's pace, while a text that begins as every line does takes up to thirty times as long.
 */

/** For more than six bytes node searches another way, which steps over some but is slower where the first one is rare. */
const PART_BYTES = 6
/** The least of a text's bytes that a part has: fewer are found too often. */
const LEAST_BYTES = 3
/** Of what is searched first so much is looked at to learn which bytes are rare. */
const SAMPLE_BYTES = 16_384
/** So often in one search the part may be found where the text is not; from then on all of the text is searched for. */
const MAX_MISSES = 256

/** Searches for one text, of at least three bytes; what it learns of the first bytes it is given, it goes by ever after. */
export class NeedleSearch {
  private readonly needle: Buffer
  private part: Buffer | undefined
  /** Bytes of the needle before the part. */
  private lead = 0

  constructor(needle: Buffer) {
    this.needle = needle
  }

  /** Where the text first begins within `bytes[start..end)`, all of it; `end` where it does not. */
  find(bytes: Buffer, start: number, end: number): number {
    // Where every line has the text, even a view for each is felt.
    const searched = end === bytes.length ? bytes : bytes.subarray(0, end)
    this.part ??= this.choose(searched, start)
    let at = start
    for (let misses = 1; ; misses++) {
      const found = searched.indexOf(this.part, at + this.lead)
      if (found < 0) return end
      at = found - this.lead
      if (this.isAt(searched, at)) return at
      at++
      if (misses < MAX_MISSES) continue
      this.part = this.needle
      this.lead = 0
    }
  }

  private isAt(bytes: Buffer, from: number): boolean {
    const { needle } = this
    for (let at = 0; at < needle.length; at++) if (bytes[from + at] !== needle[at]) return false
    return true
  }

  private choose(bytes: Buffer, start: number): Buffer {
    const { needle } = this
    const counts = new Uint32Array(256)
    for (let at = Math.min(bytes.length, start + SAMPLE_BYTES); at > start;) counts[bytes[--at]!]!++
    for (let at = 1; at <= needle.length - LEAST_BYTES; at++)
      if (counts[needle[at]!]! < counts[needle[this.lead]!]!) this.lead = at
    return needle.subarray(this.lead, this.lead + PART_BYTES)
  }
}

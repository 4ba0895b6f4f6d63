/** The inside of a JSON string turned into the bytes it means, where it lies: these are never more. */
import { CORRUPT } from "./RecordFormat.ts"

const QUOTE = 0x22
const BACKSLASH = 0x5c
const LETTER_U = 0x75

/**
 * Where the text ends whose escapes `unescape` has undone. One object is used for all strings: it says something only
 * until the next call.
 */
export class JsonText {
  /** Behind the last byte of the meaning. */
  end = 0

  /**
   * Undoes the escapes of the string whose first one is at `from`, at the latest at its closing quote, which must lie before
   * `end`; the place of that quote, or `CORRUPT`. A surrogate without its other half becomes U+FFFD, as in Go.
   */
  unescape(bytes: Buffer, from: number, end: number): number {
    let at = from
    let to = from
    while (at < end) {
      const byte = bytes[at]!
      if (byte === QUOTE) {
        this.end = to
        return at
      }
      if (byte < 0x20) return CORRUPT
      if (byte !== BACKSLASH) {
        bytes[to++] = byte
        at++
        continue
      }
      const kind = bytes[at + 1]!
      if (kind === LETTER_U) {
        const unit = hexUnit(bytes, at + 2, end)
        if (unit < 0) return CORRUPT
        const low = isHigh(unit) && bytes[at + 6] === BACKSLASH && bytes[at + 7] === LETTER_U ? at + 8 : -1
        const second = low < 0 ? -1 : hexUnit(bytes, low, end)
        const paired = second >= 0xdc00 && second <= 0xdfff
        to = writeUtf8(bytes, to, paired ? 0x10000 + ((unit - 0xd800) << 10) + (second - 0xdc00) : unit)
        at += paired ? 12 : 6
      } else {
        const meaning = simple[kind] ?? 0
        if (meaning === 0) return CORRUPT
        bytes[to++] = meaning
        at += 2
      }
    }
    return CORRUPT
  }
}

/** What a letter after a backslash means; 0 = nothing. */
const simple = new Uint8Array(256)
for (const [letter, meaning] of Object.entries({
  '"': '"',
  "\\": "\\",
  "/": "/",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
}))
  simple[letter.charCodeAt(0)] = meaning.charCodeAt(0)

const isHigh = (unit: number): boolean => unit >= 0xd800 && unit <= 0xdbff

/** The number that four digits spell; -1 where they are none. */
const hexUnit = (bytes: Buffer, at: number, end: number): number => {
  if (at + 4 > end) return -1
  let unit = 0
  for (let offset = 0; offset < 4; offset++) {
    const byte = bytes[at + offset]! | 0x20
    const digit = byte >= 0x30 && byte <= 0x39 ? byte - 0x30 : byte >= 0x61 && byte <= 0x66 ? byte - 0x57 : -1
    if (digit < 0) return -1
    unit = (unit << 4) | digit
  }
  return unit
}

const writeUtf8 = (bytes: Buffer, to: number, meant: number): number => {
  const code = meant >= 0xd800 && meant <= 0xdfff ? 0xfffd : meant
  if (code < 0x80) {
    bytes[to] = code
    return to + 1
  }
  if (code < 0x800) {
    bytes[to] = 0xc0 | (code >> 6)
    bytes[to + 1] = 0x80 | (code & 0x3f)
    return to + 2
  }
  if (code < 0x10000) {
    bytes[to] = 0xe0 | (code >> 12)
    bytes[to + 1] = 0x80 | ((code >> 6) & 0x3f)
    bytes[to + 2] = 0x80 | (code & 0x3f)
    return to + 3
  }
  bytes[to] = 0xf0 | (code >> 18)
  bytes[to + 1] = 0x80 | ((code >> 12) & 0x3f)
  bytes[to + 2] = 0x80 | ((code >> 6) & 0x3f)
  bytes[to + 3] = 0x80 | (code & 0x3f)
  return to + 4
}

/**
 * What stands behind the payload in nine of ten lines of a json-file log: no attributes, and a timestamp of nine decimals.
 * Compared and copied four bytes at a time, which takes a quarter of the time that one at a time would.
 */

const word = (text: string): number => Buffer.from(text).readUInt32BE()

const WORDS = {
  key: [word(`","s`), word("trea"), word(`m":"`)],
  stdout: [word("stdo"), word(`ut",`)],
  stderr: [word("stde"), word(`rr",`)],
  time: [word(`"tim`), word(`e":"`)],
  end: word(`Z"}\n`),
} as const

/** Of `2026-11-22T10:44:07.200217800`, and from the payload's closing quote to it. */
const STAMP_DIGITS = 29
const TO_STAMP = 28
/** From a payload's closing quote to the next line. */
export const USUAL_BYTES = TO_STAMP + STAMP_DIGITS + 4

const DOT = 0x2e
const LETTER_T = 0x54
const LETTER_Z = 0x5a
const SPACE = 0x20

const NOTHING = Buffer.alloc(0)

/** Holds on to the block it looked at last, until `forget`. */
export class UsualRest {
  private bytes: Buffer = NOTHING
  private view: DataView = new DataView(NOTHING.buffer)

  /**
   * The stream of the line whose payload is over at `quote`, 0 where it is an unusual one, or cut off by `end`. Writes its
   * timestamp, and a space, to `to`.
   */
  read(bytes: Buffer, quote: number, end: number, to: number): 0 | 1 | 2 {
    if (quote + USUAL_BYTES > end) return 0
    if (bytes !== this.bytes) this.look(bytes)
    const { view } = this
    const stamp = quote + TO_STAMP
    if (view.getUint32(stamp + STAMP_DIGITS) !== WORDS.end || !isHead(view, quote)) return 0
    if (bytes[stamp + 10] !== LETTER_T || bytes[stamp + 19] !== DOT) return 0
    const stream = streamAt(view, quote + 12)
    if (stream === 0) return 0
    for (let offset = 0; offset < STAMP_DIGITS - 1; offset += 4)
      view.setUint32(to + offset, view.getUint32(stamp + offset))
    bytes[to + STAMP_DIGITS - 1] = bytes[stamp + STAMP_DIGITS - 1]!
    bytes[to + STAMP_DIGITS] = LETTER_Z
    bytes[to + STAMP_DIGITS + 1] = SPACE
    return stream
  }

  forget(): void {
    this.bytes = NOTHING
    this.view = new DataView(NOTHING.buffer)
  }

  private look(bytes: Buffer): void {
    this.bytes = bytes
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  }
}

const isHead = (view: DataView, at: number): boolean =>
  view.getUint32(at) === WORDS.key[0] &&
  view.getUint32(at + 4) === WORDS.key[1] &&
  view.getUint32(at + 8) === WORDS.key[2] &&
  view.getUint32(at + 20) === WORDS.time[0] &&
  view.getUint32(at + 24) === WORDS.time[1]

const streamAt = (view: DataView, at: number): 0 | 1 | 2 => {
  const name = view.getUint32(at)
  const rest = view.getUint32(at + 4)
  if (name === WORDS.stdout[0] && rest === WORDS.stdout[1]) return 1
  return name === WORDS.stderr[0] && rest === WORDS.stderr[1] ? 2 : 0
}

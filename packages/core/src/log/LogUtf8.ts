/** UTF-8 in bytes that may be anything, as the WHATWG Encoding Standard reads it. */

/**
 * Length of the character whose bytes begin at `at`; where they are none, minus the length of the part that U+FFFD stands
 * for. Called for bytes from 0x80 on.
 */
export const characterLength = (bytes: Uint8Array, at: number, end: number): number => {
  const lead = bytes[at] ?? 0
  const length = expectedLength(lead)
  if (length === 0) return -1
  // The second byte's range is what keeps overlong forms, surrogates and what lies beyond U+10FFFF out.
  const low = lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80
  const high = lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf
  const second = at + 1 < end ? (bytes[at + 1] ?? 0) : 0
  if (second < low || second > high) return -1
  for (let offset = 2; offset < length; offset++) {
    const next = at + offset < end ? (bytes[at + offset] ?? 0) : 0
    if (next < 0x80 || next > 0xbf) return -offset
  }
  return length
}

/** How many bytes at the end of `bytes[start..end)` begin a character that goes on behind it: 0 to 3. */
export const incompleteTail = (bytes: Uint8Array, start: number, end: number): number => {
  for (let back = 1; back <= 3 && end - back >= start; back++) {
    const byte = bytes[end - back] ?? 0
    if (byte < 0x80) return 0
    if (byte >= 0xc0) return expectedLength(byte) > back && characterLength(bytes, end - back, end) === -back ? back : 0
  }
  return 0
}

const expectedLength = (lead: number): number =>
  lead < 0xc2 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf5 ? 4 : 0

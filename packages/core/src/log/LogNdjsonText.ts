/** Any bytes as the inside of a JSON string. */
import type { LogOutput } from "./LogOutput.ts"
import { characterLength } from "./LogUtf8.ts"

/**
 * Writes `bytes[start..end)` escaped for JSON, as `JSON.stringify` would; what is not UTF-8 becomes U+FFFD, as with a
 * TextDecoder.
 */
export const writeJsonText = (output: LogOutput, bytes: Uint8Array, start: number, end: number): void => {
  let from = start
  let at = start
  while (at < end) {
    const byte = bytes[at] ?? 0
    const kind = KINDS[byte]
    if (kind === PLAIN) at++
    else if (kind === ESCAPED) {
      output.write(bytes, from, at)
      const escape = ESCAPES[byte] ?? REPLACEMENT
      output.write(escape, 0, escape.length)
      from = ++at
    } else {
      const length = characterLength(bytes, at, end)
      if (length > 0) at += length
      else {
        output.write(bytes, from, at)
        output.write(REPLACEMENT, 0, REPLACEMENT.length)
        from = at -= length
      }
    }
  }
  output.write(bytes, from, end)
}

const PLAIN = 0
const ESCAPED = 1
const KINDS = Uint8Array.from({ length: 256 }, (_, byte) =>
  byte >= 0x80 ? 2 : byte < 0x20 || byte === 0x22 || byte === 0x5c ? ESCAPED : PLAIN,
)

const REPLACEMENT = new TextEncoder().encode("\ufffd")
const ESCAPES: ReadonlyArray<Uint8Array> = Array.from({ length: 128 }, (_, byte) =>
  new TextEncoder().encode(JSON.stringify(String.fromCharCode(byte)).slice(1, -1)),
)

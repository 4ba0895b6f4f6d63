/** How a log that the engine cannot give is told: as a stream that broke, never as one that ended. */
import { StreamError } from "../link/StreamError.ts"

export const engineError = (detail: string): StreamError =>
  new StreamError({ reason: "engine-error", detail: `the engine's log cannot be read: ${detail}` })

/** The most bytes of an engine's own words that are kept. */
const MAX_WORDS = 4096

/** The engine said in band that it cannot go on. */
export class EngineBroke extends StreamError {
  /** Its own words, at most 4 KiB of them; the sentence has 300 bytes. */
  words: Uint8Array = new Uint8Array(0)

  static of(words: Uint8Array): EngineBroke {
    const said = new TextDecoder().decode(words.subarray(0, 300)).trim()
    const broke = new EngineBroke({ reason: "engine-error", detail: `the engine broke off the log: ${said}` })
    broke.words = words
    return broke
  }
}

/** Of words that stand at `bytes[start..end)`, which are copied. */
export const engineBroke = (bytes: Uint8Array, start: number, end: number): StreamError =>
  EngineBroke.of(new Uint8Array(bytes.subarray(start, Math.min(end, start + MAX_WORDS))))

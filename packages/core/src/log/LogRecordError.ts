/** How a log that the engine cannot give is told: as a stream that broke, never as one that ended. */
import { StreamError } from "../link/StreamError.ts"

export const engineError = (detail: string): StreamError =>
  new StreamError({ reason: "engine-error", detail: `the engine's log cannot be read: ${detail}` })

/** The engine's own words, in band; at most 300 bytes of them. */
export const engineBroke = (bytes: Uint8Array, start: number, end: number): StreamError =>
  new StreamError({
    reason: "engine-error",
    detail: `the engine broke off the log: ${new TextDecoder().decode(bytes.subarray(start, Math.min(end, start + 300))).trim()}`,
  })

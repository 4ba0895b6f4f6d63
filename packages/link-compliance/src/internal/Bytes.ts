/** Bytes that tell where they belong: one long text, any stretch of which can be made, and checked, by its offset. */
import * as Frame from "@rdl/core/link/Frame"
import { FrameType } from "@rdl/core/link/FrameType"
import { FastCheck } from "effect"

/** A prime, so that no power of two falls into step with it. */
const period = 131_071

const text = ((): Buffer => {
  const once = Buffer.alloc(period)
  let state = 1
  for (let at = 0; at < period; at++) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
    once[at] = state >>> 16
  }
  return Buffer.concat([once, once, once, once])
})()

/** A copy of `length` bytes of the text from `at` on; at most 384 KiB. */
export const stretch = (at: number, length: number): Uint8Array =>
  new Uint8Array(text.subarray(at % period, (at % period) + length))

export const isStretch = (bytes: Uint8Array, at: number): boolean =>
  text.subarray(at % period, (at % period) + bytes.length).equals(bytes)

/** Frame number n, `length` bytes with its header. */
export const frame = (n: number, length: number): Uint8Array =>
  Frame.withPayload(FrameType.data, n + 1, stretch(n * 61, length - Frame.HEADER_BYTES))

/** Frames 0, 1, 2, … of these lengths. */
export function* framesOf(lengths: ReadonlyArray<number>): Generator<Uint8Array> {
  for (const [n, length] of lengths.entries()) yield frame(n, length)
}

/** Where frames differ from frames 0, 1, 2, … of these lengths: the first number, or -1 where they are those or the beginning of them. */
export const firstWrong = (frames: ReadonlyArray<Uint8Array>, lengths: ReadonlyArray<number>): number =>
  frames.findIndex((each, n) => !Buffer.from(frame(n, lengths[n] ?? Frame.HEADER_BYTES)).equals(each))

/** Lengths of frames, none to `most` bytes of payload. */
export const lengths = (most: number, count: number): FastCheck.Arbitrary<Array<number>> =>
  FastCheck.array(
    FastCheck.oneof(FastCheck.constantFrom(0, 1, most), FastCheck.nat(most)).map(
      (payload) => payload + Frame.HEADER_BYTES,
    ),
    { minLength: 1, maxLength: count, size: "max" },
  )

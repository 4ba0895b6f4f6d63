/** Frames one after the other in an HTTP body; in a poll's answer the number of the first stands before them (docs/protocol-http.md#numbers). */
import { FrameError, violation } from "@rdl/core/link/Frame"
import { SessionCode } from "@rdl/core/link/SessionCode"
import { FrameDecoder } from "@rdl/core/link/FrameDecoder"
import { MAX_PAYLOAD } from "./HttpWire.ts"

const NUMBER_BYTES = 8

export interface NumberedFrames {
  readonly first: number
  readonly frames: ReadonlyArray<Uint8Array>
}

/** One buffer of all frames; the one copy. */
export const join = (frames: ReadonlyArray<Uint8Array>): Uint8Array => Buffer.concat(frames)

export const joinNumbered = ({ first, frames }: NumberedFrames): Uint8Array => {
  const number = Buffer.allocUnsafe(NUMBER_BYTES)
  number.writeBigUInt64BE(BigInt(first))
  return Buffer.concat([number, ...frames])
}

/** The frames as views into the body, which must end where a frame does. Throws FrameError. */
export const split = (body: Uint8Array): ReadonlyArray<Uint8Array> => {
  const frames: Array<Uint8Array> = []
  const decoder = new FrameDecoder(MAX_PAYLOAD)
  decoder.push(body, (frame) => frames.push(frame))
  if (decoder.pending() > 0) throw violation(`a body ends ${decoder.pending()} bytes into a frame`)
  return frames
}

/** Throws FrameError. */
export const splitNumbered = (body: Uint8Array): NumberedFrames => {
  if (body.length < NUMBER_BYTES) throw violation("a batch is shorter than its number")
  const number = new DataView(body.buffer, body.byteOffset, NUMBER_BYTES).getBigUint64(0)
  return { first: Number(number), frames: split(body.subarray(NUMBER_BYTES)) }
}

/** What ends a link whose frames could not be read or handed over: a session code, and why. */
export const readError = (error: unknown): readonly [code: number, reason: string] =>
  error instanceof FrameError
    ? [error.code, error.message]
    : [SessionCode.internal, `a frame could not be handed over: ${String(error)}`]

/** How many of the frames, from `from` on, fit into so many bytes; at least one. */
export const countWithin = (frames: ReadonlyArray<Uint8Array>, from: number, bytes: number): number => {
  let count = 0
  let total = 0
  for (let at = from; at < frames.length; at++) {
    total += frames[at]?.length ?? 0
    if (count > 0 && total > bytes) break
    count += 1
  }
  return count
}

/** Frames a peer might send, honest or not, and what they do to one multiplexer. */
import * as Frame from "../../src/link/Frame.ts"
import { FrameType } from "../../src/link/FrameType.ts"
import { head, inventory, type MuxPair } from "./MuxPair.ts"

export const json = (type: FrameType, id: number, value: unknown): Uint8Array =>
  Frame.withPayload(type, id, new TextEncoder().encode(JSON.stringify(value)))

export const headFrame = (id: number) => json(FrameType.head, id, head)
export const endFrame = (id: number) => json(FrameType.end, id, { reason: "eof" })
export const data = (id: number, length: number) => Frame.allocate(FrameType.data, id, length)
export const openFrame = (id: number, credit = 1000, value: unknown = inventory) =>
  Frame.open(id, credit, new TextEncoder().encode(JSON.stringify(value)))
export const goAway = (code: number, lastStreamId = 0) =>
  Frame.goAway({ code, lastStreamId, retryAfterMs: 0, text: "" })
export const ping = Frame.beat(FrameType.ping, 7)
export const ignorable = Uint8Array.from([0x55, Frame.IGNORABLE, 0, 0, 0, 0, 0, 9, 0, 0, 0, 1, 0])

/** Gives a frame to one side and tells how that ended the session, if it did. */
export const feed = (
  pair: MuxPair,
  to: "source" | "proxy",
  ...frames: ReadonlyArray<Uint8Array>
): string | undefined => {
  for (const frame of frames) pair[to].receive(frame, pair.now)
  const failure = pair.failures.at(-1)
  return failure === undefined ? undefined : `${failure.code}: ${failure.detail}`
}

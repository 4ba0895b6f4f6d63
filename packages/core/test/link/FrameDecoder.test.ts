import { describe, expect, it } from "@effect/vitest"
import { FastCheck as fc } from "effect"
import * as Frame from "../../src/link/Frame.ts"
import { FrameDecoder } from "../../src/link/FrameDecoder.ts"
import { FrameType } from "../../src/link/FrameType.ts"

const frames = fc.array(
  fc
    .uint8Array({ minLength: 1, maxLength: 40 })
    .map((payload) => Frame.withPayload(FrameType.data, payload.length, payload)),
)

const concat = (parts: ReadonlyArray<Uint8Array>): Uint8Array => Uint8Array.from(parts.flatMap((part) => [...part]))

// protocol.md#carriage
describe("FrameDecoder", () => {
  it("gives every frame back, wherever the bytes were split", () => {
    fc.assert(
      fc.property(frames, fc.array(fc.integer({ min: 0, max: 50 }), { minLength: 1 }), (sent, cuts) => {
        const bytes = concat(sent)
        const decoder = new FrameDecoder(40)
        const got: Array<Uint8Array> = []
        for (let at = 0, turn = 0; at < bytes.length; turn++) {
          // A cut of 0 hands over nothing; one byte more than that keeps the loop going.
          const next = at + cuts[turn % cuts.length]! + (turn % 2)
          decoder.push(bytes.subarray(at, next), (frame) => got.push(frame))
          at = next
        }
        expect(got).toEqual(sent)
        expect(decoder.pending()).toBe(0)
      }),
    )
  })

  it("does not copy a frame that lies inside one piece", () => {
    const bytes = concat([Frame.beat(FrameType.ping, 1), Frame.credit(3, 4)])
    const got: Array<Uint8Array> = []
    new FrameDecoder(8).push(bytes, (frame) => got.push(frame))
    expect(got.map((frame) => frame.buffer === bytes.buffer)).toEqual([true, true])
  })

  it("refuses a frame that says it is too long, whole header or split", () => {
    const header = Frame.allocate(FrameType.data, 1, 41).subarray(0, 12)
    expect(() => new FrameDecoder(40).push(header, () => undefined)).toThrow(
      "DATA says 41 bytes of payload, more than 40",
    )
    const decoder = new FrameDecoder(40)
    decoder.push(header.subarray(0, 11), () => undefined)
    expect(() => decoder.push(header.subarray(11), () => undefined)).toThrow("more than 40")
  })

  it("tells that the stream was cut inside a frame", () => {
    const decoder = new FrameDecoder(40)
    decoder.push(Frame.credit(3, 4).subarray(0, 15), () => undefined)
    expect(decoder.pending()).toBe(15)
  })
})

import { describe, expect, it } from "@effect/vitest"
import { Arbitrary, FastCheck as fc, Schema } from "effect"
import * as Frame from "../../src/link/Frame.ts"
import { FrameType } from "../../src/link/FrameType.ts"
import { MAX_JSON_BYTES, MAX_TEXT_BYTES } from "../../src/link/LinkLimits.ts"
import { End, Head, Hello, Open, Welcome } from "../../src/link/LinkMessage.ts"
import { SessionCode } from "../../src/link/SessionCode.ts"
import { codeOf, reasonOf, StreamErrorReason } from "../../src/link/StreamError.ts"

const u32 = fc.nat({ max: 0xffffffff })
const streamId = fc.integer({ min: 1, max: 0xffffffff })
const offset = fc.nat({ max: Number.MAX_SAFE_INTEGER })
const MAX = 65_536

const errorOf = (frame: Uint8Array, maxFrame = MAX): Frame.FrameError | undefined => {
  try {
    Frame.check(frame, maxFrame)
    return undefined
  } catch (error) {
    if (error instanceof Frame.FrameError) return error
    throw error
  }
}

const raw = (type: number, flags: number, stream: number, payload: number, said = payload): Uint8Array => {
  const frame = new Uint8Array(12 + payload)
  const view = new DataView(frame.buffer)
  view.setUint8(0, type)
  view.setUint8(1, flags)
  view.setUint32(4, stream)
  view.setUint32(8, said)
  return frame
}

// protocol.md#frames
describe("Frame", () => {
  it("has the header of the specification, byte for byte", () => {
    const frame = Frame.withPayload(FrameType.data, 0x01020304, new Uint8Array([7, 8, 9]))
    expect(Array.from(frame)).toEqual([0x12, 0, 0, 0, 1, 2, 3, 4, 0, 0, 0, 3, 7, 8, 9])
  })

  it("gives GOAWAY back as it was, its text whole up to 512 bytes", () => {
    fc.assert(
      fc.property(u32, u32, u32, fc.string({ unit: "grapheme" }), (code, lastStreamId, retryAfterMs, text) => {
        const frame = Frame.goAway({ code, lastStreamId, retryAfterMs, text })
        expect(Frame.check(frame, MAX)).toBe(FrameType.goAway)
        const back = Frame.readGoAway(frame)
        expect(back).toEqual({ code, lastStreamId, retryAfterMs, text: back.text })
        expect(text.startsWith(back.text)).toBe(true)
        expect(back.text === text || new TextEncoder().encode(text).length > MAX_TEXT_BYTES).toBe(true)
      }),
    )
  })

  it("cuts a long text at a character, never inside one", () => {
    const { text } = Frame.readReset(Frame.reset(1, 42, "ü€𝄞".repeat(100)))
    expect(text).not.toContain("\ufffd")
    expect("ü€𝄞".repeat(100).startsWith(text)).toBe(true)
    expect(new TextEncoder().encode(text).length).toBeGreaterThan(MAX_TEXT_BYTES - 4)
  })

  it("gives OPEN, MARK and CREDIT back as they were", () => {
    const bytes = fc.uint8Array({ minLength: 2, maxLength: 64 })
    fc.assert(
      fc.property(streamId, offset, bytes, (id, at, rest) => {
        for (const frame of [Frame.open(id, at, rest), Frame.mark(id, at, rest)]) {
          Frame.check(frame, MAX)
          expect(Frame.streamIdOf(frame)).toBe(id)
          expect(Frame.readOffset(frame)).toBe(at)
          expect(Frame.afterOffset(frame)).toEqual(rest)
        }
        expect(Frame.readOffset(Frame.credit(id, at))).toBe(at)
      }),
    )
  })

  it("counts an offset no number can hold as the greatest that one can", () => {
    const frame = Frame.credit(1, 0)
    frame.fill(0xff, 12)
    expect(Frame.readOffset(frame)).toBe(Number.MAX_SAFE_INTEGER)
  })

  it("gives every message back as it was", () => {
    const roundTrip = <A, I>(type: FrameType, schema: Schema.Schema<A, I>) =>
      fc.assert(
        fc.property(Arbitrary.make(schema), (message) => {
          const json = Frame.encodeJson(schema, message)
          fc.pre(json !== undefined)
          expect(Frame.readJson(type, schema, json)).toEqual(
            Schema.decodeSync(schema)(JSON.parse(JSON.stringify(message))),
          )
        }),
        { numRuns: 30 },
      )
    roundTrip(FrameType.hello, Hello)
    roundTrip(FrameType.welcome, Welcome)
    roundTrip(FrameType.open, Open)
    roundTrip(FrameType.head, Head)
    roundTrip(FrameType.end, End)
  })

  it("refuses to write JSON over 16 KiB", () => {
    expect(Frame.encodeJson(Head, { contentType: "x".repeat(MAX_JSON_BYTES) })).toBeUndefined()
  })

  it("names what is wrong with JSON", () => {
    const read = (bytes: Uint8Array) => () => Frame.readJson(FrameType.head, Head, bytes)
    expect(read(new TextEncoder().encode("{"))).toThrow("HEAD is no JSON")
    expect(read(new Uint8Array([0x22, 0xff, 0x22]))).toThrow("HEAD is no JSON")
    expect(read(new TextEncoder().encode("{}"))).toThrow("contentType")
  })

  it("skips an unknown type that is ignorable and refuses one that is not", () => {
    expect(Frame.check(raw(0x55, Frame.IGNORABLE, 3, 5), MAX)).toBe(0)
    expect(errorOf(raw(0x55, 0, 3, 5))?.detail).toBe("unknown frame type 0x55")
  })

  it("ignores flags and reserved bits it does not know", () => {
    const frame = raw(FrameType.data, 0x7f, 3, 5)
    frame[2] = 0xff
    expect(Frame.check(frame, MAX)).toBe(FrameType.data)
  })

  it("refuses a frame whose length is not that of its message", () => {
    expect(errorOf(new Uint8Array(11))?.code).toBe(SessionCode.protocol)
    expect(errorOf(raw(FrameType.data, 0, 1, 5, 6))?.detail).toBe("DATA says 6 bytes of payload and has 5")
  })

  it.each([
    [FrameType.data, 1, 1025],
    [FrameType.open, 1, 8 + MAX_JSON_BYTES + 1],
    [FrameType.mark, 1, 73],
    [FrameType.credit, 1, 9],
    [FrameType.ping, 0, 9],
    [FrameType.goAway, 0, 12 + 513],
    [FrameType.reset, 1, 4 + 513],
    [0x55, 1, 1025],
  ])("refuses type %i on stream %i with %i bytes of payload as too large", (type, stream, length) => {
    expect(errorOf(raw(type, Frame.IGNORABLE, stream, length), 1024)?.code).toBe(SessionCode.frameTooLarge)
  })

  it("refuses a payload that is too short and a frame on the wrong kind of stream", () => {
    expect(errorOf(raw(FrameType.data, 0, 1, 0))?.detail).toContain("fewer than 1")
    expect(errorOf(raw(FrameType.credit, 0, 1, 7))?.detail).toContain("fewer than 8")
    expect(errorOf(raw(FrameType.data, 0, 0, 1))?.detail).toBe("DATA stands on stream 0")
    expect(errorOf(raw(FrameType.ping, 0, 7, 8))?.detail).toBe("PING stands on stream 7")
  })

  it("never fails at random bytes in any way but its own", () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => void errorOf(bytes)))
  })
})

// protocol.md#stream-codes
describe("StreamError codes", () => {
  it("has one code for each reason and keeps clear of the session's codes", () => {
    const codes = StreamErrorReason.literals.map(codeOf)
    expect(codes).toEqual(codes.map((_, index) => 32 + index))
    expect(codes.map(reasonOf)).toEqual(StreamErrorReason.literals)
    for (const code of Object.values(SessionCode)) expect(reasonOf(code)).toBe("internal")
    expect(reasonOf(4_000_000_000)).toBe("internal")
    expect([codeOf("cancelled"), codeOf("flow-control"), codeOf("silent")]).toEqual([32, 41, 44])
  })
})

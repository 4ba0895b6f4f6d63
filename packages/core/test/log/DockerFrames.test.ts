import { FastCheck as fc } from "effect"
import { describe, expect, it } from "vitest"
import { DockerFrameDecoder, MAX_PAYLOAD_BYTES, writeHeader, type DockerFrameKind } from "../../src/log/DockerFrames.ts"
import { cut } from "./LogModel.ts"

const encode = (type: number, payload: Uint8Array): Buffer => {
  const header = Buffer.alloc(8)
  header.writeUInt8(type, 0)
  header.writeUInt32BE(payload.length, 4)
  return Buffer.concat([header, payload])
}

const decode = (pieces: ReadonlyArray<Uint8Array>) => {
  const frames: Array<[DockerFrameKind, string]> = []
  const decoder = new DockerFrameDecoder((kind, bytes, start, end) => {
    frames.push([kind, Buffer.from(bytes.subarray(start, end)).toString("hex")])
  })
  let error = undefined
  for (const piece of pieces) error ??= decoder.push(piece)
  return { frames, error: error ?? decoder.end() }
}

const arbitraryFrames = fc.array(fc.record({ type: fc.nat(3), payload: fc.uint8Array({ maxLength: 700 }) }), {
  maxLength: 12,
})

describe("Docker's frames", () => {
  it("come out as they went in, wherever the bytes were cut, empty ones too", () => {
    fc.assert(
      fc.property(arbitraryFrames, fc.array(fc.nat()), (frames, cuts) => {
        const whole = Buffer.concat(frames.map(({ type, payload }) => encode(type, payload)))
        const expected = frames.map(({ type, payload }) => [
          type === 0 ? 1 : type,
          Buffer.from(payload).toString("hex"),
        ])
        expect(decode(cut(whole, cuts))).toEqual({ frames: expected, error: undefined })
        expect(decode(Array.from(whole, (byte) => Uint8Array.of(byte))).frames).toEqual(expected)
      }),
    )
  })

  it("get the header that Node's own big endian writer gives them", () => {
    fc.assert(
      fc.property(fc.constantFrom<DockerFrameKind>(1, 2, 3), fc.nat(0xffffffff), (kind, length) => {
        const expected = Buffer.alloc(10, 0xee)
        encode(kind, new Uint8Array(0)).copy(expected, 1)
        expected.writeUInt32BE(length, 5)
        const written = Buffer.alloc(10, 0xee)
        writeHeader(written, 1, kind, length)
        expect(written).toEqual(expected)
      }),
    )
  })

  it("are an error where the body ends inside one", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 50 }), fc.nat(), (payload, at) => {
        const whole = encode(1, payload)
        const { frames, error } = decode([whole.subarray(0, 1 + (at % (whole.length - 1)))])
        expect(frames).toEqual([])
        expect(error?.message).toContain("ended inside a frame")
      }),
    )
  })

  it("are refused with an unknown type, with padding that is not zero, and over 2 MiB", () => {
    const good = encode(1, Buffer.from("good"))
    const refused: ReadonlyArray<readonly [string, ReadonlyArray<number>]> = [
      ["begins with 04 00 00 00 00 00 00 00", [4, 0, 0, 0, 0, 0, 0, 0]],
      ["begins with 01 00 02 00 00 00 00 00", [1, 0, 2, 0, 0, 0, 0, 0]],
      ["2097153 bytes, over 2097152", [1, 0, 0, 0, 0, 0x20, 0, 1]],
    ]
    for (const [message, header] of refused)
      for (const cuts of [[], [good.length + 3]]) {
        const { frames, error } = decode(cut(Buffer.concat([good, Uint8Array.from(header), good]), cuts))
        expect(frames.length).toBe(1)
        expect(error?._tag).toBe("DockerFrameError")
        expect(error?.message).toContain(message)
      }
    const longest = decode([encode(2, new Uint8Array(MAX_PAYLOAD_BYTES))])
    expect(longest).toMatchObject({ error: undefined, frames: [[2, expect.any(String)]] })
  })
})

import { describe, expect, it } from "@effect/vitest"
import { FastCheck as fc } from "effect"
import { HEADER_BYTES } from "../../src/link/Frame.ts"
import { IN_PLACE_BYTES, MuxQueue } from "../../src/mux/MuxQueue.ts"

/** Bytes within a buffer, and before them as much room as is said. */
const written = (length: number, room: number, seed: number): Uint8Array =>
  Uint8Array.from({ length: room + length }, (_, index) => (index * 31 + seed) & 255).subarray(room)

const lengths = fc.oneof(
  { weight: 3, arbitrary: fc.nat(9) },
  { weight: 1, arbitrary: fc.integer({ min: IN_PLACE_BYTES - 1, max: IN_PLACE_BYTES + 9 }) },
)
const rooms = fc.constantFrom(0, HEADER_BYTES - 1, HEADER_BYTES)
const portions = fc.oneof(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 3 * IN_PLACE_BYTES }))

describe("MuxQueue", () => {
  it("gives out what went in, in whatever portions it is taken, and whoever fills in the headers", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(lengths, rooms, fc.array(portions, { maxLength: 3 }))), (steps) => {
        const queue = new MuxQueue()
        const [put, taken]: [Array<Uint8Array>, Array<Uint8Array>] = [[], []]
        const take = (most: number) => {
          const frame = queue.take(most)
          frame.fill(0xaa, 0, HEADER_BYTES)
          expect(frame.length).toBeGreaterThan(HEADER_BYTES)
          expect(frame.length).toBeLessThanOrEqual(HEADER_BYTES + most)
          taken.push(frame.subarray(HEADER_BYTES))
        }
        for (const [index, [length, room, portions]] of steps.entries()) {
          put.push(written(length, room, index).slice())
          queue.push(written(length, room, index), room)
          for (const most of portions) if (queue.bytes > 0) take(most)
        }
        const left = Buffer.concat(put).length - Buffer.concat(taken).length
        expect(queue.bytes).toBe(left)
        while (queue.bytes > 0) take(2 * IN_PLACE_BYTES)
        expect(Buffer.concat(taken).equals(Buffer.concat(put))).toBe(true)
        expect(queue.cost).toBe(0)
      }),
    )
  })

  it("makes a frame of a long write, or a lone one, in the buffer it came in", () => {
    for (const length of [1, IN_PLACE_BYTES]) {
      const queue = new MuxQueue()
      const bytes = written(length, HEADER_BYTES + 5, 0)
      queue.push(bytes, HEADER_BYTES + 5)
      const frame = queue.take(IN_PLACE_BYTES)
      expect([frame.buffer, frame.byteOffset]).toEqual([bytes.buffer, 5])
    }
  })

  it("never touches what stands before a write that gave no room", () => {
    const queue = new MuxQueue()
    const bytes = written(IN_PLACE_BYTES, HEADER_BYTES, 0)
    queue.push(bytes, HEADER_BYTES - 1)
    expect(queue.take(IN_PLACE_BYTES).buffer).not.toBe(bytes.buffer)
  })

  it("gathers short writes up to the next long one", () => {
    const queue = new MuxQueue()
    for (const length of [3, 4, 5]) queue.push(written(length, HEADER_BYTES, 0), HEADER_BYTES)
    queue.push(written(IN_PLACE_BYTES, HEADER_BYTES, 0), HEADER_BYTES)
    const sizes = [queue.take(IN_PLACE_BYTES), queue.take(IN_PLACE_BYTES)].map(({ length }) => length - HEADER_BYTES)
    expect(sizes).toEqual([12, IN_PLACE_BYTES])
  })

  it("counts 64 bytes for each write that is not gone, through thousands of them", () => {
    const queue = new MuxQueue()
    for (let i = 0; i < 5_000; i++) queue.push(new Uint8Array(2))
    queue.push(new Uint8Array(0))
    expect(queue.cost).toBe(5_000 * 66)
    expect(queue.take(6_001).length).toBe(6_001 + HEADER_BYTES)
    expect(queue.cost).toBe(10_000 - 6_001 + 2_000 * 64)
    queue.clear()
    expect(queue.cost).toBe(0)
  })
})

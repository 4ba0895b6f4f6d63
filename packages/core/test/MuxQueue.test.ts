import { describe, expect, it } from "@effect/vitest"
import { FastCheck as fc } from "effect"
import { MuxQueue } from "../src/MuxQueue.ts"

describe("MuxQueue", () => {
  it("gives out what went in, in whatever portions it is taken", () => {
    const portion = fc.integer({ min: 1, max: 9 })
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.uint8Array({ maxLength: 9 }), portion)), (steps) => {
        const queue = new MuxQueue()
        const [put, taken]: [Array<number>, Array<number>] = [[], []]
        const take = (length: number) => {
          const target = new Uint8Array(length + 2)
          queue.moveInto(target, 1, length)
          taken.push(...target.subarray(1, length + 1))
        }
        for (const [bytes, length] of steps) {
          queue.push(bytes)
          put.push(...bytes)
          take(Math.min(length, queue.bytes))
        }
        expect(queue.bytes).toBe(put.length - taken.length)
        take(queue.bytes)
        expect(taken).toEqual(put)
        expect(queue.cost).toBe(0)
      }),
    )
  })

  it("counts 64 bytes for each write that is not gone, through thousands of them", () => {
    const queue = new MuxQueue()
    for (let i = 0; i < 5_000; i++) queue.push(new Uint8Array(2))
    queue.push(new Uint8Array(0))
    expect(queue.cost).toBe(5_000 * 66)
    queue.moveInto(new Uint8Array(6_001), 0, 6_001)
    expect(queue.cost).toBe(10_000 - 6_001 + 2_000 * 64)
    queue.clear()
    expect(queue.cost).toBe(0)
  })
})

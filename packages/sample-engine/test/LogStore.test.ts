import { FastCheck as fc } from "effect"
import { describe, expect, it } from "vitest"
import { type Follower, LogStore } from "@rdl/sample-engine/LogStore"

const record = (size: number) => ({ stream: "stdout" as const, time: 1n, payload: Buffer.alloc(size) })

const follower = (position: number): Follower => ({ position, end: undefined, wake: () => {} })

const filled = (count: number): LogStore => {
  const store = new LogStore(1e9)
  for (let i = 0; i < count; i++) store.append(record(1))
  return store
}

describe("LogStore", () => {
  it("drops the oldest beyond its bound, and never more than it must", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(3000), { maxLength: 60 }), fc.integer({ min: 200, max: 20_000 }), (sizes, bound) => {
        const store = new LogStore(bound)
        for (const size of sizes) store.append(record(size))
        expect(store.next).toBe(sizes.length)
        let kept = 0
        let first = sizes.length
        while (first > 0 && kept + (sizes[first - 1] ?? 0) + 128 <= bound) kept += (sizes[--first] ?? 0) + 128
        expect(store.first).toBe(first)
        for (let at = first; at < sizes.length; at++) expect(store.at(at).payload.length).toBe(sizes[at])
        expect(() => store.at(first - 1)).toThrow(RangeError)
      }),
    )
  })

  it("drops on rotation what it is told to", () => {
    const store = filled(10)
    store.rotate({ drop: 3 })
    expect([store.first, store.next]).toEqual([3, 10])
    store.rotate({ drop: 0 })
    expect(store.first).toBe(3)
    store.rotate()
    expect([store.first, store.next]).toEqual([10, 10])
  })

  it("makes followers read again or miss records on rotation, within what there is", () => {
    const store = filled(10)
    const [last, middle, first] = [follower(10), follower(5), follower(0)]
    for (const each of [last, middle, first]) store.follow(each)
    store.rotate({ drop: 0, duplicate: 3 })
    expect([last.position, middle.position, first.position]).toEqual([7, 2, 0])
    store.rotate({ drop: 0, skip: 4 })
    expect([last.position, middle.position, first.position]).toEqual([10, 6, 4])
  })

  it("ends followers where the log ends, less what they miss, and forgets them", () => {
    const store = filled(10)
    const one = follower(4)
    store.follow(one)
    store.endFollowers(2)
    expect(one.end).toBe(8)
    store.rotate({ duplicate: 3 })
    expect(one.position).toBe(4)
  })
})

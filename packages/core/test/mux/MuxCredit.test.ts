import { describe, expect, it } from "@effect/vitest"
import * as Frame from "../../src/link/Frame.ts"
import { FrameType } from "../../src/link/FrameType.ts"
import { head, inventory, MuxPair, Read } from "./MuxPair.ts"
import { data, openFrame, ping, feed } from "./MuxPeer.ts"

// protocol.md#mark
describe("marks", () => {
  it("stay behind the bytes they speak of, and the last of several due tells all", () => {
    const pair = MuxPair.ready()
    const { read, opened } = pair.begin()
    const { stream } = opened
    stream.mark(new Uint8Array([0]))
    stream.write(new Uint8Array(100))
    stream.mark(new Uint8Array([1]))
    stream.mark(new Uint8Array([2]))
    stream.write(new Uint8Array(300_000))
    stream.mark(new Uint8Array(64))
    pair.settle()
    const early = { offset: 0, cursor: [0] }
    expect(read.marks).toEqual([early, { offset: 100, cursor: [2] }])
    expect(read.received).toBe(262_144)
    pair.consume(read)
    stream.finish({ reason: "eof" })
    pair.settle()
    expect(read.marks.at(-1)).toMatchObject({ offset: 300_100 })
    expect(pair.sent.source.slice(-2)).toEqual(["MARK", "END"])
  })

  it("wait for the last of their bytes", () => {
    const pair = MuxPair.ready()
    feed(pair, "source", openFrame(1, 9))
    const { stream } = pair.opened[0]!
    stream.head(head)
    stream.write(new Uint8Array(10))
    stream.mark(new Uint8Array(1))
    const types = () => {
      const frames: Array<number> = []
      for (let frame = pair.source.poll(0); frame !== undefined; frame = pair.source.poll(0))
        frames.push(Frame.typeOf(frame))
      return frames
    }
    expect(types()).toEqual([FrameType.head, FrameType.data])
    feed(pair, "source", Frame.credit(1, 10))
    expect(types()).toEqual([FrameType.data, FrameType.mark])
  })

  it("are at most 64 in wait, the newest taking the last place", () => {
    const pair = MuxPair.ready()
    feed(pair, "source", openFrame(1, 0))
    const { stream } = pair.opened[0]!
    stream.head(head)
    for (let i = 0; i < 1_000; i++) {
      stream.write(new Uint8Array(1))
      stream.mark(new Uint8Array([i & 255]))
    }
    const offsets: Array<number> = []
    for (let limit = 1; limit <= 1_000; limit++) {
      feed(pair, "source", Frame.credit(1, limit))
      for (let frame = pair.source.poll(0); frame !== undefined; frame = pair.source.poll(0))
        if (Frame.typeOf(frame) === FrameType.mark) offsets.push(Frame.readOffset(frame))
    }
    expect(offsets).toEqual([...Array.from({ length: 63 }, (_, index) => index + 1), 1_000])
  })

  it("end the session when they speak of bytes that were not sent, or go back", () => {
    const pair = () => {
      const fresh = MuxPair.ready()
      fresh.begin()
      feed(fresh, "proxy", data(1, 10))
      return fresh
    }
    expect(feed(pair(), "proxy", Frame.mark(1, 11, new Uint8Array(1)))).toContain("1: MARK on stream 1 at offset 11")
    const cursor = new Uint8Array(1)
    expect(feed(pair(), "proxy", Frame.mark(1, 10, cursor), Frame.mark(1, 10, cursor))).toBeUndefined()
    expect(feed(pair(), "proxy", Frame.mark(1, 10, cursor), Frame.mark(1, 9, cursor))).toContain("at offset 9")
  })
})

// protocol.md#credit
describe("credit", () => {
  it("stops a stream at its limit to the byte, and CREDIT lets it go on to the next", () => {
    const pair = MuxPair.ready()
    feed(pair, "source", openFrame(1, 100))
    const { stream } = pair.opened[0]!
    stream.head(head)
    stream.write(new Uint8Array(1_000))
    const sentBytes = () => {
      let bytes = 0
      for (let frame = pair.source.poll(0); frame !== undefined; frame = pair.source.poll(0))
        if (Frame.typeOf(frame) === FrameType.data) bytes += Frame.payloadOf(frame).length
      return bytes
    }
    expect(sentBytes()).toBe(100)
    feed(pair, "source", Frame.credit(1, 350), Frame.credit(1, 20))
    expect(sentBytes()).toBe(250)
    feed(pair, "source", Frame.credit(1, 350))
    expect(sentBytes()).toBe(0)
    const most = Frame.credit(1, 0)
    most.fill(0xff, 12)
    feed(pair, "source", most)
    expect(sentBytes()).toBe(650)
  })

  it("resets a stream that sends beyond it, hands none of that on, and leaves the others alone", () => {
    const pair = MuxPair.ready()
    const { read: greedy } = pair.begin()
    const { read: other, opened } = pair.begin()
    for (let i = 0; i < 4; i++) feed(pair, "proxy", data(1, 65_536))
    expect(feed(pair, "proxy", data(1, 1))).toBeUndefined()
    expect(greedy.received).toBe(262_144)
    expect(greedy.results).toMatchObject([{ reason: "flow-control" }])
    opened.stream.write(new Uint8Array(5))
    pair.settle()
    expect(pair.sent.proxy).toContain("RESET")
    expect([other.received, pair.opened[0]!.cancels]).toMatchObject([5, [{ reason: "flow-control" }]])
  })

  it("is given back when half a window was consumed, not before", () => {
    const pair = MuxPair.ready()
    const { read, opened } = pair.begin()
    opened.stream.write(new Uint8Array(1_000_000))
    pair.settle()
    pair.consume(read, 131_071)
    pair.settle()
    expect(pair.sent.proxy).not.toContain("CREDIT")
    pair.consume(read, 1)
    pair.settle()
    expect(read.received).toBe(262_144 + 131_072)
  })

  it("opens with 32 KiB when the budget is short and refuses when it is used up", () => {
    const pair = MuxPair.ready({}, 320 * 1024)
    const { opened } = pair.begin()
    const small = pair.begin()
    for (const { stream } of [opened, small.opened]) stream.write(new Uint8Array(500_000))
    pair.settle()
    expect(small.read.received).toBe(32_768)
    pair.open()
    expect(pair.proxy.open(inventory, new Read())).toMatchObject({ reason: "too-many-streams" })
    expect(pair.budget.taken).toBe(320 * 1024)
  })

  it("stays lent while an ended stream's bytes wait, and comes back with its release", () => {
    const pair = MuxPair.ready()
    const { read, opened } = pair.begin()
    opened.stream.write(new Uint8Array(200_000))
    opened.stream.finish({ reason: "eof" })
    pair.settle()
    expect([read.results.length, pair.budget.taken]).toEqual([1, 262_144])
    pair.consume(read)
    expect([pair.proxy.ready, pair.proxy.poll(0)]).toEqual([0, undefined])
    read.stream!.release()
    expect(pair.budget.taken).toBe(0)
  })
})

// protocol.md#order
describe("the order of sending", () => {
  it("lets control frames pass bytes that wait", () => {
    const pair = MuxPair.ready()
    const { opened } = pair.begin()
    opened.stream.write(new Uint8Array(250_000))
    pair.open()
    feed(pair, "source", ping, openFrame(2))
    pair.opened.at(-1)!.stream.head(head)
    const types = Array.from({ length: 4 }, () => Frame.typeOf(pair.source.poll(0)!))
    expect(types).toEqual([FrameType.pong, FrameType.head, FrameType.data, FrameType.data])
  })

  it("takes one DATA frame of each stream in turn", () => {
    const pair = MuxPair.ready({ maxFrame: 1024 })
    const streams = [pair.begin(), pair.begin(), pair.begin()]
    for (const { opened } of streams) opened.stream.write(new Uint8Array(10_240))
    const ids = Array.from({ length: 30 }, () => Frame.streamIdOf(pair.source.poll(0)!))
    expect(ids).toEqual(Array.from({ length: 30 }, (_, index) => (index % 3) + 1))
  })

  it("fills frames up to maxFrame, whatever the writes were", () => {
    const pair = MuxPair.ready({ maxFrame: 4096 })
    const { read, opened } = pair.begin()
    for (let i = 0; i < 1_000; i++) opened.stream.write(new Uint8Array(10))
    opened.stream.write(new Uint8Array(5_000))
    pair.settle()
    expect(read.pieces.map((piece) => piece.length)).toEqual([4096, 4096, 4096, 2712])
  })

  it("tells the writer to wait over 256 KiB, and calls it back at half of that", () => {
    const pair = MuxPair.ready()
    const { read, opened } = pair.begin()
    const { stream } = opened
    let calls = 0
    stream.onWritable(() => calls++)
    expect(calls).toBe(1)
    feed(pair, "source")
    expect(stream.write(new Uint8Array(262_144 - 64))).toBe(true)
    expect(stream.write(new Uint8Array(1))).toBe(false)
    stream.onWritable(() => calls++)
    pair.sendOne("source")
    expect(calls).toBe(1)
    pair.settle()
    expect(calls).toBe(2)
    expect(read.received).toBe(262_144 - 63)
  })

  it("counts tiny writes for more than their bytes", () => {
    const pair = MuxPair.ready()
    const { opened } = pair.begin()
    let writes = 0
    while (opened.stream.write(new Uint8Array(1))) writes++
    expect(writes).toBe(Math.floor(262_144 / 65))
  })
})

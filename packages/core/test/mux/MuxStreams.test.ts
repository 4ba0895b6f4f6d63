import { describe, expect, it } from "@effect/vitest"
import * as Frame from "../../src/link/Frame.ts"
import { FrameType } from "../../src/link/FrameType.ts"
import { SessionCode } from "../../src/link/SessionCode.ts"
import { StreamError } from "../../src/link/StreamError.ts"
import { cancelled, head, inventory, MuxPair, Read } from "./MuxPair.ts"
import { json, headFrame, endFrame, data, openFrame, feed } from "./MuxPeer.ts"

const logs = {
  op: "logs" as const,
  containerId: "0".repeat(64) as never,
  query: { follow: false, stdout: true, stderr: true, timestamps: false, details: false },
  rendering: { format: "text" as const, host: "none" as const },
  scope: {},
}

// protocol.md#streams
describe("streams", () => {
  it("carry a request, a HEAD, bytes and an END", () => {
    const pair = MuxPair.ready()
    const { read, opened } = pair.begin()
    expect(opened.request).toEqual(inventory)
    expect(read.head).toEqual(head)
    opened.stream.write(new Uint8Array([1, 2]))
    opened.stream.write(new Uint8Array([3]))
    opened.stream.finish({ reason: "stopped" })
    pair.settle()
    expect(read.pieces.map((piece) => [...piece])).toEqual([[1, 2, 3]])
    expect(read.results).toEqual([{ reason: "stopped" }])
    expect([pair.source.streams, pair.proxy.streams]).toEqual([0, 0])
    expect(pair.idle).toEqual({ source: 1, proxy: 1 })
    expect(opened.cancels).toEqual([])
  })

  it("ignore an OPEN whose id is not above all seen, also after the stream is closed", () => {
    const pair = MuxPair.ready()
    expect(
      feed(pair, "source", openFrame(5), openFrame(5), openFrame(3), Frame.reset(5, 32, ""), openFrame(5)),
    ).toBeUndefined()
    expect(pair.opened.map((each) => each.stream.id)).toEqual([5])
    expect(pair.source.streams).toBe(0)
  })

  it("ignore frames for closed ids, and end the session at ids never opened", () => {
    const pair = MuxPair.ready()
    const { read } = pair.begin()
    read.stream!.cancel(cancelled)
    pair.settle()
    expect(feed(pair, "proxy", data(1, 9), headFrame(1), endFrame(1), Frame.reset(1, 33, ""))).toBeUndefined()
    expect(feed(pair, "source", Frame.credit(1, 9), Frame.reset(1, 32, ""))).toBeUndefined()
    expect(read.pieces).toEqual([])
    expect(feed(pair, "proxy", data(2, 9))).toBe("1: DATA for stream 2, which was never opened")
    expect(feed(pair, "source", Frame.credit(2, 9))).toBe("1: CREDIT for stream 2, which was never opened")
  })

  it("end the session at frames for a stream whose OPEN has not left yet", () => {
    const pair = MuxPair.ready()
    pair.open()
    expect(feed(pair, "proxy", headFrame(1))).toBe("1: HEAD for stream 1, which was never opened")
  })

  it("refuse the stream over maxStreams at the proxy, without a frame", () => {
    const pair = MuxPair.ready({ maxStreams: 2 })
    pair.begin()
    const { read } = pair.begin()
    const refused = pair.proxy.open(inventory, new Read())
    expect(refused).toMatchObject({ reason: "too-many-streams" })
    expect(pair.proxy.poll(0)).toBeUndefined()
    read.stream!.cancel(cancelled)
    expect(pair.proxy.open(inventory, new Read())).not.toBeInstanceOf(StreamError)
    pair.settle()
    expect(pair.failures).toEqual([])
  })

  it("end the session at an OPEN over maxStreams, which no honest proxy sends", () => {
    const pair = MuxPair.ready({ maxStreams: 2 })
    expect(feed(pair, "source", openFrame(1), openFrame(2))).toBeUndefined()
    expect(feed(pair, "source", openFrame(3))).toBe("9: OPEN of stream 3 is more than 2 streams")
  })

  it("stay counted at the source until their END has left, so that the answers in wait are bounded", () => {
    const pair = MuxPair.ready({ maxStreams: 2 })
    for (const id of [1, 2]) {
      feed(pair, "source", openFrame(id))
      pair.opened.at(-1)!.stream.fail(cancelled)
    }
    expect(pair.source.streams).toBe(2)
    pair.sendOne("source")
    expect(pair.source.streams).toBe(1)
    expect(feed(pair, "source", openFrame(3))).toBeUndefined()
  })

  it("are forgotten unsent when the proxy cancels them before their OPEN has left", () => {
    const pair = MuxPair.ready()
    for (let i = 0; i < 1_000; i++) {
      const read = pair.open()
      read.stream!.cancel(cancelled)
      read.stream!.release()
      expect(read.results).toEqual([cancelled])
    }
    expect(pair.proxy.poll(0)).toBeUndefined()
    expect([pair.proxy.streams, pair.budget.taken]).toEqual([0, 0])
  })

  it("stop their handler at once at RESET, and drop what it wrote", () => {
    const pair = MuxPair.ready()
    const { read, opened } = pair.begin()
    opened.stream.write(new Uint8Array(600_000))
    read.stream!.cancel(new StreamError({ reason: "stalled", detail: "too slow" }))
    pair.sendOne("proxy")
    pair.deliverOne("source")
    expect(opened.cancels).toMatchObject([{ reason: "stalled", detail: "too slow" }])
    expect(pair.source.poll(0)).toBeUndefined()
    expect(opened.stream.write(new Uint8Array(1))).toBe(false)
    opened.stream.finish({ reason: "eof" })
    opened.stream.fail(cancelled)
    expect([pair.source.poll(0), pair.source.streams, opened.cancels.length]).toEqual([undefined, 0, 1])
  })

  it("do not disturb a handler that has finished when the proxy drops what is still on its way", () => {
    const pair = MuxPair.ready()
    const { read, opened } = pair.begin()
    opened.stream.write(new Uint8Array(300_000))
    opened.stream.finish({ reason: "eof" })
    pair.settle()
    expect(pair.source.streams).toBe(1)
    read.stream!.cancel(cancelled)
    pair.settle()
    expect([pair.source.streams, opened.cancels]).toEqual([0, []])
  })

  it("end with the source's reason and at most 512 bytes of its words", () => {
    const pair = MuxPair.ready()
    const { read, opened } = pair.begin()
    opened.stream.write(new Uint8Array(9))
    opened.stream.fail(new StreamError({ reason: "engine-error", detail: "é".repeat(500) }))
    opened.stream.write(new Uint8Array(9))
    pair.settle()
    expect(read.results).toEqual([new StreamError({ reason: "engine-error", detail: "é".repeat(256) })])
    expect([read.received, pair.source.streams, opened.cancels.length]).toEqual([0, 0, 0])
  })

  it("are reset where the handler ends without a HEAD", () => {
    const pair = MuxPair.ready()
    const read = pair.open()
    pair.settle()
    pair.opened[0]!.stream.write(new Uint8Array(9))
    pair.opened[0]!.stream.finish({ reason: "eof" })
    pair.settle()
    expect(read.results).toMatchObject([{ reason: "internal" }])
    expect(read.pieces).toEqual([])
  })

  it("end the session at bytes before HEAD, at two HEADs, and at HEAD or END that are none", () => {
    const opened = () => {
      const pair = MuxPair.ready()
      pair.open()
      pair.settle()
      return pair
    }
    expect(feed(opened(), "proxy", data(1, 1))).toBe("1: DATA before HEAD on stream 1")
    expect(feed(opened(), "proxy", endFrame(1))).toBe("1: END before HEAD on stream 1")
    expect(feed(opened(), "proxy", Frame.mark(1, 0, new Uint8Array(1)))).toBe("1: MARK before HEAD on stream 1")
    expect(feed(opened(), "proxy", headFrame(1), headFrame(1))).toBe("1: a second HEAD on stream 1")
    expect(feed(opened(), "proxy", json(FrameType.head, 1, {}))).toContain("1: HEAD is not as it must be")
    expect(feed(opened(), "proxy", headFrame(1), json(FrameType.end, 1, { reason: "bored" }))).toContain(
      "1: END is not",
    )
  })

  it("answer a request the source does not know with BAD_REQUEST and go on, but not one that is no JSON", () => {
    const pair = MuxPair.ready()
    expect(feed(pair, "source", openFrame(1, 1000, { op: "exec" }))).toBeUndefined()
    const reset = pair.source.poll(0)!
    expect(Frame.typeOf(reset)).toBe(FrameType.reset)
    expect(Frame.readReset(reset).code).toBe(37)
    expect([pair.opened.length, pair.source.streams]).toEqual([0, 0])
    expect(feed(pair, "source", Frame.open(2, 0, new Uint8Array([0x7b, 0x7b])))).toBe("1: OPEN is no JSON")
  })

  it("refuse a request over 16 KiB at the proxy, naming the bound", () => {
    const pair = MuxPair.ready()
    const scope = { containers: ["x".repeat(17_000)] }
    const request = { ...logs, scope }
    expect(pair.proxy.open(request, new Read())).toMatchObject({
      reason: "bad-request",
      detail: "the request is over 16384 bytes; ask for less at once",
    })
    expect([pair.proxy.streams, pair.budget.taken]).toEqual([0, 0])
  })

  it("come to an end with their ids: the proxy says GOAWAY", () => {
    const pair = MuxPair.ready({}, undefined, 0xffffffff - 1)
    expect(pair.open().stream!.id).toBe(0xffffffff)
    expect(pair.proxy.open(inventory, new Read())).toMatchObject({ reason: "too-many-streams" })
    pair.settle()
    expect(pair.goAways).toEqual([{ at: "source", code: SessionCode.none, lastStreamId: 0xffffffff }])
  })

  it("never come from the other side", () => {
    for (const frame of [openFrame(1), Frame.credit(1, 1), json(FrameType.welcome, 0, {})])
      expect(feed(MuxPair.ready(), "proxy", frame)).toContain("may not come from a source")
    for (const frame of [headFrame(1), data(1, 1), endFrame(1), json(FrameType.hello, 0, {})])
      expect(feed(MuxPair.ready(), "source", frame)).toContain("may not come from a proxy")
  })
})

import { describe, expect, it } from "@effect/vitest"
import * as Frame from "../src/Frame.ts"
import { FrameType } from "../src/FrameType.ts"
import { LinkLost } from "../src/LinkLost.ts"
import { type Hello, Welcome } from "../src/LinkMessage.ts"
import { SessionCode } from "../src/SessionCode.ts"
import { StreamError } from "../src/StreamError.ts"
import { cancelled, head, hello, inventory, MuxPair, Read, welcomeWith } from "./MuxPair.ts"

const json = (type: FrameType, id: number, value: unknown): Uint8Array =>
  Frame.withPayload(type, id, new TextEncoder().encode(JSON.stringify(value)))

const headFrame = (id: number) => json(FrameType.head, id, head)
const endFrame = (id: number) => json(FrameType.end, id, { reason: "eof" })
const data = (id: number, length: number) => Frame.allocate(FrameType.data, id, length)
const openFrame = (id: number, credit = 1000, value: unknown = inventory) =>
  Frame.open(id, credit, new TextEncoder().encode(JSON.stringify(value)))
const goAway = (code: number, lastStreamId = 0) => Frame.goAway({ code, lastStreamId, retryAfterMs: 0, text: "" })
const ping = Frame.beat(FrameType.ping, 7)
const ignorable = Uint8Array.from([0x55, Frame.IGNORABLE, 0, 0, 0, 0, 0, 9, 0, 0, 0, 1, 0])

/** Gives a frame to one side and tells how that ended the session, if it did. */
const feed = (pair: MuxPair, to: "source" | "proxy", ...frames: ReadonlyArray<Uint8Array>): string | undefined => {
  for (const frame of frames) pair[to].receive(frame, pair.now)
  const failure = pair.failures.at(-1)
  return failure === undefined ? undefined : `${failure.code}: ${failure.detail}`
}

// protocol.md#handshake
describe("the handshake", () => {
  it("begins with HELLO at once, and is answered by WELCOME", () => {
    const pair = new MuxPair()
    pair.settle()
    expect(pair.hellos).toEqual([hello])
    expect(pair.sent).toEqual({ source: ["HELLO"], proxy: [] })
    pair.proxy.welcome(welcomeWith({ maxFrame: 4096 }), 0)
    pair.settle()
    expect(pair.source.session.welcome).toEqual(welcomeWith({ maxFrame: 4096 }))
    expect(pair.sent.proxy.slice(0, 2)).toEqual(["WELCOME", "PING"])
  })

  it("refuses anything before HELLO, and anything between HELLO and WELCOME, but GOAWAY and what may be skipped", () => {
    expect(feed(new MuxPair(), "proxy", ignorable, data(1, 1))).toBe("1: the first frame must be HELLO, not DATA")
    const pair = new MuxPair()
    pair.settle()
    expect(feed(pair, "proxy", goAway(SessionCode.shuttingDown), ignorable)).toBeUndefined()
    expect(feed(pair, "proxy", ping)).toBe("1: PING came before the handshake was done")
    expect(feed(new MuxPair(), "source", ping)).toBe("1: the first frame must be WELCOME, not PING")
    expect(feed(new MuxPair(), "source", goAway(SessionCode.conflict))).toBeUndefined()
  })

  it("refuses a second HELLO and a second WELCOME", () => {
    const again = MuxPair.ready()
    expect(feed(again, "proxy", json(FrameType.hello, 0, hello))).toBe("1: a second HELLO")
    expect(feed(MuxPair.ready(), "source", json(FrameType.welcome, 0, welcomeWith()))).toBe("1: a second WELCOME")
  })

  it("refuses a version that is not common to both", () => {
    const old: Hello = { ...hello, versions: [0, 7] }
    expect(feed(new MuxPair(), "proxy", json(FrameType.hello, 0, old))).toBe(
      "5: the source speaks versions 0, 7, this proxy 1",
    )
    expect(feed(new MuxPair(), "source", json(FrameType.welcome, 0, welcomeWith({ version: 2 })))).toContain("5: ")
  })

  it.each([
    { maxFrame: 1023 },
    { maxFrame: 262_145 },
    { maxStreams: 0 },
    { maxStreams: 65_536 },
    { heartbeatMs: 0 },
    { deadMs: 15_000 },
  ])("refuses a WELCOME with %o", (terms) => {
    expect(feed(new MuxPair(), "source", json(FrameType.welcome, 0, { ...welcomeWith(), ...terms }))).toContain(
      "1: WELCOME is not as it must be",
    )
  })

  it("gives HELLO and WELCOME 5 s each, and says so when they are late", () => {
    for (const at of ["source", "proxy"] as const) {
      const pair = new MuxPair()
      expect(pair[at].tick(0)).toBe(5_000)
      expect(pair[at].tick(4_999)).toBe(5_000)
      expect(pair.failures).toEqual([])
      expect(pair[at].tick(5_000)).toBe(Infinity)
      expect(pair.failures).toMatchObject([{ at, code: SessionCode.handshakeTimeout, dead: false }])
      expect(Frame.typeOf(pair[at].poll(5_000)!)).toBe(FrameType.goAway)
    }
  })

  it("leaves a proxy that has its HELLO the time to decide", () => {
    const pair = new MuxPair()
    pair.settle()
    expect(pair.proxy.tick(60_000)).toBe(Infinity)
    expect(pair.failures).toEqual([])
  })
})

// protocol.md#heartbeat
describe("the heartbeat", () => {
  it("measures the round trip of each PING by its own PONG", () => {
    const pair = MuxPair.ready()
    expect(pair.proxy.session.rttMs).toBe(0)
    pair.now = pair.proxy.tick(0)
    expect(pair.now).toBe(15_000)
    pair.proxy.tick(pair.now)
    pair.sendOne("proxy")
    pair.now += 12.5
    pair.deliverOne("source")
    pair.sendOne("source")
    pair.now += 10
    feed(pair, "proxy", Frame.beat(FrameType.pong, 1))
    expect(pair.proxy.session.rttMs).toBe(0)
    pair.deliverOne("proxy")
    expect(pair.proxy.session.rttMs).toBe(22.5)
    pair.now += 100
    feed(pair, "proxy", Frame.beat(FrameType.pong, 2))
    expect(pair.proxy.session.rttMs).toBe(22.5)
  })

  it("answers the last of many PINGs, with its very bytes, and keeps no more", () => {
    const pair = MuxPair.ready()
    for (let i = 0; i < 10_000; i++) feed(pair, "source", Frame.beat(FrameType.ping, i))
    const pong = pair.source.poll(0)!
    expect(pong).toEqual(Frame.beat(FrameType.pong, 9_999))
    expect(pair.source.poll(0)).toBeUndefined()
  })

  it("is dead when nothing came for deadMs, any frame counting, and then says nothing more", () => {
    const pair = MuxPair.ready()
    pair.now = 39_000
    feed(pair, "proxy", ignorable)
    expect(pair.proxy.tick(78_999)).toBe(79_000)
    expect(pair.failures).toEqual([])
    pair.proxy.tick(79_000)
    expect(pair.failures).toMatchObject([{ at: "proxy", code: SessionCode.heartbeatTimeout, dead: true }])
    expect(pair.proxy.poll(79_000)).toBeUndefined()
  })

  it("holds one PING at most while nothing can be sent", () => {
    const pair = MuxPair.ready()
    for (let now = 0; now < 39_000; now += 1_000) pair.source.tick(now)
    expect(pair.source.poll(39_000)).toBeDefined()
    expect(pair.source.poll(39_000)).toBeUndefined()
  })
})

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

const logs = {
  op: "logs" as const,
  containerId: "0".repeat(64) as never,
  query: { follow: false, stdout: true, stderr: true, timestamps: false, details: false },
  rendering: { format: "text" as const, host: "none" as const },
  scope: {},
}

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

// protocol.md#goaway
describe("GOAWAY", () => {
  it("lets open streams go on and says which the source will not begin", () => {
    const pair = MuxPair.ready()
    const { read, opened } = pair.begin()
    pair.source.session.leave(SessionCode.shuttingDown, "bye", 1_000)
    const late = pair.open()
    pair.settle()
    expect(pair.goAways).toEqual([{ at: "proxy", code: SessionCode.shuttingDown, lastStreamId: 1 }])
    expect([pair.opened.length, pair.source.streams]).toEqual([1, 1])
    const lost = new LinkLost({ clean: true, code: SessionCode.shuttingDown, detail: "bye" })
    pair.proxy.endAbove(1, lost)
    expect([late.results, read.results]).toEqual([[lost], []])
    opened.stream.write(new Uint8Array(7))
    opened.stream.finish({ reason: "eof" })
    pair.settle()
    expect([read.received, read.results]).toEqual([7, [{ reason: "eof" }]])
  })

  it("does not make frames for a stream that was not begun an error", () => {
    const pair = MuxPair.ready()
    pair.source.session.leave(SessionCode.shuttingDown, "bye", 0)
    expect(feed(pair, "source", openFrame(1), Frame.credit(1, 5_000), Frame.reset(1, 32, ""))).toBeUndefined()
  })

  it("is the last frame after a protocol error, names it, and nothing that comes is looked at", () => {
    const pair = MuxPair.ready()
    const { read, opened } = pair.begin()
    opened.stream.write(new Uint8Array(100))
    feed(pair, "proxy", data(0, 1), headFrame(1), data(1, 5))
    expect(pair.failures).toMatchObject([
      { code: SessionCode.protocol, detail: "DATA stands on stream 0", dead: false },
    ])
    const last = pair.proxy.poll(0)!
    expect(Frame.readGoAway(last)).toEqual({
      code: SessionCode.protocol,
      lastStreamId: 1,
      retryAfterMs: 0,
      text: "DATA stands on stream 0",
    })
    expect([pair.proxy.poll(0), read.received]).toEqual([undefined, 0])
  })

  it("is all that is said after an error, whatever was waiting", () => {
    for (const side of ["source", "proxy"] as const) {
      const pair = MuxPair.ready()
      pair[side].tick(15_000)
      feed(pair, side, ping, data(0, 1))
      expect(Frame.typeOf(pair[side].poll(0)!)).toBe(FrameType.goAway)
      expect(pair[side].poll(0)).toBeUndefined()
    }
  })

  it("names every kind of broken frame", () => {
    const broken: ReadonlyArray<readonly [Uint8Array, string]> = [
      [Uint8Array.from([0x55, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 1, 0]), "1: unknown frame type 0x55"],
      [new Uint8Array(3), "1: a frame of 3 bytes is shorter than a header"],
      [data(1, 65_537), "4: DATA has 65537 bytes of payload, more than 65536"],
      [new TextEncoder().encode("hello, is this a link?"), "1: type 0x68 says"],
      [Frame.beat(FrameType.ping, 1).subarray(0, 19), "1: PING says 8 bytes of payload and has 7"],
    ]
    for (const [frame, detail] of broken)
      for (const at of ["source", "proxy"] as const) expect(feed(MuxPair.ready(), at, frame)).toContain(detail)
  })

  it("tells every open stream of the loss, once", () => {
    const pair = MuxPair.ready()
    const { read, opened } = pair.begin()
    const waiting = pair.open()
    const lost = new LinkLost({ clean: false, code: 0, detail: "cut" })
    for (let i = 0; i < 2; i++) {
      pair.proxy.end(lost)
      pair.source.end(lost)
    }
    expect([read.results, waiting.results, opened.cancels]).toEqual([[lost], [lost], [lost]])
    expect([pair.proxy.streams, pair.source.streams]).toEqual([0, 0])
    expect([pair.proxy.poll(0), pair.source.poll(0)]).toEqual([undefined, undefined])
  })
})

it("encodes WELCOME by the schema that reads it", () => {
  const bytes = Frame.encodeJson(Welcome, welcomeWith())!
  expect(Frame.readJson(FrameType.welcome, Welcome, bytes)).toEqual(welcomeWith())
})

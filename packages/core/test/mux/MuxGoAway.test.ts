import { describe, expect, it } from "@effect/vitest"
import * as Frame from "../../src/link/Frame.ts"
import { FrameType } from "../../src/link/FrameType.ts"
import { LinkLost } from "../../src/link/LinkLost.ts"
import { SessionCode } from "../../src/link/SessionCode.ts"
import { MuxPair } from "./MuxPair.ts"
import { headFrame, data, openFrame, ping, feed } from "./MuxPeer.ts"

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

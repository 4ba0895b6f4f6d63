import { describe, expect, it } from "@effect/vitest"
import * as Frame from "../../src/link/Frame.ts"
import { FrameType } from "../../src/link/FrameType.ts"
import { SessionCode } from "../../src/link/SessionCode.ts"
import { type Hello, Welcome } from "../../src/link/LinkMessage.ts"
import { hello, MuxPair, welcomeWith } from "./MuxPair.ts"
import { json, data, goAway, ping, ignorable, feed } from "./MuxPeer.ts"

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

it("encodes WELCOME by the schema that reads it", () => {
  const bytes = Frame.encodeJson(Welcome, welcomeWith())!
  expect(Frame.readJson(FrameType.welcome, Welcome, bytes)).toEqual(welcomeWith())
})

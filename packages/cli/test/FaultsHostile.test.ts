import { describe, expect, it } from "@effect/vitest"
import * as Frame from "@rdl/core/link/Frame"
import { FrameType } from "@rdl/core/link/FrameType"
import { processBudget } from "@rdl/core/mux/CreditBudget"
import { Effect, FastCheck as fc } from "effect"
import * as FaultWorld from "./FaultWorld.ts"
import { carriers, status, until } from "./FaultWorld.ts"
import * as RawSource from "./RawSource.ts"

const bytes = (most: number) => fc.uint8Array({ maxLength: most })
const text = (words: string) => new TextEncoder().encode(words)

/** Any type and any flags, with a header that is right about its length. */
const anyFrame = fc
  .tuple(fc.nat(0x20), fc.constantFrom(0, Frame.IGNORABLE), fc.nat(8), bytes(300))
  .map(([type, flags, stream, payload]) => {
    const frame = Frame.withPayload(type as FrameType, stream, payload)
    frame[1] = flags
    return frame
  })

/** What a source may well say, at a time it should not. */
const validFrame = fc.oneof(
  fc.constant(RawSource.hello("hostile")),
  fc.constantFrom(FrameType.ping, FrameType.pong).map((type) => Frame.beat(type, 7)),
  fc.tuple(fc.nat(4), bytes(2_000)).map(([id, payload]) => Frame.withPayload(FrameType.data, id + 1, payload)),
  fc.nat(4).map((id) => Frame.withPayload(FrameType.head, id + 1, text('{"contentType":"text/plain"}'))),
  fc.nat(4).map((id) => Frame.withPayload(FrameType.end, id + 1, text('{"reason":"eof"}'))),
  fc.tuple(fc.nat(4), fc.nat(3_000)).map(([id, offset]) => Frame.mark(id + 1, offset, new Uint8Array(9))),
  fc.tuple(fc.nat(4), fc.nat(60)).map(([id, code]) => Frame.reset(id + 1, code, "no")),
  fc.nat(12).map((code) => Frame.goAway({ code, lastStreamId: 3, retryAfterMs: 0, text: "bye" })),
)

const onslaught = fc.array(fc.oneof(validFrame, validFrame, anyFrame, bytes(60)), { minLength: 1, maxLength: 12 })

/** A world in which somebody follows a log, and what proves that this goes on. */
const followed = (carrier: FaultWorld.Carrier) =>
  Effect.gen(function* () {
    const world = yield* FaultWorld.start(carrier)
    const honest = yield* world.source("honest")
    const web = yield* honest.container({ name: "web" })
    const reader = yield* world.ask("/containers/honest/web/logs?follow=1&host=none")
    let expected = ""
    const goesOn = Effect.gen(function* () {
      const line = `line ${expected.length}\n`
      expected += line
      web.log("stdout", line)
      yield* until(() => reader.text() === expected)
      expect(reader.isOver()).toBe(false)
      expect(honest.states.filter(({ _tag }) => _tag === "waiting")).toEqual([])
    })
    const hostile = RawSource.dial(carrier, world.url, yield* world.token("source", "hostile"))
    return { world, goesOn, hostile }
  })

// Cases 6, 7 and 9: the token is good, whoever holds it is not.
describe.concurrent.each(carriers)("a source that breaks the rules, over %s,", (carrier) => {
  it.scopedLive("is sent away, whatever it says, and nobody else feels it", () =>
    Effect.gen(function* () {
      const { goesOn, hostile, world } = yield* followed(carrier)
      for (const [round, frames] of fc.sample(onslaught, { numRuns: 100, seed: 7 }).entries()) {
        yield* Effect.scoped(
          Effect.gen(function* () {
            const link = yield* hostile
            // Two of three get as far as to be linked.
            if (round % 3 > 0) yield* link.shakeHands
            for (const frame of frames) link.send(frame)
          }),
        )
        if (round % 10 === 0) yield* goesOn
      }
      yield* goesOn
      const list = yield* world.ask("/containers")
      expect(yield* list.ended).toBe("whole")
    }),
  )

  const faults: ReadonlyArray<readonly [what: string, frame: Uint8Array, named: RegExp]> = [
    ["a frame of unknown type", Frame.withPayload(0x7f as FrameType, 0, new Uint8Array(4)), /unknown frame type 0x7f/],
    [
      "bytes for a stream never opened",
      Frame.withPayload(FrameType.data, 9, text("x")),
      /DATA for stream 9, which was never opened/,
    ],
    ["bytes on stream 0", Frame.withPayload(FrameType.data, 0, text("x")), /DATA stands on stream 0/],
    ["a second HELLO", RawSource.hello("hostile"), /a second HELLO/],
    ["a frame that only a proxy may send", Frame.credit(1, 5), /CREDIT may not come from a source/],
    [
      "a frame over 64 KiB",
      Frame.withPayload(FrameType.data, 1, new Uint8Array(65_537)),
      /DATA has 65537 bytes of payload, more than 65536/,
    ],
    [
      "a PING of 9 bytes",
      Frame.withPayload(FrameType.ping, 0, new Uint8Array(9)),
      /PING has 9 bytes of payload, more than 8/,
    ],
  ]
  it.scopedLive.each(faults)("is told of %s, and so is the proxy's log", ([, frame, named]) =>
    Effect.gen(function* () {
      const { goesOn, hostile, world } = yield* followed(carrier)
      const link = yield* hostile
      yield* link.shakeHands
      link.send(frame)
      yield* link.ended
      yield* until(() => world.logged.some((line) => line.includes("the source hostile") && named.test(line)))
      const goodbye = link.received.find((came) => Frame.typeOf(came) === FrameType.goAway)
      expect(goodbye === undefined ? "none" : Frame.readGoAway(goodbye).text).toMatch(named)
      yield* goesOn
    }),
  )
})

// One after the other: they look at what the process has lent.
describe.each(carriers)("a source that breaks the rules, over %s,", (carrier) => {
  it.scopedLive("by sending beyond its credit loses that stream alone, and fills nothing", () =>
    Effect.gen(function* () {
      const { goesOn, hostile, world } = yield* followed(carrier)
      const link = yield* hostile
      yield* link.shakeHands
      yield* link.tellInventory("web")
      yield* until(() => FaultWorld.isLinked(world.registry, "hostile"))
      const lent = processBudget.taken
      const asking = yield* Effect.forkScoped(world.ask("/containers/hostile/web/logs?follow=1", "never"))
      const { credit, id } = yield* link.opened("logs")
      link.send(Frame.withPayload(FrameType.head, id, text('{"contentType":"text/plain","tty":false}')))
      const reader = yield* asking
      const block = new Uint8Array(64 * 1024).fill(120)
      // What the user's socket takes comes back as credit, so this is beyond any that may have come meanwhile.
      for (let sent = 0; sent <= credit + 64 * 1024 * 1024 && !link.hasReset(id); sent += block.length) {
        link.send(Frame.withPayload(FrameType.data, id, block))
        yield* link.passed
      }
      yield* until(() => link.hasReset(id))
      reader.go("fast")
      expect(yield* reader.ended).toBe("broken")
      yield* until(() => processBudget.taken === lent)
      expect(status(world.registry, "hostile")?.connected).toBe(true)
      expect(link.received.some((came) => Frame.typeOf(came) === FrameType.goAway)).toBe(false)
      yield* goesOn
    }),
  )
})

describe.concurrent.each(carriers)("a source that tells of itself what it likes, over %s,", (carrier) => {
  const ESCAPES = "\u001b]0;owned\u0007\u001b[2J\u202e"
  const hello = {
    versions: [1],
    instanceId: "hostile",
    time: Date.now(),
    agent: `x${ESCAPES}`,
    engine: null,
    features: [],
  }
  const json = (type: FrameType, id: number, value: unknown) =>
    Frame.withPayload(type, id, text(typeof value === "string" ? value : JSON.stringify(value)))

  it.scopedLive("writes no escape into a list, a log line of the proxy, or an error", () =>
    Effect.gen(function* () {
      const { goesOn, hostile, world } = yield* followed(carrier)
      const link = yield* hostile
      link.send(json(FrameType.hello, 0, { ...hello, transportWhy: ESCAPES }))
      yield* link.tellInventory("web")
      yield* until(() => FaultWorld.isLinked(world.registry, "hostile"))
      const asking = yield* Effect.forkScoped(world.ask("/containers/hostile/web/logs"))
      const { id } = yield* link.opened("logs")
      link.send(Frame.reset(id, 6, `no ${ESCAPES}`))
      const refused = yield* asking
      const sources = yield* world.ask("/sources")
      for (const answer of [refused, sources]) {
        yield* answer.ended
        expect(answer.text()).not.toMatch(/\\u001b|\\u202e|\p{C}/u)
      }
      expect(world.logged.join("")).not.toContain("\u001b")
      yield* goesOn
    }),
  )

  it.scopedLive.each<[string, Record<string, unknown>]>([
    ["escapes", { name: ESCAPES, names: [ESCAPES] }],
    ["a path", { name: "../../version", names: ["../../version"] }],
    ["another source's name before it", { name: "honest/web", names: ["honest/web"] }],
    ["a name that is no text", { name: 7, names: [7] }],
    ["an id that is none", { id: "../x" }],
  ])("is sent away for a container with %s, and nobody is told of it", ([, forged]) =>
    Effect.gen(function* () {
      const { goesOn, hostile, world } = yield* followed(carrier)
      const link = yield* hostile
      link.send(json(FrameType.hello, 0, hello))
      const { id } = yield* link.opened("inventory")
      link.send(json(FrameType.head, id, { contentType: "application/x-ndjson" }))
      const put = { _tag: "Put", container: { ...RawSource.container("web"), ...forged } }
      const lines = [{ _tag: "Begin" }, put, { _tag: "Ready" }].map((change) => `${JSON.stringify(change)}\n`)
      link.send(json(FrameType.data, id, lines.join("")))
      yield* link.ended
      const list = yield* world.ask("/containers?all=1")
      yield* list.ended
      expect(
        (JSON.parse(list.text()) as ReadonlyArray<{ readonly source: string }>).map(({ source }) => source),
      ).toEqual(["honest"])
      yield* goesOn
    }),
  )

  it.scopedLive("takes nothing from another by telling its container for its own", () =>
    Effect.gen(function* () {
      const { hostile, world } = yield* followed(carrier)
      const link = yield* hostile
      link.send(json(FrameType.hello, 0, hello))
      yield* link.tellInventory("web")
      yield* until(() => FaultWorld.isLinked(world.registry, "hostile"))
      const bare = yield* world.ask("/containers/web/logs")
      expect(bare.status).toBe(409)
      const named = yield* world.ask("/containers/honest/web/logs?host=none")
      expect([named.status, yield* named.ended]).toEqual([200, "whole"])
    }),
  )

  it.scopedLive("is sent away when its inventory has no end", () =>
    Effect.gen(function* () {
      const { goesOn, hostile, world } = yield* followed(carrier)
      const link = yield* hostile
      link.send(json(FrameType.hello, 0, hello))
      const { id } = yield* link.opened("inventory")
      link.send(json(FrameType.head, id, { contentType: "application/x-ndjson" }))
      link.send(Frame.withPayload(FrameType.data, id, text("x".repeat(60_000))))
      for (let sent = 0; sent < 8; sent++) link.send(Frame.withPayload(FrameType.data, id, text("y".repeat(60_000))))
      yield* link.ended
      yield* until(() => world.logged.some((line) => line.includes("the source hostile")))
      yield* goesOn
    }),
  )
})

describe("a WebSocket client with a good token", () => {
  it.scopedLive("that sends text, or a message longer than any frame, is cut off and named", () =>
    Effect.gen(function* () {
      const { goesOn, world } = yield* followed("ws")
      const token = yield* world.token("source", "hostile")
      for (const [message, named] of [
        ["hello", /text message/],
        [new Uint8Array(300_000), /[Mm]ax payload size exceeded/],
      ] as const) {
        const ws = yield* RawSource.webSocket(world.url, token)
        ws.send(RawSource.hello("hostile"))
        ws.send(message)
        yield* until(() => ws.readyState === ws.CLOSED)
        yield* until(() => world.logged.some((line) => line.includes("hostile") && named.test(line)))
        yield* goesOn
      }
    }),
  )
})

/** A link that breaks is a loss at both ends, told once: never a good end, and never half a frame. */
import { SessionCode } from "@rdl/core/link/SessionCode"
import { Effect, Fiber } from "effect"
import { expect } from "vitest"
import { firstWrong, frame, framesOf, stretch } from "./Bytes.ts"
import type { LinkFaults } from "../LinkHarness.ts"
import { bothClosed, until } from "./LinkWorld.ts"
import * as SessionPair from "./SessionPair.ts"
import type { Suite } from "./Suite.ts"

type Break = (world: { readonly faults: Partial<LinkFaults> }) => Effect.Effect<void>

const breaks: ReadonlyArray<readonly [needs: keyof LinkFaults, sentence: string, how: Break]> = [
  ["cut", "a FIN without a goodbye", ({ faults }) => faults.cut?.("fin") ?? Effect.void],
  ["cut", "a reset", ({ faults }) => faults.cut?.("rst") ?? Effect.void],
  ["cutAfter", "a cut in the middle of a frame", ({ faults }) => faults.cutAfter?.(100_000) ?? Effect.void],
]

const lengths = Array<number>(8).fill(40_000)

export const lossCases = ({ checkWith }: Suite): void => {
  for (const [needs, sentence, how] of breaks)
    // protocol.md#carriage: "An end of the link without GOAWAY or a transport's own goodbye is a loss".
    checkWith(needs, `at both ends after ${sentence}, and every frame that came is whole`, (world) =>
      Effect.gen(function* () {
        const pair = yield* world.recorded
        pair.source.send(frame(0, 40_000))
        yield* until("the first frame", () => pair.proxy.frames.length === 1)
        yield* how(world)
        yield* pair.source.sendAll(Array.from(framesOf(lengths)).slice(1))
        yield* bothClosed(pair)
        for (const { closes } of [pair.source, pair.proxy]) expect(closes).toMatchObject([{ clean: false }])
        expect(firstWrong(pair.proxy.frames, lengths)).toBe(-1)
        expect(pair.source.buffered()).toBe(0)
      }),
    )

  for (const [needs, sentence, how] of breaks)
    // protocol.md#goaway: "When the link is gone every open stream ends with the loss, exactly once".
    checkWith(needs, `for every open stream, once, after ${sentence}; none of them ends well`, (world) =>
      Effect.gen(function* () {
        const { begin, serving, session } = yield* SessionPair.make(world)
        const streams = yield* Effect.replicateEffect(begin, 5)
        const told = streams.map(([reader]) => new SessionPair.Told(reader))
        yield* how(world)
        for (const [, { writer }] of streams) writer.write(stretch(0, 60_000))
        expect(yield* session.lost).toMatchObject({ _tag: "LinkLost", clean: false })
        expect(yield* Effect.flip(Fiber.join(serving))).toMatchObject({ _tag: "LinkLost", clean: false })
        yield* until("the end of every handler", () => streams.every(([, handled]) => handled.interrupted === 1))
        for (const { inOrder, results } of told) {
          expect(results).toMatchObject([{ _tag: "LinkLost", clean: false }])
          expect(inOrder).toBe(true)
        }
        expect(yield* Effect.flip(session.open({ op: "inventory" }))).toMatchObject({ _tag: "LinkLost" })
      }),
    )

  // protocol.md#heartbeat: "A link on which no frame came for `deadMs` is dead".
  checkWith("blackhole", "when nothing comes for as long as the terms say, at both ends", (world, blackhole) =>
    Effect.gen(function* () {
      const terms = { heartbeatMs: 100, deadMs: 2_000 }
      const { begin, serving, session } = yield* SessionPair.make(world, { terms })
      const [reader, handled] = yield* begin
      const told = new SessionPair.Told(reader)
      // The heartbeats alone keep it for longer than that.
      yield* Effect.sleep("2500 millis")
      expect(told.results).toEqual([])
      yield* blackhole
      for (const lost of [yield* session.lost, yield* Effect.flip(Fiber.join(serving))])
        expect(lost).toMatchObject({ clean: false, code: SessionCode.heartbeatTimeout })
      expect(told.results).toMatchObject([{ _tag: "LinkLost" }])
      yield* until("the end of the handler", () => handled.interrupted === 1)
    }),
  )

  // protocol.md#carriage: a peer that ends its half has said no goodbye.
  checkWith(
    "halfClose",
    "where the peer ends its half of the connection, which is then closed for good",
    (world, half) =>
      Effect.gen(function* () {
        const closing = yield* Effect.forkScoped(half)
        const { end } = yield* world.accepted
        end.record()
        yield* until("the end", () => end.closes.length > 0)
        expect(end.closes).toMatchObject([{ clean: false }])
        yield* Fiber.join(closing)
      }),
  )

  // protocol.md#carriage: "A text message is a protocol error"; protocol.md#frames: nor may a frame be longer than it may.
  checkWith("garbage", "where the peer sends what is no frame, and says that as its code", (world, garbage) =>
    Effect.gen(function* () {
      yield* Effect.forkScoped(garbage)
      const { end } = yield* world.accepted
      end.record()
      yield* until("the end", () => end.closes.length > 0)
      expect(end.closes).toMatchObject([{ clean: false }])
      expect([SessionCode.protocol, SessionCode.frameTooLarge]).toContain(end.closes[0]?.code)
      expect(end.frames).toEqual([])
    }),
  )
}

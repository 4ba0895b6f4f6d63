/** Frames arrive whole, in order, once; what cannot leave yet is counted, and whoever waits is told. */
import { HEADER_BYTES } from "@rdl/core/link/Frame"
import { GREATEST_MAX_FRAME, MAX_BUFFERED } from "@rdl/core/link/LinkLimits"
import { Effect, FastCheck } from "effect"
import { expect } from "vitest"
import { firstWrong, frame, framesOf, lengths } from "./Bytes.ts"
import type { LinkEnd } from "./LinkEnd.ts"
import { atRest, type LinkWorld, type Pair, until } from "./LinkWorld.ts"
import { forAll, type Suite } from "./Suite.ts"

const kib = 1024
const whole = 64 * kib + HEADER_BYTES
const readAhead = 1024 * kib

export const frameCases = ({ check, underWay }: Suite): void => {
  // protocol.md#carriage: "frames follow each other without anything between, and may be cut anywhere".
  check("whole and in order, both ways, wherever short ones are cut", (world) =>
    exchanges(world, FastCheck.tuple(lengths(300, 60), lengths(300, 60), FastCheck.integer({ min: 1, max: 20 }))),
  )

  // protocol.md#carriage: "A transport delivers frames whole and in order".
  check("whole and in order, both ways, from 12 bytes to 64 KiB and 12", (world) =>
    exchanges(
      world,
      FastCheck.tuple(lengths(64 * kib, 30), lengths(64 * kib, 30), FastCheck.integer({ min: 700, max: 9_000 })),
    ),
  )

  // protocol.md#handshake: `maxFrame` is 256 KiB at most.
  check("as long as a frame may be", (world) =>
    Effect.gen(function* () {
      yield* exchange(yield* world.recorded, Array(3).fill(GREATEST_MAX_FRAME + HEADER_BYTES), [
        GREATEST_MAX_FRAME + HEADER_BYTES,
      ])
    }),
  )

  // Link.ts: "Frames that came before are handed over first".
  check("from before there is a receiver, then those from after", (world) =>
    Effect.gen(function* () {
      const { proxy, source } = yield* world.pair
      const all = Array(40).fill(500)
      for (const [from, to] of [
        [source, proxy],
        [proxy, source],
      ] as const) {
        for (let n = 0; n < 20; n++) from.send(frame(n, 500))
        if (!from.started) from.record()
        yield* atRest(() => from.buffered())
        if (!to.started) to.record()
        for (let n = 20; n < 40; n++) from.send(frame(n, 500))
        yield* arrives(to, all)
      }
    }),
  )

  for (const way of ["source", "proxy"] as const)
    // Link.ts: "a transport reads no more than 1 MiB ahead of it".
    check(`of at most 1 MiB ahead of a receiver that is late, and loses none (sent by the ${way})`, (world) =>
      Effect.gen(function* () {
        const { proxy, source } = yield* world.pair
        const [from, to] = way === "source" ? [source, proxy] : [proxy, source]
        const all = Array<number>(256).fill(whole)
        from.record()
        yield* Effect.forkScoped(from.sendAll(framesOf(all)))
        yield* atRest(() => from.sent)
        to.record()
        const ahead = to.frames.reduce((sum, { length }) => sum + length, 0)
        expect(ahead).toBeLessThanOrEqual(readAhead + underWay)
        yield* arrives(to, all)
        expect(to.closes).toEqual([])
      }),
    )

  for (const way of ["source", "proxy"] as const)
    // Link.ts: `buffered` and `onDrain`.
    check(`and counts those that wait, and tells when half of them have left (at the ${way})`, (world) =>
      Effect.gen(function* () {
        const { proxy, source } = yield* world.pair
        const [from, to] = way === "source" ? [source, proxy] : [proxy, source]
        from.record()
        const sent: Array<number> = []
        while (from.buffered() <= MAX_BUFFERED && sent.length < 1024) {
          from.send(frame(sent.length, whole))
          sent.push(whole)
        }
        const level = from.buffered()
        // Each frame may carry a few bytes of the transport's own.
        expect(level).toBeLessThanOrEqual(sent.length * (whole + 64))
        expect(level).toBeGreaterThan(MAX_BUFFERED)
        to.record()
        yield* arrives(to, sent)
        yield* until("buffered() at 0", () => from.buffered() === 0)
        yield* until("a drain", () => from.drains.length > 0)
        expect(Math.max(...from.drains)).toBeLessThanOrEqual(level / 2)
        expect(from.closes).toEqual([])
      }),
    )
}

const exchanges = (
  world: LinkWorld,
  schedule: FastCheck.Arbitrary<[ups: Array<number>, downs: Array<number>, slice: number]>,
) =>
  forAll(schedule, 12, ([ups, downs, slice]) =>
    Effect.scoped(
      Effect.gen(function* () {
        const pair = yield* world.recorded
        yield* world.faults.slice?.(slice) ?? Effect.void
        yield* exchange(pair, ups, downs)
        yield* world.faults.slice?.(0) ?? Effect.void
      }),
    ),
  )

/** Both ends send at once, and each gets just what the other sent. */
const exchange = ({ proxy, source }: Pair, ups: ReadonlyArray<number>, downs: ReadonlyArray<number>) =>
  Effect.gen(function* () {
    yield* Effect.all([source.sendAll(framesOf(ups)), proxy.sendAll(framesOf(downs))], { concurrency: 2 })
    yield* arrives(proxy, ups)
    yield* arrives(source, downs)
    yield* until("buffered() at 0", () => source.buffered() + proxy.buffered() === 0)
    expect([source.frames.length, proxy.frames.length]).toEqual([downs.length, ups.length])
    expect([source.closes, proxy.closes]).toEqual([[], []])
  })

const arrives = (end: LinkEnd, sent: ReadonlyArray<number>) =>
  Effect.gen(function* () {
    yield* until(`frame ${sent.length}`, () => end.frames.length >= sent.length || end.closes.length > 0)
    expect(end.frames.length).toBe(sent.length)
    expect(firstWrong(end.frames, sent)).toBe(-1)
  })

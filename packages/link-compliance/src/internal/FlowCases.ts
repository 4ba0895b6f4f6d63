/** Credit holds over every transport: who reads slowly stops its own source, and nobody else. Measured in bytes. */
import { HEADER_BYTES } from "@rdl/core/link/Frame"
import { INITIAL_WINDOW, GREATEST_WINDOW, MAX_BUFFERED, MAX_QUEUED } from "@rdl/core/link/LinkLimits"
import { Effect } from "effect"
import { expect } from "vitest"
import { atRest, until } from "./LinkWorld.ts"
import * as SessionPair from "./SessionPair.ts"
import type { Suite } from "./Suite.ts"

const megabyte = 1_000_000
/** What a handler that obeys has written beyond what was sent: the queue and one write, of 16 KiB in these cases. */
const queued = MAX_QUEUED + 16_384

export const flowCases = ({ check, checkWith }: Suite): void => {
  // protocol.md#credit: "there is none for the link as a whole, so one stalled stream holds up nothing else"; "The source MUST NOT send beyond it".
  check("of which one that is not read stops at its window, while its neighbours go on", (world) =>
    Effect.gen(function* () {
      const { begin, source } = yield* SessionPair.make(world)
      const [slowReader, slow] = yield* begin
      const [fastReader, fast] = yield* begin
      const stalled = new SessionPair.Told(slowReader, { consume: false })
      const going = new SessionPair.Told(fastReader)
      const progress = SessionPair.writeText(slow.writer, 3 * megabyte, () => slow.finish(SessionPair.eof))
      SessionPair.writeText(fast.writer, 8 * megabyte, () => fast.finish(SessionPair.eof))
      yield* until("the neighbour's END", () => going.results.length > 0)
      expect(going).toMatchObject({ bytes: 8 * megabyte, inOrder: true, results: [{ reason: "eof" }] })
      expect(stalled).toMatchObject({ bytes: INITIAL_WINDOW, inOrder: true, results: [] })
      expect(progress.written).toBeLessThanOrEqual(INITIAL_WINDOW + queued)
      // protocol.md#order: no more than 256 KiB, and one frame, wait in the transport; each with a few bytes of its own.
      expect(source.peak).toBeLessThanOrEqual((MAX_BUFFERED + 65_536 + HEADER_BYTES) * 1.01)
      // protocol.md#credit: "The proxy gives back credit when bytes have left towards the user".
      stalled.consume()
      yield* until("the slow one's END", () => stalled.results.length > 0)
      expect(stalled).toMatchObject({ bytes: 3 * megabyte, inOrder: true, results: [{ reason: "eof" }] })
    }),
  )

  // protocol.md#order: urgent frames go first, so a full link still carries a new stream's HEAD and a heartbeat.
  check("of which many may be stalled at once without holding up a new one", (world) =>
    Effect.gen(function* () {
      const { begin } = yield* SessionPair.make(world)
      const streams = yield* Effect.replicateEffect(begin, 20)
      const stalled = streams.map(([reader]) => new SessionPair.Told(reader, { consume: false }))
      for (const [, { writer }] of streams) SessionPair.writeText(writer, megabyte)
      yield* until("every window full", () => stalled.every(({ bytes }) => bytes === INITIAL_WINDOW))
      const [reader, { finish, writer }] = yield* begin
      const told = new SessionPair.Told(reader)
      SessionPair.writeText(writer, megabyte, () => finish(SessionPair.eof))
      yield* until("END", () => told.results.length > 0)
      expect(told).toMatchObject({ bytes: megabyte, inOrder: true })
      expect(stalled.every(({ bytes, inOrder }) => bytes === INITIAL_WINDOW && inOrder)).toBe(true)
    }),
  )

  // protocol.md#order: "An end SHOULD stop handing frames to a transport that holds more than 256 KiB".
  checkWith(
    "freeze",
    "that all wait, in bounded memory, while the wire takes nothing, and lose nothing by it",
    (world, freeze) =>
      Effect.gen(function* () {
        const { begin, source } = yield* SessionPair.make(world)
        const streams = yield* Effect.replicateEffect(begin, 4)
        const told = streams.map(([reader]) => new SessionPair.Told(reader))
        const total = 4 * megabyte
        yield* Effect.scoped(
          Effect.gen(function* () {
            yield* freeze
            const progress = streams.map(([, { finish, writer }]) =>
              SessionPair.writeText(writer, total, () => finish(SessionPair.eof)),
            )
            yield* atRest(() => progress.reduce((sum, { written }) => sum + written, source.buffered()))
            for (const [n, { written }] of progress.entries())
              expect(written).toBeLessThanOrEqual((told[n]?.bytes ?? 0) + GREATEST_WINDOW + queued)
            expect(source.peak).toBeLessThanOrEqual((MAX_BUFFERED + 65_536 + HEADER_BYTES) * 1.01)
          }),
        )
        yield* until("every END", () => told.every(({ results }) => results.length > 0))
        for (const each of told)
          expect(each).toMatchObject({ bytes: total, inOrder: true, results: [{ reason: "eof" }] })
      }),
  )
}

import { describe, expect, it } from "@effect/vitest"
import { Chunk, Effect, FastCheck as fc, Fiber, Stream } from "effect"
import { LinkBacklog } from "../../src/link/LinkBacklog.ts"
import { LinkLost } from "../../src/link/LinkLost.ts"
import * as LinkStream from "../../src/link/LinkStream.ts"
import { StreamError } from "../../src/link/StreamError.ts"
import * as LinkPair from "./LinkPair.ts"
import { settle, until, writeAll } from "./LinkPair.ts"

const blocks = (count: number) => Array.from({ length: count }, (_, index) => new Uint8Array(65_536).fill(index))

describe("a reader as a Stream", () => {
  it.scoped("gives every byte and ends where the source said END", () =>
    Effect.gen(function* () {
      const { begin } = yield* LinkPair.make()
      const [reader, { writer, finish }] = yield* begin
      writeAll(writer, blocks(40), () => finish(Effect.succeed({ reason: "eof" })))
      const pieces = yield* Stream.runCollect(LinkStream.bytes(reader))
      expect(Buffer.concat(Chunk.toReadonlyArray(pieces)).equals(Buffer.concat(blocks(40)))).toBe(true)
    }),
  )

  it.scoped("stops its source while it is not pulled", () =>
    Effect.gen(function* () {
      const { begin } = yield* LinkPair.make()
      const [reader, { writer }] = yield* begin
      let written = 0
      const counted = function* () {
        for (const block of blocks(100)) {
          written += block.length
          yield block
        }
      }
      writeAll(writer, counted())
      let pulled = 0
      const pulling = yield* Effect.forkScoped(
        Stream.runForEach(LinkStream.bytes(reader), (bytes) => {
          pulled += bytes.length
          return Effect.never
        }),
      )
      yield* until(() => pulled > 0)
      yield* settle
      expect(written).toBeLessThanOrEqual(262_144 + 262_144 + 2 * 65_536)
      yield* Fiber.interrupt(pulling)
    }),
  )

  it.scoped("fails as the stream does, after the bytes that came before", () =>
    Effect.gen(function* () {
      const { begin, proxyEnd } = yield* LinkPair.make()
      const read = (broken: (finish: LinkPair.Handled["finish"]) => void) =>
        Effect.gen(function* () {
          const [reader, { writer, finish }] = yield* begin
          let bytes = 0
          writer.write(new Uint8Array(10))
          const reading = yield* Effect.forkScoped(
            Stream.runForEach(LinkStream.bytes(reader), (piece) => Effect.sync(() => void (bytes += piece.length))),
          )
          yield* until(() => bytes === 10)
          broken(finish)
          return yield* Effect.flip(Fiber.join(reading))
        })
      const engineError = new StreamError({ reason: "engine-error", detail: "500" })
      expect(yield* read((finish) => finish(engineError))).toBeInstanceOf(StreamError)
      expect(yield* read(() => proxyEnd.destroy("cut"))).toBeInstanceOf(LinkLost)
    }),
  )
})

describe("LinkBacklog", () => {
  it("gives back what was pushed, in its order", () => {
    const lengths = fc.array(fc.oneof(fc.nat(40), fc.integer({ min: 1_000, max: 1_050 })))
    fc.assert(
      fc.property(fc.array(lengths), (rounds) => {
        const backlog = new LinkBacklog()
        let next = 0
        for (const round of rounds) {
          const pushed = round.map((length) => new Uint8Array(length).fill(next++ & 255))
          for (const bytes of pushed) backlog.push(bytes)
          expect(Buffer.concat(backlog.takeAll()).equals(Buffer.concat(pushed))).toBe(true)
          expect(backlog.isEmpty).toBe(true)
        }
      }),
    )
  })

  it("packs tiny pieces, so that many of them take little more than their bytes", () => {
    const backlog = new LinkBacklog()
    for (let i = 0; i < 262_144; i++) backlog.push(new Uint8Array(1))
    expect(backlog.takeAll().length).toBe(64)
  })
})

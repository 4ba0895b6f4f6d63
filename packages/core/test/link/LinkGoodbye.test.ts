import { describe, expect, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Scope, TestClock } from "effect"
import * as LinkSession from "../../src/link/LinkSession.ts"
import * as MemoryLink from "../../src/link/MemoryLink.ts"
import { SessionCode } from "../../src/link/SessionCode.ts"
import * as LinkPair from "./LinkPair.ts"
import { lossOf, serveOptions, settle, Told, until, welcomed } from "./LinkPair.ts"
import { inventory } from "../mux/MuxPair.ts"

const eof = { reason: "eof" as const }

// protocol.md#goaway
describe("the end of a session", () => {
  it.scoped("is a loss for every open stream when the link breaks, and never a success", () =>
    Effect.gen(function* () {
      const { begin, session, serving, handled, proxyEnd } = yield* LinkPair.make()
      const [first, { writer, finish }] = yield* begin
      const told = [new Told(first), new Told((yield* begin)[0])]
      const opening = yield* Effect.forkScoped(session.open(inventory))
      yield* until(() => handled.length === 3)
      writer.write(new Uint8Array(100))
      finish(Effect.succeed(eof))
      proxyEnd.destroy("cut")
      const lost = yield* session.lost
      expect(lost).toMatchObject({ clean: false, code: SessionCode.none, detail: "cut" })
      yield* settle
      expect(told.map(({ results }) => results)).toEqual([[lost], [lost]])
      expect(yield* Effect.flip(Fiber.join(opening))).toMatchObject({ _tag: "LinkLost" })
      expect(yield* Effect.flip(Effect.scoped(session.open(inventory)))).toMatchObject({
        _tag: "LinkLost",
        detail: "cut",
      })
      expect(yield* lossOf(serving)).toMatchObject({ clean: false })
      expect(handled.map(({ interrupted }) => interrupted)).toEqual([0, 1, 1])
    }),
  )

  it.scoped("is a goodbye with its code when the proxy closes", () =>
    Effect.gen(function* () {
      const { session, serving } = yield* LinkPair.make()
      yield* session.close(SessionCode.replaced, "a newer link took over")
      const told = { code: SessionCode.replaced, detail: "a newer link took over" }
      expect(yield* lossOf(serving)).toMatchObject({ clean: true, ...told })
      expect(yield* session.lost).toMatchObject({ clean: false, ...told })
      yield* settle
      expect(yield* Effect.flip(Effect.scoped(session.open(inventory)))).toEqual(yield* session.lost)
    }),
  )

  it.scoped("is a goodbye when the source is interrupted, after its handlers were", () =>
    Effect.gen(function* () {
      const { session, serving, begin, handled } = yield* LinkPair.make()
      const told = new Told((yield* begin)[0])
      yield* Fiber.interrupt(serving)
      expect(handled[0]!.interrupted).toBe(1)
      const lost = yield* session.lost
      expect(lost).toMatchObject({ clean: true, code: SessionCode.shuttingDown, detail: "the source stops" })
      expect(told.results).toEqual([lost])
    }),
  )

  it.effect("is a goodbye when the proxy's scope closes", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const { serving } = yield* Scope.extend(
        Effect.gen(function* () {
          const [far, near] = MemoryLink.make()
          const serving = yield* Effect.forkDaemon(LinkSession.serve(far, serveOptions))
          yield* LinkSession.connect(near, welcomed())
          return { serving }
        }),
        scope,
      )
      yield* Scope.close(scope, Exit.void)
      expect(yield* lossOf(serving)).toMatchObject({ clean: true, code: SessionCode.shuttingDown })
    }),
  )

  it.scoped("lets open streams go on while the proxy drains, opens nothing, and comes with the last of them", () =>
    Effect.gen(function* () {
      const { session, serving, begin, goAways } = yield* LinkPair.make()
      const [reader, { writer, finish }] = yield* begin
      const told = new Told(reader)
      yield* Effect.forkScoped(session.drain(3_000))
      yield* until(() => goAways.length > 0)
      expect(goAways).toMatchObject([{ clean: true, code: SessionCode.shuttingDown, retryAfterMs: 3_000 }])
      expect(yield* Effect.flip(Effect.scoped(session.open(inventory)))).toMatchObject({ _tag: "LinkLost" })
      writer.write(new Uint8Array(100_000))
      finish(Effect.succeed(eof))
      expect(yield* lossOf(serving)).toMatchObject({ clean: true, code: SessionCode.shuttingDown, retryAfterMs: 3_000 })
      expect([told.bytes, told.results]).toEqual([100_000, [eof]])
    }),
  )

  it.scoped("comes after 30 s of draining, whatever is still open", () =>
    Effect.gen(function* () {
      const { session, begin } = yield* LinkPair.make()
      const told = new Told((yield* begin)[0])
      yield* Effect.forkScoped(session.drain(0))
      yield* settle
      yield* TestClock.adjust("15 seconds")
      yield* settle
      yield* TestClock.adjust("14999 millis")
      expect(told.results).toEqual([])
      yield* TestClock.adjust("1 millis")
      expect(yield* session.lost).toMatchObject({ code: SessionCode.shuttingDown })
      expect(told.results.length).toBe(1)
    }),
  )

  it.scoped("lets open streams go on while the source stops, and loses those it had not begun", () =>
    Effect.gen(function* () {
      let stop = (): void => undefined
      const stopped = Effect.async<void>((resume) => void (stop = () => resume(Effect.void)))
      const { wire, session, begin, handled } = yield* LinkPair.make({}, { stop: stopped })
      const [reader, { finish }] = yield* begin
      const told = new Told(reader)
      wire.stop()
      const opening = yield* Effect.forkScoped(session.open(inventory))
      yield* settle
      stop()
      yield* settle
      wire.go()
      expect(yield* Effect.flip(Fiber.join(opening))).toMatchObject({
        _tag: "LinkLost",
        code: SessionCode.shuttingDown,
      })
      expect(yield* Effect.flip(Effect.scoped(session.open(inventory)))).toMatchObject({ _tag: "LinkLost" })
      expect([handled.length, told.results.length]).toEqual([1, 0])
      finish(Effect.succeed(eof))
      expect(yield* session.lost).toMatchObject({ clean: true, code: SessionCode.shuttingDown })
      expect(told.results).toEqual([eof])
    }),
  )
})

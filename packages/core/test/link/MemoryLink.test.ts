import { describe, expect, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Layer, Redacted, Scope } from "effect"
import { type Link, LinkAcceptor, type LinkClosed, LinkDialer } from "../../src/link/Link.ts"
import * as MemoryLink from "../../src/link/MemoryLink.ts"
import { SourceName } from "../../src/model/SourceName.ts"
import { TokenRejected } from "../../src/token/TokenVerifier.ts"
import { settle, until, Wire } from "./LinkPair.ts"

const listen = (link: Link) => {
  const heard = { bytes: [] as Array<number>, drains: [] as Array<number>, closes: [] as Array<LinkClosed> }
  link.start({
    onFrame: (frame) => void heard.bytes.push(frame[0]!),
    onDrain: () => void heard.drains.push(link.buffered()),
    onClose: (closed) => void heard.closes.push(closed),
  })
  return heard
}

const frame = (first: number, length = 1) => new Uint8Array(length).fill(first)

describe("MemoryLink", () => {
  it.effect("carries frames in order, never inside send, and what came before start first", () =>
    Effect.gen(function* () {
      const [a, b] = MemoryLink.make()
      const heard = listen(b)
      for (let i = 0; i < 100; i++) a.send(frame(i))
      b.send(frame(200))
      expect(heard.bytes).toEqual([])
      yield* until(() => heard.bytes.length === 100)
      expect(heard.bytes).toEqual(Array.from({ length: 100 }, (_, index) => index))
      yield* settle
      expect(b.buffered()).toBe(1)
      const late = listen(a)
      yield* until(() => late.bytes.length === 1)
      expect(b.buffered()).toBe(0)
    }),
  )

  it.effect("counts what has not arrived, and tells when half of it has, once", () =>
    Effect.gen(function* () {
      const wire = new Wire()
      const [a, b] = MemoryLink.make({ schedule: wire.schedule })
      const heard = listen(a)
      listen(b)
      wire.stop()
      for (let i = 0; i < 10; i++) a.send(frame(i, 65_536))
      expect(a.buffered()).toBe(655_360)
      yield* settle
      expect([a.buffered(), heard.drains]).toEqual([655_360, []])
      wire.go()
      yield* until(() => a.buffered() === 0)
      // 256 KiB were passed at 327,680 bytes; the first level at or below half of that is two frames.
      expect(heard.drains).toEqual([131_072])
    }),
  )

  it.effect("delivers what is buffered before the goodbye, and closes both ends once", () =>
    Effect.gen(function* () {
      const [a, b] = MemoryLink.make()
      const [near, far] = [listen(a), listen(b)]
      a.send(frame(1))
      a.close(7, "enough")
      a.close(8, "again")
      a.send(frame(2))
      a.destroy("too late to matter once it is closed")
      yield* settle
      expect(near.closes.length).toBe(1)
      const [c, d] = MemoryLink.make()
      const [closer, closed] = [listen(c), listen(d)]
      c.send(frame(1))
      c.close(7, "enough")
      yield* until(() => closed.closes.length > 0 && closer.closes.length > 0)
      expect(closed).toMatchObject({ bytes: [1], closes: [{ clean: true, code: 7, reason: "enough" }] })
      expect(closer.closes).toEqual(closed.closes)
      d.send(frame(3))
      d.destroy("nothing left")
      yield* settle
      expect([closer.bytes, closer.closes.length, closed.closes.length, far.closes.length]).toEqual([[], 1, 1, 1])
    }),
  )

  it.effect("drops everything when destroyed, which is a loss to both, and tells a late receiver too", () =>
    Effect.gen(function* () {
      const [a, b] = MemoryLink.make()
      const near = listen(a)
      a.send(frame(1))
      a.destroy("cut")
      yield* until(() => near.closes.length > 0)
      const far = listen(b)
      yield* until(() => far.closes.length > 0)
      expect([near.closes, far]).toMatchObject([
        [{ clean: false, code: 0, reason: "cut" }],
        { bytes: [], closes: [{ clean: false, reason: "the connection was lost" }] },
      ])
      expect(a.buffered()).toBe(0)
    }),
  )

  it.effect("is closed for good soon after close, though the peer takes nothing", () =>
    Effect.gen(function* () {
      const [a, b] = MemoryLink.make()
      const near = listen(a)
      a.send(frame(1))
      a.close(8, "bye")
      yield* until(() => near.closes.length > 0)
      expect(near.closes).toMatchObject([{ clean: false }])
      expect(b.buffered()).toBe(0)
    }),
  )
})

describe("MemoryLink.layer", () => {
  const name = SourceName.make("edge-1")
  const identity = { name, claims: { sub: name, role: "source" as const, iat: 0, exp: 1, jti: "j" } }
  const good = Redacted.make("good")

  const acceptor = (accepted: Array<Link>, interrupted: Deferred.Deferred<void>) =>
    Layer.succeed(
      LinkAcceptor,
      LinkAcceptor.of({
        authenticate: (token) =>
          token === "good"
            ? Effect.succeed(identity)
            : new TokenRejected({ reason: "unauthorized", detail: "for the operator alone" }),
        accept: (link, who) =>
          Effect.async<void>(() => {
            expect(who).toBe(identity)
            accepted.push(link)
          }).pipe(Effect.onInterrupt(() => Deferred.succeed(interrupted, undefined))),
      }),
    )

  it.scoped("delivers the far end to the acceptor, and destroys it with the dialler's scope", () =>
    Effect.gen(function* () {
      const accepted: Array<Link> = []
      const interrupted = yield* Deferred.make<void>()
      const layers = yield* Scope.make()
      const context = yield* Layer.buildWithScope(
        Layer.provide(MemoryLink.layer({ token: good }), acceptor(accepted, interrupted)),
        layers,
      )
      const dialled = yield* Scope.make()
      const near = yield* LinkDialer.pipe(
        Effect.flatMap(({ dial }) => dial),
        Effect.provide(context),
        Scope.extend(dialled),
      )
      yield* until(() => accepted.length === 1)
      const heard = listen(accepted[0]!)
      near.send(frame(9))
      yield* until(() => heard.bytes.length === 1)
      yield* Scope.close(dialled, Exit.void)
      yield* until(() => heard.closes.length === 1)
      expect(heard.closes).toMatchObject([{ clean: false }])
      yield* Scope.close(layers, Exit.void)
      yield* Deferred.await(interrupted)
    }),
  )

  it.scoped("refuses to dial with a token that is not taken, and shows neither token nor reason", () =>
    Effect.gen(function* () {
      const interrupted = yield* Deferred.make<void>()
      const layer = Layer.provide(MemoryLink.layer({ token: Redacted.make("bad") }), acceptor([], interrupted))
      const refused = yield* LinkDialer.pipe(
        Effect.flatMap(({ dial }) => Effect.flip(dial)),
        Effect.provide(layer),
      )
      expect(refused).toMatchObject({ reason: "refused", url: "memory:", detail: "missing or bad token" })
    }),
  )
})

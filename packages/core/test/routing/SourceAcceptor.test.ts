import { describe, expect, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Layer, Ref, TestClock } from "effect"
import { LinkAcceptor } from "../../src/link/Link.ts"
import type { Welcome } from "../../src/link/LinkMessage.ts"
import * as LinkSession from "../../src/link/LinkSession.ts"
import * as MemoryLink from "../../src/link/MemoryLink.ts"
import { SessionCode } from "../../src/link/SessionCode.ts"
import * as SourceAcceptor from "../../src/routing/SourceAcceptor.ts"
import * as SourceRegistry from "../../src/routing/SourceRegistry.ts"
import type { TokenClaims } from "../../src/token/TokenClaims.ts"
import { TokenRejected, TokenVerifier } from "../../src/token/TokenVerifier.ts"
import * as FakeSession from "./FakeSession.ts"

const rejected = new TokenRejected({ reason: "unauthorized", detail: "revoked" })

/** Tokens are the names of their bearers. */
const verifier = (revoked: Ref.Ref<boolean>, exp: number) =>
  Layer.succeed(TokenVerifier, {
    verify: (token, role) =>
      Effect.gen(function* () {
        if (token === undefined || (yield* Ref.get(revoked))) return yield* rejected
        return { sub: token, role, iat: 0, exp, jti: "j" } satisfies TokenClaims
      }),
    remembered: () => undefined,
  })

const proxy = (exp = 3600) =>
  Effect.gen(function* () {
    const revoked = yield* Ref.make(false)
    const context = yield* Layer.build(
      Layer.provideMerge(SourceAcceptor.layer(), SourceRegistry.layer()).pipe(Layer.provide(verifier(revoked, exp))),
    )
    return { context, revoked }
  })

/** Links a source; `lost` says how that ended, once it did. */
const link = Effect.fn(function* (token: string, instanceId: string, time = 0) {
  const acceptor = yield* LinkAcceptor
  const [near, far] = MemoryLink.make()
  yield* Effect.forkScoped(acceptor.accept(far, yield* acceptor.authenticate(token)))
  const welcomed = yield* Deferred.make<Welcome>()
  const lost = yield* LinkSession.serve(near, {
    hello: { ...FakeSession.hello(instanceId), time },
    handler: (_, writer) =>
      Effect.suspend(() => {
        writer.head({ contentType: "application/x-ndjson" })
        writer.write(new TextEncoder().encode(FakeSession.snapshot(FakeSession.container("a", "web"))))
        return Effect.never
      }),
    onWelcome: (welcome) => Deferred.succeed(welcomed, welcome),
  }).pipe(Effect.flip, Effect.forkScoped)
  const first = yield* Effect.raceFirst(
    Effect.map(Deferred.await(welcomed), ({ source }) => ({ source })),
    Effect.map(Fiber.join(lost), ({ code }) => ({ code })),
  )
  return { first, lost, welcome: Deferred.await(welcomed) }
})

const inventoryCame = Effect.flatMap(SourceRegistry.SourceRegistry, (registry) => registry.inventories).pipe(
  Effect.tap(() => Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))),
  Effect.repeat({ until: ([inventory]) => inventory !== undefined && !inventory.stale }),
)

describe("SourceAcceptor", () => {
  it.scoped("names a source by its token and notes how far its clock is off", () =>
    Effect.gen(function* () {
      const { context } = yield* proxy()
      yield* Effect.gen(function* () {
        const { first } = yield* link("edge-1", "one", 1500)
        expect(first).toEqual({ source: "edge-1" })
        yield* inventoryCame
        const registry = yield* SourceRegistry.SourceRegistry
        expect(yield* registry.statuses).toMatchObject([
          { name: "edge-1", connected: true, clockSkewMs: 1500, transport: "memory", containers: 1 },
        ])
      }).pipe(Effect.provide(context))
    }),
  )

  it.scoped(
    "tells each source the terms of links: PINGs every 15 s, 40 s of silence, 64 KiB a frame, 256 streams",
    () =>
      Effect.gen(function* () {
        const { context } = yield* proxy()
        const { welcome } = yield* Effect.provide(link("edge-1", "one"), context)
        const terms = { heartbeatMs: 15_000, deadMs: 40_000, maxFrame: 65_536, maxStreams: 256 }
        expect(yield* welcome).toMatchObject(terms)
      }),
  )

  it.scoped("takes no token whose sub is no name of a source", () =>
    Effect.gen(function* () {
      const { context } = yield* proxy()
      const acceptor = yield* Effect.provide(LinkAcceptor, context)
      for (const token of ["a/b", "*", "", " ", "ä"])
        expect(yield* Effect.flip(acceptor.authenticate(token))).toMatchObject({ reason: "unauthorized" })
      expect(yield* Effect.flip(acceptor.authenticate(undefined))).toMatchObject({ reason: "unauthorized" })
    }),
  )

  it.scoped("tells a second process under the same name that it is taken, and leaves the first alone", () =>
    Effect.gen(function* () {
      const { context } = yield* proxy()
      yield* Effect.gen(function* () {
        const { lost } = yield* link("edge-1", "one")
        yield* inventoryCame
        const second = yield* link("edge-1", "two")
        expect(second.first).toEqual({ code: SessionCode.conflict })
        expect(lost.unsafePoll()).toBeNull()
      }).pipe(Effect.provide(context))
    }),
  )

  it.scoped("ends a link when its token expires", () =>
    Effect.gen(function* () {
      const { context } = yield* proxy(7)
      yield* Effect.gen(function* () {
        const { lost } = yield* link("edge-1", "one")
        yield* inventoryCame
        yield* TestClock.adjust("6900 millis")
        expect(lost.unsafePoll()).toBeNull()
        yield* TestClock.adjust("100 millis")
        expect((yield* Fiber.join(lost)).code).toBe(SessionCode.unauthorized)
      }).pipe(Effect.provide(context))
    }),
  )

  it.scoped("ends a link within 5 s of its token's revocation", () =>
    Effect.gen(function* () {
      const { context, revoked } = yield* proxy()
      yield* Effect.gen(function* () {
        const { lost } = yield* link("edge-1", "one")
        yield* inventoryCame
        yield* Ref.set(revoked, true)
        yield* TestClock.adjust("5 seconds")
        expect((yield* Fiber.join(lost)).code).toBe(SessionCode.unauthorized)
      }).pipe(Effect.provide(context))
    }),
  )
})

import { describe, expect, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber, Layer, Scope, TestClock } from "effect"
import * as RequestRouter from "../../src/routing/RequestRouter.ts"
import * as SourceRegistry from "../../src/routing/SourceRegistry.ts"
import * as FakeSession from "./FakeSession.ts"

const user = (sub = "ann"): RequestRouter.User => ({
  claims: { sub, role: "user", iat: 0, exp: 1e9, jti: "j" },
  lapsed: Effect.never,
})

const settle = Effect.yieldNow().pipe(Effect.repeatN(20))
const web = FakeSession.container("aa1", "web")
const top = { op: "top" } as const

const run = <A, E>(
  answer: Effect.Effect<void>,
  body: (
    router: RequestRouter.RequestRouter["Type"],
    session: FakeSession.FakeSession,
  ) => Effect.Effect<A, E, Scope.Scope>,
  options?: Partial<RequestRouter.Options>,
) =>
  Effect.gen(function* () {
    const registry = yield* SourceRegistry.SourceRegistry
    const session = FakeSession.make({
      name: "edge-1",
      inventory: FakeSession.snapshot(web),
      answer: ({ op }) => (op === "inventory" ? Effect.void : answer),
    })
    yield* Effect.fork(registry.serve({ name: FakeSession.sourceName("edge-1"), session, clockSkewMs: 0 }))
    yield* settle
    return yield* body(yield* RequestRouter.RequestRouter, session)
  }).pipe(Effect.provide(Layer.provideMerge(RequestRouter.layer(options), SourceRegistry.layer())))

describe("A question about a container", () => {
  it.scoped("is answered 504 when no head has come after 30 s, is cancelled, and gives its place back", () =>
    Effect.gen(function* () {
      const cancelled = yield* Deferred.make<void>()
      const hanging = Effect.onInterrupt(Effect.never, () => Deferred.succeed(cancelled, undefined))
      yield* run(
        hanging,
        (router) =>
          Effect.gen(function* () {
            const ask = Effect.fork(Effect.flip(Effect.scoped(router.ask(user(), "web", top))))
            const answer = yield* ask
            yield* settle
            yield* TestClock.adjust("29 seconds")
            expect(answer.unsafePoll()).toBeNull()
            yield* TestClock.adjust("1 second")
            const error = yield* Fiber.join(answer)
            expect([error.status, error.code, error.source]).toEqual([504, "source-silent", "edge-1"])
            yield* Deferred.await(cancelled)
            const again = yield* ask
            yield* settle
            expect(again.unsafePoll()).toBeNull()
            yield* Fiber.interrupt(again)
          }),
        { maxStreamsPerUser: 1 },
      )
    }),
  )

  it.scoped("takes one of the user's places, as events do, until it is let go of", () =>
    run(
      Effect.void,
      (router) =>
        Effect.gen(function* () {
          const held = yield* Scope.make()
          yield* Scope.extend(router.ask(user(), "web", top), held)
          const questions = [router.ask(user(), "web", top), Effect.asVoid(router.events(user(), {}))]
          for (const question of questions) {
            const refused = yield* Effect.flip(Effect.scoped(question))
            expect([refused.status, refused.code, refused.limit]).toEqual([429, "too-many-streams", 1])
          }
          yield* Effect.scoped(router.ask(user("bob"), "web", top))
          yield* Scope.close(held, Exit.void)
          for (const question of questions) yield* Effect.scoped(question)
          yield* Effect.asVoid(router.events(user(), {}))
          const refused = yield* Effect.flip(Effect.scoped(router.ask(user(), "web", top)))
          expect(refused.status).toBe(429)
        }),
      { maxStreamsPerUser: 1 },
    ),
  )

  it.scoped("and what it is answered breaks off with the link", () =>
    run(Effect.void, (router, session) =>
      Effect.gen(function* () {
        const { reader } = yield* router.ask(user(), "web", top)
        const ended = yield* Deferred.make<string>()
        reader.start({
          onData: () => {},
          onEnd: (result) => Effect.runSync(Deferred.succeed(ended, "_tag" in result ? result._tag : "well")),
        })
        session.lose("cut")
        expect(yield* Deferred.await(ended)).toBe("LinkLost")
      }),
    ),
  )
})

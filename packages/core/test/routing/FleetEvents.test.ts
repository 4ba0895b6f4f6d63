import { describe, expect, it } from "@effect/vitest"
import { Effect, Fiber, Layer, type Scope, Stream, TestClock } from "effect"
import { LogTime } from "../../src/log/LogTime.ts"
import { MAX_EVENT_BYTES } from "../../src/model/ContainerEvent.ts"
import type { SourceEvent } from "../../src/routing/FleetEvents.ts"
import * as RequestRouter from "../../src/routing/RequestRouter.ts"
import * as SourceRegistry from "../../src/routing/SourceRegistry.ts"
import * as FakeSession from "./FakeSession.ts"

const user: RequestRouter.User = {
  claims: { sub: "ann", role: "user", iat: 0, exp: 1e9, jti: "j" },
  lapsed: Effect.never,
}

const settle = Effect.yieldNow().pipe(Effect.repeatN(200))
const web = FakeSession.container("aa1", "web")

const event = (second: number, labels: Readonly<Record<string, string>> = {}) =>
  JSON.stringify({ id: web.id, action: "start", name: "web", image: "i", labels, timeNano: `${second}000000000` })

const run = <A, E>(
  body: (
    events: (span?: {
      readonly until: LogTime
    }) => Effect.Effect<Stream.Stream<SourceEvent, unknown>, unknown, Scope.Scope>,
    session: FakeSession.FakeSession,
  ) => Effect.Effect<A, E, Scope.Scope>,
) =>
  Effect.gen(function* () {
    const registry = yield* SourceRegistry.SourceRegistry
    const router = yield* RequestRouter.RequestRouter
    const session = FakeSession.make({ name: "edge-1", inventory: FakeSession.snapshot(web) })
    yield* Effect.fork(registry.serve({ name: FakeSession.sourceName("edge-1"), session, clockSkewMs: 0 }))
    yield* settle
    return yield* body((span = {} as never) => router.events(user, span), session)
  }).pipe(Effect.provide(Layer.provideMerge(RequestRouter.layer(), SourceRegistry.layer())))

const streams = (session: FakeSession.FakeSession) => session.streams.filter(({ request }) => request.op === "events")

const collect = (stream: Stream.Stream<SourceEvent, unknown>) =>
  Effect.gen(function* () {
    const told: Array<string> = []
    const fiber = yield* Effect.forkScoped(
      Stream.runForEach(stream, ({ event: { timeNano } }) => Effect.sync(() => void told.push(timeNano))),
    )
    yield* settle
    return { told, fiber }
  })

describe("Events of the fleet", () => {
  it.scoped("have lines of at most 256 KiB: behind a longer one nothing is read, and the source is asked again", () =>
    run((events, session) =>
      Effect.gen(function* () {
        const { told } = yield* collect(yield* events())
        const [first] = streams(session)
        const padding = MAX_EVENT_BYTES - event(1, { a: "" }).length
        const longest = event(1, { a: "x".repeat(padding) })
        expect(longest.length).toBe(MAX_EVENT_BYTES)
        first!.send(`${longest}\n`)
        yield* settle
        expect(told).toEqual(["1000000000"])
        first!.send(`${event(2, { a: `${"x".repeat(padding)}x` })}\n${event(3)}\n`)
        yield* settle
        expect(told).toEqual(["1000000000"])
        expect(first!.cancelled).toBe(true)
        yield* TestClock.adjust("1900 millis")
        yield* settle
        expect(streams(session)).toHaveLength(1)
        yield* TestClock.adjust("1100 millis")
        yield* settle
        const [, second] = streams(session)
        // Behind the last event that it told.
        expect(second!.request).toMatchObject({ op: "events", since: "1.000000001" })
        second!.send(`no event\n${event(4)}\n`)
        yield* settle
        expect(told).toEqual(["1000000000", "4000000000"])
      }),
    ),
  )

  it.scoped("end 2 s after until at the latest, though a source has not ended", () =>
    run((events, session) =>
      Effect.gen(function* () {
        const { fiber, told } = yield* collect(yield* events({ until: LogTime.make("10.000000000") }))
        streams(session)[0]!.send(`${event(9)}\n`)
        yield* TestClock.adjust("11900 millis")
        yield* settle
        expect(fiber.unsafePoll()).toBeNull()
        yield* TestClock.adjust("200 millis")
        yield* Fiber.join(fiber)
        expect(told).toEqual(["9000000000"])
      }),
    ),
  )

  it.scoped("end at until where the source has ended", () =>
    run((events, session) =>
      Effect.gen(function* () {
        const { fiber } = yield* collect(yield* events({ until: LogTime.make("10.000000000") }))
        yield* TestClock.adjust("10 seconds")
        streams(session)[0]!.end({ reason: "eof" })
        yield* settle
        yield* TestClock.adjust("100 millis")
        yield* Fiber.join(fiber)
      }),
    ),
  )

  it.scoped("are read 256 ahead of a reader that takes none, and then hold their source up", () =>
    run((events, session) =>
      Effect.gen(function* () {
        const stream = yield* events()
        yield* settle
        const [source] = streams(session)
        const size = event(1).length + 1
        for (let second = 1; second <= 1_000; second++) {
          source!.send(`${event(1)}\n`)
          yield* Effect.yieldNow()
        }
        yield* settle
        // What is one ahead is in hand; credit goes back for what was taken from the stream before it.
        expect(source!.consumed / size).toBeGreaterThan(200)
        expect(source!.consumed / size).toBeLessThanOrEqual(258)
        expect(yield* Stream.runCount(Stream.take(stream, 1_000))).toBe(1_000)
        yield* settle
        expect(source!.consumed / size).toBeGreaterThan(900)
      }),
    ),
  )
})

import { describe, expect, it } from "@effect/vitest"
import { Effect, Exit, FastCheck, Metric, Scope, TestClock, TestContext } from "effect"
import { SessionCode } from "../../src/link/SessionCode.ts"
import { StreamError } from "../../src/link/StreamError.ts"
import * as LogMetrics from "../../src/routing/LogMetrics.ts"
import { TokenRejected } from "../../src/token/TokenVerifier.ts"
import * as FakeSession from "./FakeSession.ts"
import { LogWorld, WINDOW } from "./LogWorld.ts"
import { reading, settle, type User } from "./ResumingUser.ts"

/** What happens to a log, drawn at random. */
const step = FastCheck.oneof(
  {
    weight: 6,
    arbitrary: FastCheck.record({ do: FastCheck.constant("write"), n: FastCheck.integer({ min: 1, max: 900 }) }),
  },
  {
    weight: 8,
    arbitrary: FastCheck.record({ do: FastCheck.constant("send"), n: FastCheck.integer({ min: 1, max: 900 }) }),
  },
  {
    weight: 6,
    arbitrary: FastCheck.record({ do: FastCheck.constant("take"), n: FastCheck.integer({ min: 1, max: 900 }) }),
  },
  {
    weight: 4,
    arbitrary: FastCheck.record({ do: FastCheck.constant("mark"), n: FastCheck.integer({ min: 0, max: 200 }) }),
  },
  { weight: 3, arbitrary: FastCheck.record({ do: FastCheck.constant("cut"), n: FastCheck.constant(0) }) },
  { weight: 3, arbitrary: FastCheck.record({ do: FastCheck.constant("link"), n: FastCheck.constant(0) }) },
  { weight: 1, arbitrary: FastCheck.record({ do: FastCheck.constant("refuse"), n: FastCheck.constant(0) }) },
  {
    weight: 1,
    arbitrary: FastCheck.record({ do: FastCheck.constant("wait"), n: FastCheck.integer({ min: 1, max: 2_000 }) }),
  },
)

const play = (world: LogWorld, user: User, { do: what, n }: { readonly do: string; readonly n: number }) =>
  Effect.gen(function* () {
    if (what === "write") world.length += n
    else if (what === "send") world.send(n)
    else if (what === "take") user.take(n)
    else if (what === "mark") world.mark(n)
    else if (what === "cut") world.cut()
    else if (what === "link") world.link()
    else if (what === "refuse") world.refusals.push(new StreamError({ reason: "engine-unavailable", detail: "x" }))
    else yield* TestClock.adjust(n)
    yield* settle
  })

/** Everything heals, and the user reads on. */
const heal = (world: LogWorld, user: User) =>
  Effect.gen(function* () {
    world.link()
    for (let n = 0; n < 60 && !user.hasAll; n++) {
      user.take(Number.MAX_SAFE_INTEGER)
      yield* TestClock.adjust("2 seconds")
      yield* settle
      world.send(Number.MAX_SAFE_INTEGER)
    }
  })

const run = <A>(effect: Effect.Effect<A, unknown, Scope.Scope>): Promise<A> =>
  Effect.runPromise(Effect.scoped(effect).pipe(Effect.orDie, Effect.provide(TestContext.TestContext)))

const RUNS = Number(process.env["RDL_RUNS"] ?? 1) * 150

describe("a log that is resumed", () => {
  it("gives its user every byte once, whatever happens to the links, and no stream more credit than its window", async () => {
    await FastCheck.assert(
      FastCheck.asyncProperty(FastCheck.array(step, { maxLength: 60, size: "max" }), (steps) =>
        run(
          Effect.gen(function* () {
            const world = new LogWorld()
            const user = yield* reading(world)
            for (const one of steps) {
              yield* play(world, user, one)
              expect(user.held).toBeLessThanOrEqual(2 * WINDOW)
              expect(world.open).toBeLessThanOrEqual(1)
            }
            yield* heal(world, user)
            expect([user.isWrong, user.hasAll, world.overrun, user.result, user.gaps]).toEqual([
              false,
              true,
              false,
              undefined,
              [],
            ])
          }),
        ),
      ),
      { numRuns: RUNS },
    )
  })

  it("opens nothing for a user who left, at whatever moment", async () => {
    await FastCheck.assert(
      FastCheck.asyncProperty(FastCheck.array(step, { maxLength: 30, size: "max" }), (steps) =>
        run(
          Effect.gen(function* () {
            const world = new LogWorld()
            const scope = yield* Scope.make()
            const user = yield* Scope.extend(reading(world), scope)
            for (const one of steps) yield* play(world, user, one)
            yield* Scope.close(scope, Exit.void)
            const opened = world.served.length
            world.link()
            yield* TestClock.adjust("5 minutes")
            yield* settle
            expect([world.served.length, world.open]).toEqual([opened, 0])
          }),
        ),
      ),
      { numRuns: RUNS },
    )
  })

  it.scoped("asks for the cursor and what came after it, and for the query as it was before any mark", () =>
    Effect.gen(function* () {
      const world = new LogWorld()
      world.length = 500
      yield* reading(world)
      world.send(300)
      world.mark()
      world.send(50)
      world.cut()
      world.link()
      yield* settle
      const [first, second] = world.served.map(({ request }) => request)
      expect(first).not.toHaveProperty("resume")
      expect(second).toEqual({ ...first, resume: { cursor: expect.any(String) as string, received: 50 } })
      world.cut()
      world.link()
      yield* settle
      expect(world.served[2]?.request).toEqual(second)
    }),
  )

  it.scoped.each([1, 2])(
    "opens no third stream while bytes of two wait for a reader who takes nothing, then those of %i",
    (taken) =>
      Effect.gen(function* () {
        const world = new LogWorld()
        world.length = 10 * WINDOW
        const user = yield* reading(world)
        for (let n = 0; n < 4; n++) {
          world.send(WINDOW)
          world.cut()
          world.link()
          yield* settle
        }
        expect([world.served.length, user.held, user.result]).toEqual([2, 2 * WINDOW, undefined])
        // However long that takes: it is not the source that is waited for.
        yield* TestClock.adjust("5 minutes")
        user.take(taken * WINDOW)
        yield* settle
        expect([world.served.length, user.result]).toEqual([3, undefined])
        yield* heal(world, user)
        expect([user.hasAll, user.isWrong, world.overrun]).toEqual([true, false, false])
      }),
  )

  it.scoped("waits for the link as long as the window, and ends as broken after it", () =>
    Effect.gen(function* () {
      const world = new LogWorld()
      const user = yield* reading(world)
      world.cut()
      yield* TestClock.adjust("119 seconds")
      yield* settle
      expect(user.result).toBeUndefined()
      yield* TestClock.adjust("1 second")
      yield* settle
      expect(user.result).toMatchObject({ _tag: "LinkLost" })
      world.link()
      yield* settle
      expect(world.served).toHaveLength(1)
    }),
  )

  it.scoped("ends at once where the source's token has ended, and waits for no other", () =>
    Effect.gen(function* () {
      const world = new LogWorld()
      const user = yield* reading(world)
      world.cut(SessionCode.unauthorized)
      yield* settle
      expect(user.result).toMatchObject({ _tag: "LinkLost", code: SessionCode.unauthorized })
      world.link()
      yield* settle
      expect(world.served).toHaveLength(1)
    }),
  )

  it.scoped.each(["too-many-streams", "engine-unavailable", "silent"] as const)(
    "tries again where it is refused for %s",
    (reason) =>
      Effect.gen(function* () {
        const world = new LogWorld()
        const user = yield* reading(world)
        world.cut()
        for (let n = 0; n < 5; n++) world.refusals.push(new StreamError({ reason, detail: "x" }))
        world.link()
        yield* TestClock.adjust("10 seconds")
        yield* settle
        expect([world.served.length, user.result]).toEqual([2, undefined])
      }),
  )

  it.scoped.each(["resume-impossible", "logs-unsupported", "internal"] as const)(
    "ends as broken where it is refused for %s",
    (reason) =>
      Effect.gen(function* () {
        const world = new LogWorld()
        const user = yield* reading(world)
        world.cut()
        world.refusals.push(new StreamError({ reason, detail: "x" }))
        world.link()
        yield* settle
        expect(user.result).toMatchObject({ _tag: "StreamError", reason })
      }),
  )

  it.scoped("tells a gap and the end where the container was removed meanwhile", () =>
    Effect.gen(function* () {
      const world = new LogWorld()
      const user = yield* reading(world)
      world.cut()
      world.refusals.push(new StreamError({ reason: "not-found", detail: "x" }))
      world.link()
      yield* settle
      expect(user.gaps).toHaveLength(1)
      expect(user.result).toEqual({ reason: "removed" })
    }),
  )

  it.scoped("asks for nothing the user may not see any more", () =>
    Effect.gen(function* () {
      const world = new LogWorld()
      const user = yield* reading(world, { scope: { containers: ["web"] } })
      world.cut()
      world.containers = [FakeSession.container("aa1", "renamed")]
      world.link()
      yield* settle
      expect([world.served.length, user.result]).toEqual([1, { reason: "removed" }])
    }),
  )

  it.scoped("tells what is gone as a gap, once, where it stopped between records", () =>
    Effect.gen(function* () {
      const world = new LogWorld()
      world.length = 600
      const user = yield* reading(world, { format: "ndjson" })
      const before = yield* Metric.value(LogMetrics.gaps)
      world.send(200)
      world.mark()
      world.cut()
      world.oldest = 400
      world.link()
      yield* settle
      world.send(200)
      expect([user.gaps, user.hasAll, user.isWrong]).toEqual([["rotated away"], true, false])
      expect((yield* Metric.value(LogMetrics.gaps)).count - before.count).toBe(1)
    }),
  )

  it.scoped.each([
    ["ndjson", "resume-impossible"],
    ["sse", "resume-impossible"],
    ["frames", "resume-impossible"],
    ["multiplexed", "resume-impossible"],
    ["text", undefined],
  ] as const)("as %s, whose record can be finished no more, ends with %s", ([format, reason]) =>
    Effect.gen(function* () {
      const world = new LogWorld()
      world.length = 600
      const user = yield* reading(world, { format })
      world.send(200)
      world.cut()
      world.oldest = 400
      world.link()
      yield* settle
      expect(user.result === undefined ? undefined : "reason" in user.result && user.result.reason).toBe(reason)
      expect(user.gaps).toHaveLength(reason === undefined ? 1 : 0)
    }),
  )

  it.scoped("tells a gap to one who brought a begun record: the answer is another one", () =>
    Effect.gen(function* () {
      const world = new LogWorld()
      world.length = 600
      const first = yield* reading(world, { format: "frames" })
      world.send(200)
      world.cut()
      world.oldest = 400
      world.link()
      yield* settle
      expect(first.result).toBeDefined()
      const resume = world.served.at(-1)?.request.resume
      const second = yield* reading(world, { format: "frames", ...(resume === undefined ? {} : { resume }) })
      expect([second.gaps, second.result]).toEqual([["rotated away"], undefined])
    }),
  )

  it.scoped("ends at once, also in an outage, when the token lapses", () =>
    Effect.gen(function* () {
      const world = new LogWorld()
      const lapsed = Effect.as(
        Effect.sleep("20 seconds"),
        new TokenRejected({ reason: "unauthorized", detail: "gone" }),
      )
      const user = yield* reading(world, { lapsed })
      world.cut()
      yield* TestClock.adjust("20 seconds")
      yield* settle
      expect(user.result).toMatchObject({ reason: "forbidden" })
      world.link()
      yield* settle
      expect(world.served).toHaveLength(1)
    }),
  )

  it.scoped("is clean where nothing came since a mark, and nowhere else", () =>
    Effect.gen(function* () {
      const world = new LogWorld()
      world.length = 100
      const user = yield* reading(world)
      expect(user.isClean).toBe(true)
      world.send(10)
      expect(user.isClean).toBe(false)
      world.mark()
      expect(user.isClean).toBe(true)
      world.send(10)
      world.cut()
      world.link()
      yield* settle
      expect(user.isClean).toBe(false)
    }),
  )
})

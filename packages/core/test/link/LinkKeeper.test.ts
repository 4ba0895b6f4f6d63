import { describe, expect, it } from "@effect/vitest"
import {
  Cause,
  Clock,
  Deferred,
  Duration,
  Effect,
  Fiber,
  Logger,
  LogLevel,
  Random,
  TestClock,
  FastCheck as fc,
} from "effect"
import { type Link, type LinkClosed } from "@rdl/core/link/Link"
import * as LinkKeeper from "@rdl/core/link/LinkKeeper"
import {
  seconds,
  dialError,
  lost,
  failure,
  random,
  link,
  type Step,
  kept,
  opened,
  unavailable,
  held,
  pauses,
} from "./KeeperWorld.ts"
describe("a keeper", () => {
  it.effect("dials at once, and after each failure with the pause of that failure", () =>
    Effect.gen(function* () {
      const steps = [
        ...Array.from({ length: 9 }, () => unavailable),
        { fails: dialError("refused") },
        { fails: dialError("conflict", 2000) },
      ]
      const { states } = yield* kept(steps)
      yield* TestClock.adjust("10 minutes")
      expect(states[0]).toEqual([0, { _tag: "connecting" }])
      expect(pauses(states)).toEqual([125, 250, 500, 1000, 2000, 4000, 8000, 15_000, 15_000, 60_000, 12_000])
    }),
  )

  it.effect("forgets failures once a link has held for 30 s after its welcome, and not before", () =>
    Effect.gen(function* () {
      const steps = [
        unavailable,
        unavailable,
        held(29_999),
        held(30_000),
        unavailable,
        { ...held(60_000), welcomed: false },
      ]
      const { states } = yield* kept(steps)
      yield* TestClock.adjust("10 minutes")
      expect(pauses(states)).toEqual([125, 250, 500, 125, 250, 500])
    }),
  )

  it.effect("says where it stands: connecting, connected since the welcome, waiting until and why", () =>
    Effect.gen(function* () {
      const { states } = yield* kept([unavailable, held(40_000, lost(8, true))])
      yield* TestClock.adjust("10 minutes")
      expect(states).toEqual([
        [0, { _tag: "connecting" }],
        [0, { _tag: "waiting", until: 125, why: "no link to https://logs.example.com: it is unavailable" }],
        [125, { _tag: "connecting" }],
        [125, { _tag: "connected", transport: "memory", since: 125 }],
        [40_125, { _tag: "waiting", until: 40_250, why: "the link is gone: code 8" }],
        [40_250, { _tag: "connecting" }],
      ])
    }),
  )

  it.effect("closes a link before it waits, and never holds two", () =>
    Effect.gen(function* () {
      const { open, openWhileWaiting } = yield* kept([held(10), held(10), held(10)])
      yield* TestClock.adjust("1 minute")
      expect(open.most).toBe(1)
      expect(openWhileWaiting).toEqual([0, 0, 0])
    }),
  )

  it.effect("closes its link when it is interrupted", () =>
    Effect.gen(function* () {
      const { fiber, open } = yield* kept([held(seconds(1000))])
      yield* TestClock.adjust("1 second")
      expect(open.count).toBe(1)
      yield* Fiber.interrupt(fiber)
      expect(open.count).toBe(0)
    }),
  )

  it.effect("keeps every pause within its bounds through any course of failures", () =>
    Effect.gen(function* () {
      const step = fc.oneof(
        failure.map((cause): Step => (cause._tag === "LinkDialError" ? { fails: cause } : held(10, cause))),
        fc.integer({ min: 0, max: 60_000 }).map((holds): Step => held(holds)),
      )
      for (const [steps, chance] of fc.sample(fc.tuple(fc.array(step, { maxLength: 15 }), random), 50)) {
        const { fiber, states } = yield* kept(steps, chance)
        yield* TestClock.adjust("1 hour")
        const lengths = pauses(states)
        expect(lengths.length).toBe(steps.length)
        expect(Math.max(0, ...lengths)).toBeLessThanOrEqual(seconds(90))
        yield* Fiber.interrupt(fiber)
      }
    }),
  )

  describe("told that the proxy leaves the link", () => {
    /** Links that are left `leavesAt` ms after their dial, and go on until they are interrupted, or for `goesOn` ms. */
    const leaving = (leavesAt: number, goesOn = Infinity) =>
      Effect.gen(function* () {
        const open = { count: 0, most: 0 }
        const times: Array<readonly [what: string, at: number]> = []
        const note = (what: string) => Effect.map(Clock.currentTimeMillis, (at) => void times.push([what, at]))
        const session: LinkKeeper.Session<never> = (_, welcomed, leave) =>
          welcomed.pipe(
            Effect.zipRight(Effect.sleep(leavesAt)),
            Effect.zipRight(leave(lost(8, true))),
            Effect.zipRight(goesOn === Infinity ? Effect.never : Effect.sleep(goesOn)),
            Effect.zipRight(Effect.fail(lost(8, true))),
            Effect.ensuring(note("ended")),
          )
        const dial = Effect.zipRight(note("dialled"), opened(open))
        const fiber = yield* LinkKeeper.keep(dial, session).pipe(
          Effect.withRandom(Random.fixed([0.5])),
          Logger.withMinimumLogLevel(LogLevel.None),
          Effect.fork,
        )
        return { fiber, open, times }
      })

    it.effect("dials the next beside it, and lets it end by itself", () =>
      Effect.gen(function* () {
        const { open, times } = yield* leaving(40_000, 10_000)
        yield* TestClock.adjust("60 seconds")
        expect(times).toEqual([
          ["dialled", 0],
          ["dialled", 40_125],
          ["ended", 50_000],
        ])
        expect([open.count, open.most]).toEqual([1, 2])
      }),
    )

    it.effect("leaves it alone when the next is lost or fails meanwhile", () =>
      Effect.gen(function* () {
        const open = { count: 0, most: 0 }
        let dials = 0
        const dial = Effect.suspend(() => ((dials += 1) === 3 ? Effect.fail(dialError("unavailable")) : opened(open)))
        const session: LinkKeeper.Session<never> = (_, _welcomed, leave) =>
          dials === 1
            ? Effect.zipRight(leave(lost(8, true)), Effect.never)
            : Effect.zipRight(Effect.sleep(dials === 2 ? 10 : Infinity), Effect.fail(lost(0)))
        yield* Effect.fork(LinkKeeper.keep(dial, session).pipe(Logger.withMinimumLogLevel(LogLevel.None)))
        yield* TestClock.adjust("20 seconds")
        expect([dials, open.count]).toEqual([4, 2])
        yield* TestClock.adjust("20 seconds")
        expect(open.count).toBe(1)
      }),
    )

    it.effect("gives it 35 s", () =>
      Effect.gen(function* () {
        const { open, times } = yield* leaving(40_000)
        yield* TestClock.adjust("79 seconds")
        expect(times).toEqual([
          ["dialled", 0],
          ["dialled", 40_125],
          ["ended", 75_000],
        ])
        expect(open.count).toBe(1)
      }),
    )

    it.effect("never keeps more than one that is being left, and closes all when it is interrupted", () =>
      Effect.gen(function* () {
        const { fiber, open, times } = yield* leaving(10)
        yield* TestClock.adjust("10 seconds")
        expect(times.length).toBeGreaterThan(8)
        expect(open.most).toBe(2)
        yield* Fiber.interrupt(fiber)
        expect(open.count).toBe(0)
      }),
    )
  })

  describe("that is interrupted", () => {
    /** Sessions that need so long to end what is open on them once they are told to stop. */
    const stopping = (stopGrace: Duration.DurationInput, endsAfter: Duration.DurationInput) =>
      Effect.gen(function* () {
        const ends: Array<string> = []
        const session: LinkKeeper.Session<never> = (_, welcomed, _leaving, stop) =>
          welcomed.pipe(
            Effect.zipRight(stop),
            Effect.zipRight(Effect.sleep(endsAfter)),
            Effect.tap(() => Effect.sync(() => void ends.push("by itself"))),
            Effect.zipRight(Effect.fail(lost(8, true))),
            Effect.onInterrupt(() => Effect.sync(() => void ends.push("by force"))),
          )
        const fiber = yield* LinkKeeper.keep(Effect.succeed(link), session, { stopGrace }).pipe(
          Logger.withMinimumLogLevel(LogLevel.None),
          Effect.fork,
        )
        yield* TestClock.adjust("1 second")
        const stopped = yield* Effect.fork(Fiber.interrupt(fiber))
        return { ends, stopped }
      })

    it.effect("lets its sessions end by themselves within the grace, and does not dial again", () =>
      Effect.gen(function* () {
        const { ends, stopped } = yield* stopping("1 second", "900 millis")
        yield* TestClock.adjust("900 millis")
        yield* Fiber.join(stopped)
        expect(ends).toEqual(["by itself"])
      }),
    )

    it.effect("ends them when the grace is over", () =>
      Effect.gen(function* () {
        const { ends, stopped } = yield* stopping("1 second", "1 hour")
        yield* TestClock.adjust("999 millis")
        expect([ends, stopped.unsafePoll()]).toEqual([[], null])
        yield* TestClock.adjust("1 millis")
        yield* Fiber.join(stopped)
        expect(ends).toEqual(["by force"])
      }),
    )

    it.effect("waits half a second for a goodbye to get through", () =>
      Effect.gen(function* () {
        let closed: ((how: LinkClosed) => void) | undefined
        const slow: Link = { ...link, start: ({ onClose }) => (closed = onClose) }
        const session: LinkKeeper.Session<never> = (it, welcomed) =>
          Effect.sync(() => it.start({ onFrame: () => {}, onDrain: () => {}, onClose: () => {} })).pipe(
            Effect.zipRight(welcomed),
            Effect.zipRight(Effect.never),
          )
        const stop = Effect.gen(function* () {
          const fiber = yield* LinkKeeper.keep(Effect.succeed(slow), session).pipe(
            Logger.withMinimumLogLevel(LogLevel.None),
            Effect.fork,
          )
          yield* TestClock.adjust("1 second")
          const stopped = yield* Effect.fork(Fiber.interrupt(fiber))
          yield* TestClock.adjust("499 millis")
          expect(stopped.unsafePoll()).toBeNull()
          return stopped
        })
        const heard = yield* stop
        closed?.({ clean: true, code: 8, reason: "" })
        yield* Fiber.join(heard)
        const unheard = yield* stop
        yield* TestClock.adjust("1 millis")
        yield* Fiber.join(unheard)
      }),
    )
  })

  it.effect("does not hide a defect behind retries", () =>
    Effect.gen(function* () {
      const dying = LinkKeeper.keep(Effect.dieMessage("a bug"), () => Effect.never)
      const cause = yield* Effect.flip(Effect.sandbox(dying))
      expect(Cause.isDie(cause)).toBe(true)
    }),
  )

  it.effect("waits for the session, and gives it the link that was dialled", () =>
    Effect.gen(function* () {
      const given = yield* Deferred.make<Link>()
      const sent: Array<Uint8Array> = []
      const dialled: Link = { ...link, send: (frame) => void sent.push(frame) }
      const session = (it: Link) => Effect.zipRight(Deferred.succeed(given, it), Effect.never)
      yield* Effect.fork(LinkKeeper.keep(Effect.succeed(dialled), session))
      const frame = new Uint8Array(12)
      ;(yield* Deferred.await(given)).send(frame)
      expect(sent).toEqual([frame])
    }),
  )
})

describe("what a keeper logs", () => {
  it.effect("is each change once, at the level of what has to be done", () =>
    Effect.gen(function* () {
      const { logs } = yield* kept([
        unavailable,
        held(31_000),
        { fails: dialError("refused") },
        held(31_000, lost(8, true)),
      ])
      yield* TestClock.adjust("10 minutes")
      expect(logs.map(([, level, message]) => [level, message])).toEqual([
        ["WARN", "no link to https://logs.example.com: it is unavailable"],
        ["INFO", "linked to the proxy over memory"],
        ["WARN", "the link is gone: code 0"],
        ["ERROR", "no link to https://logs.example.com: it is refused"],
        ["INFO", "linked to the proxy over memory"],
        ["INFO", "the link is gone: code 8"],
      ])
    }),
  )

  it.effect("repeats the same failure once a minute at most, also when two of them alternate", () =>
    Effect.gen(function* () {
      const steps = Array.from({ length: 200 }, (_, index) => (index % 2 === 0 ? unavailable : held(5)))
      const { logs } = yield* kept(steps, 0.05)
      yield* TestClock.adjust(Duration.minutes(5))
      const times = new Map<string, Array<number>>()
      for (const [at, , message] of logs) times.set(message, [...(times.get(message) ?? []), at])
      expect(times.size).toBe(3)
      for (const moments of times.values()) {
        expect(moments.length).toBeGreaterThan(1)
        moments.slice(1).forEach((at, index) => expect(at - moments[index]!).toBeGreaterThanOrEqual(seconds(60)))
      }
    }),
  )
})

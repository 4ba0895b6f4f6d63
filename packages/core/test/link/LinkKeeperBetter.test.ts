import { describe, expect, it } from "@effect/vitest"
import { Effect, Fiber, Logger, LogLevel, TestClock } from "effect"
import type { Link } from "@rdl/core/link/Link"
import * as LinkKeeper from "@rdl/core/link/LinkKeeper"
import { link, lost } from "./KeeperWorld.ts"

describe("a keeper with a way to a better link", () => {
  const named = (transport: string, open: Set<string>) =>
    Effect.acquireRelease(
      Effect.sync((): Link => {
        open.add(transport)
        return { ...link, transport }
      }),
      () => Effect.sync(() => open.delete(transport)),
    )

  /** Dials `http`; every 10 min a `ws` may be had. What a session on it does is up to the test. */
  const improving = (onBetter: LinkKeeper.Session<never>) =>
    Effect.gen(function* () {
      const open = new Set<string>()
      const states: Array<string> = []
      const session: LinkKeeper.Session<never> = (it, welcomed, leaving, stop) =>
        it.transport === "http" ? Effect.zipRight(welcomed, Effect.never) : onBetter(it, welcomed, leaving, stop)
      const improve = Effect.zipRight(Effect.sleep("10 minutes"), named("ws", open))
      const onState = (state: LinkKeeper.LinkState) =>
        Effect.sync(() => void states.push(state._tag === "connected" ? state.transport : state._tag))
      const fiber = yield* LinkKeeper.keep(named("http", open), session, { improve, onState }).pipe(
        Logger.withMinimumLogLevel(LogLevel.None),
        Effect.fork,
      )
      return { fiber, open, states }
    })

  it.effect("changes over when that is welcomed, and gives the old one 35 s", () =>
    Effect.gen(function* () {
      const { open, states } = yield* improving((_, welcomed) =>
        Effect.sleep("2 seconds").pipe(Effect.zipRight(welcomed), Effect.zipRight(Effect.never)),
      )
      yield* TestClock.adjust("601 seconds")
      expect([[...open], states]).toEqual([
        ["http", "ws"],
        ["connecting", "http"],
      ])
      yield* TestClock.adjust("2 seconds")
      expect(states).toEqual(["connecting", "http", "ws"])
      yield* TestClock.adjust("30 seconds")
      expect([...open]).toEqual(["http", "ws"])
      yield* TestClock.adjust("5 seconds")
      expect([...open]).toEqual(["ws"])
    }),
  )

  it.effect("stays where it is when that comes to nothing, and tries again", () =>
    Effect.gen(function* () {
      let tries = 0
      const { open, states } = yield* improving(() =>
        Effect.suspend(() => {
          tries += 1
          return Effect.zipRight(Effect.sleep("5 seconds"), Effect.fail(lost(12)))
        }),
      )
      yield* TestClock.adjust("31 minutes")
      expect([tries, [...open], states]).toEqual([3, ["http"], ["connecting", "http"]])
    }),
  )

  it.effect("waits for the welcome of a better one when the proxy lets go of the old one first", () =>
    Effect.gen(function* () {
      const open = new Set<string>()
      const states: Array<string> = []
      const session: LinkKeeper.Session<never> = (it, welcomed, leaving) =>
        it.transport === "http"
          ? welcomed.pipe(
              Effect.zipRight(Effect.sleep("61 seconds")),
              Effect.zipRight(leaving(lost(8, true))),
              Effect.zipRight(Effect.never),
            )
          : Effect.sleep("3 seconds").pipe(Effect.zipRight(welcomed), Effect.zipRight(Effect.never))
      yield* LinkKeeper.keep(named("http", open), session, {
        improve: Effect.zipRight(Effect.sleep("60 seconds"), named("ws", open)),
        onState: (state) => Effect.sync(() => void states.push(state._tag)),
      }).pipe(Logger.withMinimumLogLevel(LogLevel.None), Effect.fork)
      yield* TestClock.adjust("70 seconds")
      expect(states).toEqual(["connecting", "connected", "connected"])
      expect([...open]).toEqual(["http", "ws"])
    }),
  )

  it.effect("dials as ever when the better one is lost, and closes both when it is interrupted", () =>
    Effect.gen(function* () {
      const { fiber, open, states } = yield* improving((_, welcomed) =>
        welcomed.pipe(Effect.zipRight(Effect.sleep("1 second")), Effect.zipRight(Effect.fail(lost(0)))),
      )
      yield* TestClock.adjust("602 seconds")
      expect(states).toEqual(["connecting", "http", "ws", "waiting", "connecting", "http"])
      yield* Fiber.interrupt(fiber)
      expect([...open]).toEqual([])
    }),
  )
})

import { describe, expect, it } from "@effect/vitest"
import * as AutoLinkDialer from "@rdl/core/link/AutoLinkDialer"
import { FrameType } from "@rdl/core/link/FrameType"
import * as Frame from "@rdl/core/link/Frame"
import { type Link, type LinkClosed, LinkDialError, type LinkHandlers } from "@rdl/core/link/Link"
import { SessionCode } from "@rdl/core/link/SessionCode"
import { Duration, Effect, Exit, Fiber, Logger, LogLevel, Scope, TestClock } from "effect"

const failed = (reason: LinkDialError["reason"], detail = `it is ${reason}; do this or that`, retryAfterMs?: number) =>
  new LinkDialError({ reason, url: "https://logs.example.com", detail, retryAfterMs })

/** A link whose far end the test plays. */
interface Played {
  readonly welcome: () => void
  readonly goAway: () => void
  readonly cut: () => void
  readonly goodbye: (code: number) => void
}

type Outcome = "opens" | "hangs" | LinkDialError

/** A dialer whose outcomes the test sets, and all links that came of it. */
const carrier = (name: string) => {
  const state = { outcome: "opens" as Outcome, dials: 0, open: 0 }
  const links: Array<Played> = []
  const dial = Effect.suspend(() => {
    state.dials += 1
    if (state.outcome === "hangs") return Effect.never
    if (state.outcome !== "opens") return Effect.fail(state.outcome)
    return Effect.acquireRelease(
      Effect.sync(() => {
        state.open += 1
        return make(name, links)
      }),
      () => Effect.sync(() => void (state.open -= 1)),
    )
  })
  return { name, dialer: { dial }, links, state }
}

const make = (transport: string, links: Array<Played>): Link => {
  let handlers: LinkHandlers | undefined
  const end = (closed: LinkClosed) => handlers?.onClose(closed)
  const frame = (type: FrameType) => handlers?.onFrame(Frame.withPayload(type, 0, new Uint8Array()))
  links.push({
    welcome: () => frame(FrameType.welcome),
    goAway: () => frame(FrameType.goAway),
    cut: () => end({ clean: false, code: 0, reason: "the peer hung up" }),
    goodbye: (code) => end({ clean: true, code, reason: "" }),
  })
  return {
    transport,
    start: (attached) => (handlers = attached),
    send: () => {},
    buffered: () => 0,
    close: () => {},
    destroy: () => {},
  }
}

const setup = (options: Partial<AutoLinkDialer.Options> = {}) =>
  Effect.gen(function* () {
    const ws = carrier("WebSocket")
    const http = carrier("long-poll")
    const dialer = yield* AutoLinkDialer.make({ preferred: ws, fallback: http, ...options })
    /** Dials, and attaches a receiver as a session does. */
    const dial = dialer.dial.pipe(Effect.tap(attach), Effect.withLogSpan("dial"))
    const improve = dialer.improve ?? Effect.dieMessage("there is nothing to improve by")
    return { ws, http, dial, improve: Effect.tap(improve, attach) }
  })

const attach = (link: Link) =>
  Effect.sync(() => link.start({ onFrame: () => {}, onDrain: () => {}, onClose: () => {} }))

const quiet = Logger.withMinimumLogLevel(LogLevel.None)

describe("an automatic dialer", () => {
  it.scoped("uses the preferred transport where it works, with nothing to explain", () =>
    Effect.gen(function* () {
      const { dial, http } = yield* setup()
      const link = yield* dial
      expect([link.transport, link.why, http.state.dials]).toEqual(["WebSocket", undefined, 0])
    }).pipe(quiet),
  )

  it.scoped("goes on by the other at once where the preferred is refused, and says why without the advice", () =>
    Effect.gen(function* () {
      const { dial, ws } = yield* setup()
      ws.state.outcome = failed("unsupported", "HTTP 404 came\n; pass upgrades on")
      const link = yield* dial
      expect([link.transport, link.why]).toEqual(["long-poll", "WebSocket: HTTP 404 came "])
      ws.state.outcome = "opens"
      expect((yield* dial).transport).toBe("long-poll")
      expect(ws.state.dials).toBe(1)
    }).pipe(quiet),
  )

  it.scoped("keeps the reason to 200 characters", () =>
    Effect.gen(function* () {
      const { dial, ws } = yield* setup()
      ws.state.outcome = failed("unavailable", "x".repeat(1000))
      expect((yield* dial).why).toHaveLength(200)
    }).pipe(quiet),
  )

  it.scoped("has a link within ten seconds where the preferred hangs, and lets go of that", () =>
    Effect.gen(function* () {
      const { dial, ws } = yield* setup()
      ws.state.outcome = "hangs"
      const dialling = yield* Effect.fork(dial)
      yield* TestClock.adjust("2900 millis")
      expect(dialling.unsafePoll()).toBeNull()
      yield* TestClock.adjust("100 millis")
      expect((yield* Fiber.join(dialling)).why).toBe("WebSocket: no answer by WebSocket within 3s")
    }).pipe(quiet),
  )

  it.scoped("never holds more than 10 s for both together", () =>
    Effect.gen(function* () {
      const { dial, http, ws } = yield* setup()
      ws.state.outcome = "hangs"
      http.state.outcome = "hangs"
      const dialling = yield* Effect.fork(Effect.flip(dial))
      yield* TestClock.adjust("10 seconds")
      expect((yield* Fiber.join(dialling)).message).toMatch(/no answer by WebSocket .*nor by long-poll: no answer/)
    }).pipe(quiet),
  )

  it.scoped("tells at once of a token or a name that is not accepted: that is no trouble of the transport", () =>
    Effect.gen(function* () {
      for (const reason of ["refused", "conflict"] as const) {
        const { dial, http, ws } = yield* setup()
        ws.state.outcome = failed(reason)
        expect((yield* Effect.flip(dial)).reason).toBe(reason)
        expect(http.state.dials).toBe(0)
        ws.state.outcome = failed("unsupported")
        http.state.outcome = failed(reason)
        expect((yield* Effect.flip(dial)).reason).toBe(reason)
      }
    }).pipe(quiet),
  )

  it.scoped("begins with the preferred again after both have failed, and says so of both", () =>
    Effect.gen(function* () {
      const { dial, http, ws } = yield* setup()
      ws.state.outcome = failed("unsupported", "HTTP 404; look there", 1000)
      expect((yield* dial).transport).toBe("long-poll")
      http.state.outcome = failed("unavailable", "HTTP 502; wait", 7000)
      const error = yield* Effect.flip(dial)
      expect(error.message).toBe("no link to https://logs.example.com: HTTP 502; wait; nor by WebSocket: HTTP 404")
      expect(error.retryAfterMs).toBe(7000)
      ws.state.outcome = "opens"
      http.state.outcome = "opens"
      expect((yield* dial).transport).toBe("WebSocket")
    }).pipe(quiet),
  )

  it.scoped("lets go of a dial that failed, and of a link with its scope", () =>
    Effect.gen(function* () {
      const { dial, http } = yield* setup()
      const scope = yield* Scope.make()
      yield* Scope.extend(dial, scope)
      yield* Scope.close(scope, Exit.void)
      const { ws } = yield* setup()
      expect([ws.state.open, http.state.open]).toEqual([0, 0])
    }).pipe(quiet),
  )

  describe("finds a preferred transport unfit", () => {
    const verdicts: ReadonlyArray<readonly [name: string, fare: (link: Played, it: Link) => void, why: RegExp]> = [
      ["that opens and lets nothing through", (_, it) => it.close(SessionCode.handshakeTimeout, ""), /nothing came/],
      ["that is cut before a frame came", ({ cut }) => cut(), /cut before anything came \(the peer hung up\)/],
      ["whose goodbye is not the proxy's", ({ goodbye }) => goodbye(SessionCode.none), /before anything came/],
    ]
    for (const [name, fare, why] of verdicts)
      it.scoped(name, () =>
        Effect.gen(function* () {
          const { dial, ws } = yield* setup()
          const first = yield* dial
          fare(ws.links[0]!, first)
          const next = yield* dial
          expect(next.transport).toBe("long-poll")
          expect(next.why).toMatch(why)
        }).pipe(quiet),
      )

    it.scoped("that is cut twice in a row within ten seconds of opening, and not before", () =>
      Effect.gen(function* () {
        const { dial, ws } = yield* setup()
        const live = (time: Duration.DurationInput, end: (link: Played) => void) =>
          Effect.gen(function* () {
            expect((yield* dial).transport).toBe("WebSocket")
            const link = ws.links.at(-1)!
            link.welcome()
            yield* TestClock.adjust(time)
            end(link)
          })
        const cut = ({ cut }: Played) => cut()
        yield* live("9 seconds", cut)
        yield* live("10 seconds", cut)
        yield* live("9 seconds", cut)
        yield* live("1 second", ({ goodbye }) => goodbye(SessionCode.shuttingDown))
        yield* live("9 seconds", cut)
        const next = yield* dial
        expect([next.transport, next.why]).toEqual([
          "long-poll",
          "WebSocket: it was cut 2 times within 10 s of opening",
        ])
      }).pipe(quiet),
    )
  })

  it.scoped("does not blame the transport for what the proxy or the source decides", () =>
    Effect.gen(function* () {
      const { dial, ws } = yield* setup()
      const fares: ReadonlyArray<(link: Played, it: Link) => void> = [
        ({ goodbye }) => goodbye(SessionCode.shuttingDown),
        ({ goodbye }) => goodbye(SessionCode.unauthorized),
        ({ goodbye }) => goodbye(SessionCode.conflict),
        ({ goAway, goodbye }) => [goAway(), goodbye(SessionCode.none)],
        ({ cut }, it) => [it.close(SessionCode.shuttingDown, ""), cut()],
        ({ cut }, it) => [it.destroy(""), cut()],
      ]
      for (const fare of fares) {
        const it = yield* dial
        expect(it.transport).toBe("WebSocket")
        fare(ws.links.at(-1)!, it)
      }
      expect((yield* dial).transport).toBe("WebSocket")
    }).pipe(quiet),
  )
})

describe("while it uses the other transport", () => {
  const fallenBack = (options: Partial<AutoLinkDialer.Options> = {}) =>
    Effect.gen(function* () {
      const all = yield* setup(options)
      all.ws.state.outcome = failed("unsupported", "HTTP 404")
      yield* all.dial
      all.ws.state.dials = 0
      return all
    })

  it.scoped("tries the preferred about every 10 min, and hands out a link when there is one", () =>
    Effect.gen(function* () {
      const { improve, ws } = yield* fallenBack()
      const improving = yield* Effect.fork(improve)
      yield* TestClock.adjust("539 seconds")
      expect(ws.state.dials).toBe(0)
      yield* TestClock.adjust("121 seconds")
      expect(ws.state.dials).toBe(1)
      ws.state.outcome = "opens"
      yield* TestClock.adjust("660 seconds")
      expect((yield* Fiber.join(improving)).transport).toBe("WebSocket")
      expect(ws.state.dials).toBe(2)
    }).pipe(quiet),
  )

  it.scoped("tries the preferred soon where it could not be reached, and then ever more seldom", () =>
    Effect.gen(function* () {
      const { dial, improve, ws } = yield* setup()
      ws.state.outcome = failed("unavailable", "nothing listens")
      yield* dial
      yield* Effect.fork(improve)
      const waits: Array<number> = []
      for (let second = 0, last = 0, dials = 1; waits.length < 9; second += 1) {
        yield* TestClock.adjust("1 second")
        if (ws.state.dials === dials) continue
        waits.push(second + 1 - last)
        last = second + 1
        dials = ws.state.dials
      }
      for (const [index, seconds] of [5, 10, 20, 40, 80, 160, 320, 600, 600].entries()) {
        expect(waits[index]).toBeGreaterThanOrEqual(0.9 * seconds - 1)
        expect(waits[index]).toBeLessThanOrEqual(1.1 * seconds + 1)
      }
    }).pipe(quiet),
  )

  it.scoped("tries soon again after the preferred had worked in between", () =>
    Effect.gen(function* () {
      const { dial, http, improve, ws } = yield* setup()
      for (let time = 0; time < 3; time += 1) {
        ws.state.outcome = failed("unavailable", "nothing listens")
        expect((yield* dial).transport).toBe("long-poll")
        ws.state.outcome = "opens"
        const improving = yield* Effect.fork(improve)
        yield* TestClock.adjust("6 seconds")
        expect((yield* Fiber.join(improving)).transport).toBe("WebSocket")
        ws.links.at(-1)!.welcome()
      }
      expect(http.state.dials).toBe(3)
    }).pipe(quiet),
  )

  it.scoped("dials by the preferred again only after a link of it was welcomed", () =>
    Effect.gen(function* () {
      const { dial, improve, ws } = yield* fallenBack({ probeEvery: 1000 })
      ws.state.outcome = "opens"
      const improving = yield* Effect.fork(improve)
      yield* TestClock.adjust("2 seconds")
      yield* Fiber.join(improving)
      expect((yield* dial).transport).toBe("long-poll")
      ws.links[0]!.goAway()
      expect((yield* dial).transport).toBe("long-poll")
      const again = yield* Effect.fork(improve)
      yield* TestClock.adjust("2 seconds")
      yield* Fiber.join(again)
      ws.links[1]!.welcome()
      expect((yield* dial).transport).toBe("WebSocket")
      expect((yield* Effect.fork(improve)).unsafePoll()).toBeNull()
    }).pipe(quiet),
  )

  it.scoped(
    "waits twice as long after each link that turned out dead, an hour at most, and forgets that after one that held",
    () =>
      Effect.gen(function* () {
        const { dial, improve, ws } = yield* fallenBack()
        ws.state.outcome = "opens"
        const probe = (minutes: number, fare: (link: Played) => Effect.Effect<void, LinkDialError, Scope.Scope>) =>
          Effect.gen(function* () {
            const improving = yield* Effect.fork(improve)
            yield* TestClock.adjust(Duration.minutes(minutes * 0.9 - 0.1))
            expect(improving.unsafePoll()).toBeNull()
            for (let second = 0; second < minutes * 12 + 12 && improving.unsafePoll() === null; second += 1)
              yield* TestClock.adjust("1 second")
            yield* Fiber.join(improving)
            yield* fare(ws.links.at(-1)!)
            expect((yield* dial).transport).toBe("long-poll")
          })
        const swallowed = ({ cut }: Played) => Effect.sync(cut)
        const cutSoon = (link: Played) =>
          Effect.sync(link.welcome).pipe(
            Effect.zipRight(TestClock.adjust("5 seconds")),
            Effect.zipRight(Effect.sync(link.cut)),
          )
        for (const [minutes, fare] of [
          [10, swallowed],
          [20, cutSoon],
          [40, swallowed],
          [60, swallowed],
        ] as const)
          yield* probe(minutes, fare)
        const holds = (link: Played) =>
          Effect.gen(function* () {
            link.welcome()
            yield* TestClock.adjust("10 seconds")
            link.cut()
            ws.state.outcome = failed("unsupported", "HTTP 404")
            yield* dial
            ws.state.outcome = "opens"
          })
        yield* probe(60, holds)
        yield* probe(10, swallowed)
      }).pipe(quiet),
  )
})

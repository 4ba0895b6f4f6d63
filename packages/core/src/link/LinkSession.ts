/** A session: what the two ends of a link do once it is open. The multiplexer does the work; Effect owns time and lifetimes. */
import { Cause, Deferred, Duration, Effect, Exit, type Fiber, FiberId, FiberSet, Option, type Scope } from "effect"
import * as Alarms from "./Alarms.ts"
import { type CreditBudget, processBudget } from "../mux/CreditBudget.ts"
import type { GoAway } from "./Frame.ts"
import type { Link } from "./Link.ts"
import { LinkDriver, lostBy } from "./LinkDriver.ts"
import { HANDSHAKE_MS, HEAD_MS } from "./LinkLimits.ts"
import { LinkLost } from "./LinkLost.ts"
import type { End, Hello, Open, Tally, Welcome } from "./LinkMessage.ts"
import { LinkReader } from "./LinkReader.ts"
import type { StreamReader, StreamWriter } from "./LinkStream.ts"
import { ProxyMux } from "../mux/ProxyMux.ts"
import { SessionCode } from "./SessionCode.ts"
import { processTallies, type SourceTallies } from "./SourceTallies.ts"
import { SourceMux } from "../mux/SourceMux.ts"
import type { SourceMuxStream } from "../mux/SourceMuxStream.ts"
import { StreamError } from "./StreamError.ts"
import * as TraceParent from "./TraceParent.ts"

export { LinkLost } from "./LinkLost.ts"
export type { StreamHandlers, StreamReader, StreamWriter } from "./LinkStream.ts"

/** A source as its proxy sees it: a session that was welcomed and is not lost. */
export interface ProxySession {
  readonly hello: Hello
  readonly welcome: Welcome
  readonly transport: string
  /** Opens a stream and waits for its HEAD, at most 30 s. Closing the scope cancels it at the source. */
  readonly open: (request: Open) => Effect.Effect<StreamReader, StreamError | LinkLost, Scope.Scope>
  /** Round trip of the last heartbeat in milliseconds; null before the first. */
  readonly rttMs: () => number | null
  /** Unix milliseconds at which the last byte came. */
  readonly lastSeen: () => number
  /** Says goodbye and closes. */
  readonly close: (code: number, reason: string) => Effect.Effect<void>
  /** Waits until the link is gone. */
  readonly lost: Effect.Effect<LinkLost>
}

/** A session in the hands of whoever holds its link. */
export interface ConnectedSession extends ProxySession {
  /** Says SHUTTING_DOWN, opens nothing more, and closes when the open streams have ended, at the latest after 30 s. `retryAfterMs` tells the source how long to wait before it dials again, 0 = as it likes; `why` is by default that the proxy stops. */
  readonly drain: (retryAfterMs: number, why?: string) => Effect.Effect<void>
}

/** What a source does with a stream the proxy opened: writes, then tells how it ended. Interrupted when the proxy cancels. */
export type StreamHandler = (request: Open, writer: StreamWriter) => Effect.Effect<End, StreamError>

/** What a source says of itself, and how it answers. */
export interface ServeOptions {
  readonly hello: Hello
  readonly handler: StreamHandler
  /** Called when WELCOME has come. */
  readonly onWelcome: (welcome: Welcome) => Effect.Effect<void>
  /** Called when the proxy opens nothing more but lets open streams go on: the time to dial the next link. */
  readonly onGoAway?: (goAway: LinkLost) => Effect.Effect<void>
  /** Asked with each heartbeat for what was counted since the last time it was; undefined = nothing. Default: nothing is ever told. */
  readonly tally?: () => Tally | undefined
  /** When this completes the source says SHUTTING_DOWN, takes no more streams, and closes when the open ones have ended, at the latest after 30 s. Default never. */
  readonly stop?: Effect.Effect<void>
}

/** How a proxy settles the terms of a session, and what it lends to it. */
export interface ConnectOptions {
  /** Settles the terms, within 5 s; a failure is told to the source as GOAWAY. */
  readonly welcome: (hello: Hello) => Effect.Effect<Welcome, LinkLost>
  /** What the session's windows are taken from. Default: the process's own, 256 MiB. */
  readonly budget?: CreditBudget
  /** Where what the source counts is added up. Default: the process's own. */
  readonly tallies?: SourceTallies
  /** What wakes the session when something is due; they must last as long as it. Default: its own. */
  readonly alarms?: Alarms.Alarms
}

/** The source's part: says HELLO, waits for WELCOME (5 s), then serves streams until the link is gone. Interrupting it says goodbye. */
export const serve = Effect.fn("LinkSession.serve")(function* (link: Link, options: ServeOptions) {
  const lost = yield* Deferred.make<never, LinkLost>()
  const run = yield* FiberSet.makeRuntime()
  const alarms = yield* Alarms.make
  const driver = new LinkDriver(link, yield* Effect.clock, {
    onLost: (why) => Deferred.unsafeDone(lost, Exit.fail(why)),
    onGoAway: (goAway) => void (options.onGoAway && run(options.onGoAway(lostBy(goAway)))),
  })
  const mux = new SourceMux(
    options.hello,
    {
      ...driver.events,
      onWelcome: (welcome) => {
        driver.keepTime(alarms)
        run(options.onWelcome(welcome))
      },
      ...(options.tally === undefined ? {} : { tally: options.tally }),
      onOpen: handleStreams(options.handler, run, () => mux.session.welcome?.maxStreams ?? 0),
    },
    driver.now(),
  )
  yield* Effect.acquireRelease(
    Effect.sync(() => driver.start(mux)),
    () => Effect.sync(() => driver.close(SessionCode.shuttingDown, "the source stops")),
  )
  driver.keepTime(alarms)
  if (options.stop !== undefined)
    yield* Effect.forkScoped(Effect.andThen(options.stop, driver.drain("the source stops", 0)))
  return yield* Deferred.await(lost)
}, Effect.scoped)

/** The proxy's part: waits for HELLO (5 s), answers WELCOME. The session lives as long as the scope and the link, which a span would too. */
export const connect = Effect.fnUntraced(function* (link: Link, options: ConnectOptions) {
  const lost = yield* Deferred.make<LinkLost>()
  const helloCame = yield* Deferred.make<Hello, LinkLost>()
  const alarms = options.alarms ?? (yield* Alarms.make)
  const driver = new LinkDriver(link, yield* Effect.clock, {
    onLost: (why) => {
      Deferred.unsafeDone(lost, Exit.succeed(why))
      Deferred.unsafeDone(helloCame, Exit.fail(why))
    },
    onGoAway: ({ lastStreamId, ...goAway }) => mux.endAbove(lastStreamId, lostBy({ lastStreamId, ...goAway })),
  })
  const addUp = (options.tallies ?? processTallies).link(driver.now())
  const events = {
    ...driver.events,
    onHello: (hello: Hello) => Deferred.unsafeDone(helloCame, Exit.succeed(hello)),
    onTally: (tally: Tally) => addUp(tally, driver.now()),
  }
  const mux = new ProxyMux(events, options.budget ?? processBudget, driver.now())
  yield* Effect.acquireRelease(
    Effect.sync(() => driver.start(mux)),
    () => Effect.sync(() => driver.close(SessionCode.shuttingDown, "the proxy let go of the link")),
  )
  driver.keepTime(alarms)
  const hello = yield* Deferred.await(helloCame)
  const welcome = yield* settle(options.welcome(hello)).pipe(
    Effect.raceFirst(Effect.flip(Deferred.await(lost))),
    Effect.tapError((why) => Effect.sync(() => driver.close(why.code, why.detail, why.retryAfterMs))),
  )
  mux.welcome(welcome, driver.now())
  driver.keepTime(alarms)
  return proxySession(link, driver, mux, { hello, welcome, lost: Deferred.await(lost) })
})

type RunFork = <A>(effect: Effect.Effect<A>) => Fiber.RuntimeFiber<A>

/** Gives each stream a fiber of its own. Handlers that take their time to stop count too, up to as many again as may be open. */
const handleStreams = (handler: StreamHandler, run: RunFork, maxStreams: () => number) => {
  let running = 0
  return (stream: SourceMuxStream, request: Open): void => {
    if (running >= 2 * maxStreams())
      return stream.fail(
        new StreamError({ reason: "too-many-streams", detail: "too many streams are still being stopped" }),
      )
    running++
    const fiber = run(
      Effect.suspend(() => handler(request, stream)).pipe(
        TraceParent.within(request.op === "inventory" ? undefined : request.traceparent),
        Effect.matchCauseEffect({
          onSuccess: (end) => Effect.sync(() => stream.finish(end)),
          onFailure: (cause) => failStream(stream, cause),
        }),
        Effect.ensuring(Effect.sync(() => running--)),
      ),
    )
    stream.onCancel = () => fiber.unsafeInterruptAsFork(FiberId.none)
  }
}

const failStream = (stream: SourceMuxStream, cause: Cause.Cause<StreamError>): Effect.Effect<void> =>
  Option.match(Cause.failureOption(cause), {
    onSome: (error) => Effect.sync(() => stream.fail(error)),
    onNone: () => {
      stream.fail(new StreamError({ reason: "internal", detail: "the source failed unexpectedly; see its log" }))
      return Effect.logError("a stream's handler failed unexpectedly", cause)
    },
  })

const settle = (welcome: Effect.Effect<Welcome, LinkLost>): Effect.Effect<Welcome, LinkLost> =>
  Effect.timeoutFail(welcome, {
    duration: Duration.millis(HANDSHAKE_MS),
    onTimeout: () =>
      new LinkLost({
        clean: false,
        code: SessionCode.handshakeTimeout,
        detail: "the proxy did not settle its terms in time",
      }),
  })

const proxySession = (
  link: Link,
  driver: LinkDriver,
  mux: ProxyMux,
  known: Pick<ProxySession, "hello" | "welcome" | "lost">,
): ConnectedSession => ({
  ...known,
  transport: link.transport,
  open: (request) => openStream(driver, mux, request),
  rttMs: () => mux.session.rttMs,
  lastSeen: () => driver.unixMillis(mux.session.lastReceivedAt),
  close: (code, reason) => Effect.sync(() => driver.close(code, reason)),
  drain: (retryAfterMs, why = "the proxy stops") => driver.drain(why, retryAfterMs),
})

const openStream = Effect.fnUntraced(function* (driver: LinkDriver, mux: ProxyMux, request: Open) {
  const gone = driver.lost ?? leftBy(mux)
  if (gone !== null) return yield* gone
  const opened = yield* Deferred.make<void, StreamError | LinkLost>()
  const traceparent = yield* TraceParent.current
  const traced = request.op === "inventory" || traceparent === undefined ? request : { ...request, traceparent }
  const reader = yield* Effect.acquireRelease(
    Effect.suspend(() => {
      const reader = new LinkReader(driver.now, (instead) =>
        Deferred.unsafeDone(opened, instead !== null && "_tag" in instead ? Exit.fail(instead) : Exit.void),
      )
      const stream = mux.open(traced, reader)
      if (stream instanceof StreamError) return Effect.fail(stream)
      reader.attach(stream)
      return Effect.succeed(reader)
    }),
    (reader) => Effect.sync(() => reader.close(cancelled)),
  )
  yield* Deferred.await(opened).pipe(
    Effect.timeoutFail({
      duration: Duration.millis(HEAD_MS),
      onTimeout: () => {
        reader.close(silent)
        return silent
      },
    }),
    Effect.onInterrupt(() => Effect.sync(() => reader.close(cancelled))),
  )
  return reader
})

/** Why nothing can be opened although the link is there: one side has said GOAWAY. */
const leftBy = (mux: ProxyMux): LinkLost | null => {
  const goAway: GoAway | null = mux.session.goAwayReceived
  if (goAway !== null) return lostBy(goAway)
  if (!mux.session.leaving) return null
  return new LinkLost({ clean: false, code: SessionCode.shuttingDown, detail: "the proxy opens nothing more on it" })
}

const cancelled = new StreamError({ reason: "cancelled", detail: "nobody reads on" })
const silent = new StreamError({
  reason: "silent",
  detail: `the source did not begin to answer within ${HEAD_MS / 1000} s`,
})

/** Keeps a source linked to its proxy: dials, runs a session, and after every loss dials again, for ever, without storms. */
import { Clock, Deferred, Duration, Effect, Fiber, FiberHandle, Random, type Scope } from "effect"
import type { Link, LinkDialError } from "./Link.ts"
import { DRAIN_MS } from "./LinkLimits.ts"
import type { LinkLost } from "./LinkLost.ts"
import { SessionCode } from "./SessionCode.ts"

/** Where the keeper stands. Times are Unix milliseconds. */
export type LinkState =
  | { readonly _tag: "connecting" }
  /** The proxy has welcomed the source. */
  | { readonly _tag: "connected"; readonly transport: string; readonly since: number }
  | { readonly _tag: "waiting"; readonly until: number; readonly why: string }

export interface Options {
  /** Told of every change, in order; the keeper waits for it. `SubscriptionRef.set` of a reference fits. */
  readonly onState?: ((state: LinkState) => Effect.Effect<void>) | undefined
}

/** The longest pause without a word from the proxy. */
const maxPauseMs = 30_000
/** What the first pause is at most; each failure doubles it. */
const firstPauseMs = 250
/** How long a link has to hold until failures before it no longer count. */
const healthyMs = 30_000
/** The middle of the pause after a refused token: someone has to act first. */
const refusedMs = 60_000
/** The middle of the pause while another source has the name. */
const conflictMs = 10_000
/** A proxy cannot send a source away for longer than this. */
const maxRetryAfterMs = 600_000
/** What a link that is being left has over the time its streams have. */
const graceMs = 5_000
/** How often the same failure is logged. */
const logEveryMs = 60_000
/** Different sentences remembered as logged; the oldest goes first. */
const maxSentences = 16

/**
 * What a link is used for. It runs `welcomed` once the proxy has welcomed it: only then is the state `connected`, and a
 * link that holds for 30 s after it clears the failures before. It runs `leaving` when the proxy opens nothing more on
 * the link but lets open streams go on: the next link is then dialled beside it.
 */
export type Session<R> = (
  link: Link,
  welcomed: Effect.Effect<void>,
  leaving: (goAway: LinkLost) => Effect.Effect<void>,
) => Effect.Effect<never, LinkLost, R>

/** Runs one link after the other and never returns. A link's scope is closed before the next is dialled, but for one at most that is being left. */
export const keep = <R1, R2>(
  dial: Effect.Effect<Link, LinkDialError, R1>,
  session: Session<R2>,
  options: Options = {},
): Effect.Effect<never, never, Exclude<R1 | R2, Scope.Scope>> =>
  Effect.gen(function* () {
    const left = yield* FiberHandle.make()
    const report = makeReport()
    const tell = options.onState ?? (() => Effect.void)
    let failures = 0
    while (true) {
      yield* tell({ _tag: "connecting" })
      let welcomedAt = Infinity
      const welcomed = (link: Link) =>
        Effect.gen(function* () {
          welcomedAt = yield* monotonicMs
          yield* report(Effect.logInfo, `linked to the proxy over ${link.transport}`, {})
          yield* tell({ _tag: "connected", transport: link.transport, since: yield* Clock.currentTimeMillis })
        })
      const failure = yield* runLink(dial, session, welcomed, left)
      failures = (yield* monotonicMs) - welcomedAt >= healthyMs ? 0 : failures
      const pause = pauseMs(failure, failures, yield* Random.next)
      failures += 1
      yield* report(severity(failure), failure.message, { failures, retryInMs: pause })
      yield* tell({ _tag: "waiting", until: (yield* Clock.currentTimeMillis) + pause, why: failure.message })
      yield* Effect.sleep(Duration.millis(pause))
    }
  }).pipe(Effect.scoped)

/** Waits until a dial has failed, or its link is lost or being left; then `left` has it, at most for as long as a goodbye may take. */
const runLink = <R1, R2>(
  dial: Effect.Effect<Link, LinkDialError, R1>,
  session: Session<R2>,
  welcomed: (link: Link) => Effect.Effect<void>,
  left: FiberHandle.FiberHandle,
) =>
  Effect.gen(function* () {
    const over = yield* Deferred.make<LinkDialError | LinkLost>()
    let isLeft = false
    const leaving = (goAway: LinkLost) =>
      Effect.map(Deferred.succeed(over, goAway), (first) => {
        isLeft = first
      })
    const running = yield* dial.pipe(
      Effect.flatMap((link) => session(link, welcomed(link), leaving)),
      Effect.scoped,
      Effect.flip,
      Effect.intoDeferred(over),
      Effect.forkScoped,
    )
    const failure = yield* Deferred.await(over)
    const end = Effect.timeoutOption(Fiber.await(running), Duration.millis(DRAIN_MS + graceMs))
    if (isLeft) yield* FiberHandle.run(left, Effect.ensuring(end, Fiber.interrupt(running)))
    return failure
  })

/** Milliseconds to wait before the next dial, after so many failures in a row; `random` is 0 to 1 and spreads the sources of a fleet. */
export const pauseMs = (failure: LinkDialError | LinkLost, failures: number, random: number): number => {
  const asked = Math.min(Math.max(0, failure.retryAfterMs || 0), maxRetryAfterMs)
  return Math.round(asked + ownPauseMs(failure, failures, random))
}

const ownPauseMs = (failure: LinkDialError | LinkLost, failures: number, random: number): number => {
  const cause = causeOf(failure)
  if (cause === "refused") return refusedMs * (0.5 + random)
  if (cause === "conflict") return conflictMs * (0.5 + random)
  return random * Math.min(maxPauseMs, firstPauseMs * 2 ** failures)
}

const causeOf = (failure: LinkDialError | LinkLost): LinkDialError["reason"] => {
  if (failure._tag === "LinkDialError") return failure.reason
  if (failure.code === SessionCode.unauthorized || failure.code === SessionCode.unsupportedVersion) return "refused"
  const taken = failure.code === SessionCode.replaced || failure.code === SessionCode.conflict
  return taken ? "conflict" : "unavailable"
}

/** Only what needs a person is an error. */
const severity = (failure: LinkDialError | LinkLost) => {
  const cause = causeOf(failure)
  if (cause === "refused" || cause === "conflict") return Effect.logError
  return failure._tag === "LinkLost" && failure.clean ? Effect.logInfo : Effect.logWarning
}

type Log = (sentence: string) => Effect.Effect<void>

/** Logs a sentence unless it was logged within the last minute; the next one says how often it was left out. */
const makeReport = () => {
  const logged = new Map<string, { readonly at: number; leftOut: number }>()
  return (log: Log, sentence: string, facts: Readonly<Record<string, unknown>>): Effect.Effect<void> =>
    Effect.flatMap(monotonicMs, (now) => {
      const last = logged.get(sentence)
      if (last !== undefined && now - last.at < logEveryMs) {
        last.leftOut += 1
        return Effect.void
      }
      remember(logged, sentence, now)
      const leftOut = last?.leftOut ?? 0
      return Effect.annotateLogs(log(sentence), leftOut === 0 ? facts : { ...facts, leftOut })
    })
}

/** Puts the sentence last, so that the first is the oldest. */
const remember = (logged: Map<string, { readonly at: number; leftOut: number }>, sentence: string, at: number) => {
  logged.delete(sentence)
  logged.set(sentence, { at, leftOut: 0 })
  const [oldest] = logged.keys()
  if (logged.size > maxSentences && oldest !== undefined) logged.delete(oldest)
}

const monotonicMs = Effect.map(Clock.currentTimeNanos, (nanos) => Number(nanos / 1_000_000n))

/** Keeps a source linked to its proxy: dials, runs a session, and after every loss dials again, for ever, without storms. */
import { Clock, Deferred, Duration, Effect, FiberHandle, Random, type Scope } from "effect"
import * as KeptLink from "./KeptLink.ts"
import type { Link, LinkDialer, LinkDialError } from "./Link.ts"
import type { LinkLost } from "./LinkLost.ts"
import { SessionCode } from "./SessionCode.ts"

/** What is done on each link, until it is lost. */
export type Session<R> = KeptLink.Session<R>

/** Where the keeper stands. Times are Unix milliseconds. */
export type LinkState =
  | { readonly _tag: "connecting" }
  /** The proxy has welcomed the source. */
  | { readonly _tag: "connected"; readonly transport: string; readonly since: number; readonly why?: string }
  | { readonly _tag: "waiting"; readonly until: number; readonly why: string }

/** What a keeper is told besides how to dial; all of it may be left out. */
export interface Options {
  /** Told of every change, in order; the keeper waits for it. `SubscriptionRef.set` of a reference fits. */
  readonly onState?: ((state: LinkState) => Effect.Effect<void>) | undefined
  /** Opens a better link beside the one in use, which is left once the better one is welcomed; a dialler's `improve`. Default never. */
  readonly improve?: LinkDialer["Type"]["improve"] | undefined
  /** What an interrupted keeper gives its links to end what is open on them, before it closes them. Default none. */
  readonly stopGrace?: Duration.DurationInput | undefined
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
/** How often the same failure is logged. */
const logEveryMs = 60_000
/** Different sentences remembered as logged; the oldest goes first. */
const maxSentences = 16

/**
 * Runs one link after the other and never returns. A link's scope is closed before the next is dialled, but for one at
 * most that is being left: because the proxy asked for it, or because a better link was welcomed beside it.
 */
export const keep = <R1, R2>(
  dial: Effect.Effect<Link, LinkDialError, R1>,
  session: Session<R2>,
  options: Options = {},
): Effect.Effect<never, never, Exclude<R1 | R2, Scope.Scope>> =>
  Effect.gen(function* () {
    const left = yield* FiberHandle.make()
    const report = makeReport()
    const tell = options.onState ?? (() => Effect.void)
    const onWelcome = ({ transport, why }: Link) =>
      Effect.gen(function* () {
        const over = why === undefined ? transport : `${transport} (${why})`
        yield* report(Effect.logInfo, `linked to the proxy over ${over}`, {})
        const since = yield* Clock.currentTimeMillis
        yield* tell({ _tag: "connected", transport, since, ...(why === undefined ? {} : { why }) })
      })
    const around = { onWelcome, stop: yield* Deferred.make<void>(), live: new Set<KeptLink.KeptLink>() }
    const better = options.improve === undefined ? Effect.never : KeptLink.start(options.improve, session, around)
    const keepOn = Effect.gen(function* () {
      let failures = 0
      while (true) {
        yield* tell({ _tag: "connecting" })
        const first = yield* KeptLink.start(dial, session, around)
        const last = yield* KeptLink.follow(first, better, (kept) => KeptLink.letGo(left, kept))
        const failure = yield* Deferred.await(last.over)
        if (last.isLeft) yield* KeptLink.letGo(left, last)
        failures = (yield* monotonicMs) - last.welcomedAt >= healthyMs ? 0 : failures
        const pause = pauseMs(failure, failures, yield* Random.next)
        failures += 1
        yield* report(severity(failure), failure.message, { failures, retryInMs: pause })
        yield* tell({ _tag: "waiting", until: (yield* Clock.currentTimeMillis) + pause, why: failure.message })
        yield* Effect.sleep(Duration.millis(pause))
      }
    })
    return yield* Effect.onInterrupt(keepOn, () => KeptLink.stopAll(around, options.stopGrace ?? 0))
  }).pipe(Effect.scoped)

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

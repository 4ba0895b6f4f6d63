/** One link of a keeper, from its dial to its end, and how another takes over from it. */
import { Clock, Deferred, Duration, Effect, Exit, Fiber, FiberHandle, type Scope } from "effect"
import type { Link, LinkDialError } from "./Link.ts"
import { DRAIN_MS } from "./LinkLimits.ts"
import type { LinkLost } from "./LinkLost.ts"
import * as LinkTap from "./LinkTap.ts"

/**
 * What a link is used for. It runs `welcomed` once the proxy has welcomed it: only then is the state `connected`, and a
 * link that holds for 30 s after it clears the failures before. It runs `leaving` when the proxy opens nothing more on
 * the link but lets open streams go on: the next link is then dialled beside it. Once `stop` completes it has the
 * keeper's grace to let them end, and to end itself.
 */
export type Session<R> = (
  link: Link,
  welcomed: Effect.Effect<void>,
  leaving: (goAway: LinkLost) => Effect.Effect<void>,
  stop: Effect.Effect<void>,
) => Effect.Effect<never, LinkLost, R>

/** What the links of one keeper have in common. */
export interface Surroundings {
  readonly onWelcome: (link: Link) => Effect.Effect<void>
  /** Done when the keeper stops. */
  readonly stop: Deferred.Deferred<void>
  /** Welcomed links that have not ended. */
  readonly live: Set<KeptLink>
}

/** What a link that is being left has over the time its streams have. */
const LEAVE_MS = 5_000
/** What a goodbye has to get through before the process may end. */
const GOODBYE_MS = 500

export class KeptLink {
  welcomedAt = Infinity
  /** Whether it has been dialled, and its session has not ended. */
  isOpen = false
  /** Whether the proxy lets its streams go on. */
  isLeft = false
  fiber: Fiber.Fiber<unknown> = Fiber.void
  readonly wasWelcomed: Deferred.Deferred<void>
  /** Why the dial has failed, or the link is lost or being left. */
  readonly over: Deferred.Deferred<LinkDialError | LinkLost>

  constructor(wasWelcomed: KeptLink["wasWelcomed"], over: KeptLink["over"]) {
    this.wasWelcomed = wasWelcomed
    this.over = over
  }
}

/** Dials in the background, for as long as the scope at most. */
export const start = <R1, R2>(
  dial: Effect.Effect<Link, LinkDialError, R1>,
  session: Session<R2>,
  around: Surroundings,
): Effect.Effect<KeptLink, never, Exclude<R1 | R2, Scope.Scope> | Scope.Scope> =>
  Effect.gen(function* () {
    const kept = new KeptLink(yield* Deferred.make<void>(), yield* Deferred.make<LinkDialError | LinkLost>())
    const welcomed = (link: Link) =>
      Effect.gen(function* () {
        kept.welcomedAt = yield* monotonicMs
        around.live.add(kept)
        yield* around.onWelcome(link)
        yield* Deferred.succeed(kept.wasWelcomed, undefined)
      })
    const leaving = (goAway: LinkLost) =>
      Effect.map(Deferred.succeed(kept.over, goAway), (first) => {
        kept.isLeft = first
      })
    kept.fiber = yield* dial.pipe(
      Effect.flatMap((link) =>
        heardOut(link, around.stop, (heard) => {
          kept.isOpen = true
          return session(heard, welcomed(link), leaving, Deferred.await(around.stop))
        }),
      ),
      Effect.scoped,
      Effect.flip,
      Effect.intoDeferred(kept.over),
      Effect.ensuring(
        Effect.sync(() => {
          kept.isOpen = false
          around.live.delete(kept)
        }),
      ),
      Effect.forkScoped,
    )
    return kept
  })

/** Waits until the link is over and none has taken over from it; then the last one is the answer. Links that `better` starts are beside it until they are welcomed. */
export const follow = <R>(
  first: KeptLink,
  better: Effect.Effect<KeptLink, never, R>,
  leave: (kept: KeptLink) => Effect.Effect<void>,
): Effect.Effect<KeptLink, never, R> =>
  Effect.gen(function* () {
    let current = first
    while (true) {
      let rival: KeptLink | undefined
      const challenge = Deferred.await(current.wasWelcomed).pipe(
        Effect.zipRight(Effect.tap(better, (started) => Effect.sync(() => (rival = started)))),
        Effect.flatMap(decided),
        Effect.repeat({ until: (isWelcomed) => isWelcomed }),
      )
      yield* Effect.raceFirst(Deferred.await(current.over), challenge)
      // What the proxy says on the old link may come before what it says on the new.
      if (rival?.isOpen === true) yield* decided(rival)
      if (rival?.isOpen !== true || rival.welcomedAt === Infinity) {
        yield* Fiber.interrupt(rival?.fiber ?? Fiber.void)
        return current
      }
      yield* leave(current)
      current = rival
    }
  })

/** Waits for the handshake to be over, and tells whether it went well. */
const decided = ({ over, wasWelcomed }: KeptLink): Effect.Effect<boolean> =>
  Effect.raceFirst(Effect.as(Deferred.await(wasWelcomed), true), Effect.as(Deferred.await(over), false))

/** Lets the link end by itself, for as long as a goodbye may take; one that was let go before is not waited for any longer. */
export const letGo = (left: FiberHandle.FiberHandle, { fiber }: KeptLink): Effect.Effect<void> => {
  const ended = Effect.timeoutOption(Fiber.await(fiber), Duration.millis(DRAIN_MS + LEAVE_MS))
  return Effect.asVoid(FiberHandle.run(left, Effect.ensuring(ended, Fiber.interrupt(fiber))))
}

/** Tells all sessions to stop, and waits until they have, at most for the grace. */
export const stopAll = ({ live, stop }: Surroundings, grace: Duration.DurationInput): Effect.Effect<void> => {
  const ended = Effect.forEach([...live], ({ fiber }) => Fiber.await(fiber), { discard: true })
  return Effect.zipRight(Deferred.succeed(stop, undefined), waitAtMost(ended, grace))
}

/** Where the keeper stops, the end of a session is not that of its link: a goodbye takes a moment to leave. */
const heardOut = <A, E, R>(link: Link, stop: Deferred.Deferred<void>, use: (link: Link) => Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const closed = yield* Deferred.make<void>()
    let isOpen = false
    const heard = LinkTap.make(link, {
      onStart: () => {
        isOpen = true
      },
      onClose: () => {
        isOpen = false
        Deferred.unsafeDone(closed, Exit.void)
      },
    })
    const goodbye = Effect.flatMap(Deferred.isDone(stop), (stops) =>
      stops && isOpen ? waitAtMost(Deferred.await(closed), Duration.millis(GOODBYE_MS)) : Effect.void,
    )
    return yield* Effect.ensuring(use(heard), goodbye)
  })

/** In a fiber of its own: what is being interrupted cannot give up a wait. */
const waitAtMost = (what: Effect.Effect<unknown>, limit: Duration.DurationInput): Effect.Effect<void> =>
  Effect.timeoutOption(what, limit).pipe(
    Effect.interruptible,
    Effect.forkDaemon,
    Effect.flatMap(Fiber.await),
    Effect.asVoid,
  )

const monotonicMs = Effect.map(Clock.currentTimeNanos, (nanos) => Number(nanos / 1_000_000n))

/** Dials by the transport one would rather have, goes on by another where that does not get through, and comes back when it does. */
import { Duration, Effect, Exit, Layer, Scope } from "effect"
import { AutoLinkChoice } from "./AutoLinkChoice.ts"
import { type Link, LinkDialer, LinkDialError } from "./Link.ts"
import * as LinkTap from "./LinkTap.ts"

/** A transport to dial by. */
export interface Carrier {
  /** What people call it, such as `WebSocket`. */
  readonly name: string
  readonly dialer: LinkDialer["Type"]
}

/** The two ways, and how long each may take before the other has its turn. */
export interface Options {
  readonly preferred: Carrier
  readonly fallback: Carrier
  /** What a dial of the preferred may take while the fallback waits for its turn. With it, a handshake of 5 s that comes to nothing and a pause, a source is linked 10 s after its first dial. Default 3 s. */
  readonly preferredLimit?: Duration.DurationInput | undefined
  /** What a dial of the fallback may take. Default 6.5 s. */
  readonly fallbackLimit?: Duration.DurationInput | undefined
  /** A link of the preferred that is lost sooner than this, twice in a row, is taken for unfit. Default 10 s. */
  readonly trialTime?: Duration.DurationInput | undefined
  /** How long the fallback is used before the preferred is tried beside it, give or take a tenth. Default 10 min. */
  readonly probeEvery?: Duration.DurationInput | undefined
  /** The same where the preferred could not be reached, as while a proxy starts: that may pass soon. Doubles to `probeEvery`. Default 5 s. */
  readonly probeSoon?: Duration.DurationInput | undefined
  /** What `probeEvery` doubles to at most, while links that a probe opened turn out dead. Default 1 h. */
  readonly probeAtMost?: Duration.DurationInput | undefined
}

/**
 * A dialer over two. Where the preferred is refused, swallowed or cut, the fallback is dialled; a token or name that is
 * not accepted is told at once. Where neither works, the next dial begins with the preferred. A link of the fallback
 * says `why`, and `improve` opens one of the preferred beside it.
 */
export const make = Effect.fn("AutoLinkDialer.make")(function* (options: Options) {
  const { fallback, preferred } = options
  const clock = yield* Effect.clock
  const now = () => Number(clock.unsafeCurrentTimeNanos()) / 1e6
  const terms = {
    name: preferred.name,
    trialMs: Duration.toMillis(options.trialTime ?? "10 seconds"),
    probeMs: Duration.toMillis(options.probeEvery ?? "10 minutes"),
    soonMs: Duration.toMillis(options.probeSoon ?? "5 seconds"),
    mostProbeMs: Duration.toMillis(options.probeAtMost ?? "1 hour"),
  }
  const choice = new AutoLinkChoice(terms, now, Math.random)
  const byPreferred = Effect.map(within(preferred, options.preferredLimit ?? "3 seconds"), (link) =>
    LinkTap.make(link, choice.trial()),
  )
  const byFallback = within(fallback, options.fallbackLimit ?? "6.5 seconds")
  const fallBack = (failure: LinkDialError) =>
    Effect.sync(() => choice.fallBack(clause(failure), failure.reason === "unavailable"))
  const withWhy = (link: Link) => LinkTap.make(link, { why: choice.why })
  const nor = (carrier: Carrier, first: LinkDialError) => (other: LinkDialError) => {
    if (isRefusal(other)) return other
    choice.forget()
    return both(first, carrier, other)
  }

  const preferredFirst = catchUnusable(byPreferred, (failure) =>
    byFallback.pipe(
      Effect.mapError(nor(fallback, failure)),
      Effect.tap(() => Effect.logWarning(`no link by ${preferred.name}: ${failure.detail}`)),
      Effect.tap(() => fallBack(failure)),
      Effect.map(withWhy),
    ),
  )
  const fallbackFirst = catchUnusable(Effect.map(byFallback, withWhy), (failure) =>
    Effect.mapError(byPreferred, nor(preferred, failure)),
  )
  const dial = Effect.suspend(() => (choice.why === undefined ? preferredFirst : fallbackFirst))

  const probe = Effect.suspend(() => Effect.sleep(Math.max(0, choice.probeAt - now()))).pipe(
    Effect.zipRight(own(preferred.dialer.dial)),
    Effect.map((link) => LinkTap.make(link, choice.trial())),
    Effect.tapError(fallBack),
    Effect.eventually,
  )
  const improve = Effect.suspend(() => (choice.why === undefined ? Effect.never : probe))

  return LinkDialer.of({ dial, improve })
})

/** One dialer made of two. */
export const layer = (options: Options): Layer.Layer<LinkDialer> => Layer.effect(LinkDialer, make(options))

type Dial = Effect.Effect<Link, LinkDialError, Scope.Scope>

/** Not the transport's fault, so that no other transport would help. */
const isRefusal = ({ reason }: LinkDialError) => reason === "refused" || reason === "conflict"

const catchUnusable = (dial: Dial, otherwise: (failure: LinkDialError) => Dial): Dial =>
  Effect.catchAll(dial, (failure) => (isRefusal(failure) ? Effect.fail(failure) : otherwise(failure)))

const within = ({ dialer, name }: Carrier, limit: Duration.DurationInput): Dial =>
  own(
    Effect.timeoutFail(dialer.dial, {
      duration: limit,
      onTimeout: () =>
        new LinkDialError({
          reason: "unavailable",
          url: "the proxy",
          detail: `no answer by ${name} within ${Duration.format(limit)}`,
        }),
    }),
  )

/** A dial that has failed or was given up lets go of what it held at once, not when the caller's scope closes. */
const own = (dial: Dial): Dial =>
  Effect.uninterruptibleMask((restore) =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const link = yield* restore(Scope.extend(dial, scope)).pipe(
        Effect.onError((cause) => Scope.close(scope, Exit.failCause(cause))),
      )
      yield* Effect.addFinalizer((exit) => Scope.close(scope, exit))
      return link
    }),
  )

/** Neither worked. */
const both = (first: LinkDialError, { name }: Carrier, other: LinkDialError): LinkDialError => {
  const retryAfterMs = Math.max(first.retryAfterMs ?? 0, other.retryAfterMs ?? 0)
  return new LinkDialError({
    reason: first.reason,
    url: first.url,
    detail: `${first.detail}; nor by ${name}: ${clause(other)}`,
    status: first.status,
    ...(retryAfterMs > 0 && { retryAfterMs }),
  })
}

/** What went wrong, without the advice that follows it. */
const clause = ({ detail }: LinkDialError): string => detail.split(";", 1)[0] ?? detail

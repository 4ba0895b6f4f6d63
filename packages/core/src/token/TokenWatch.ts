/** Watches a token while something long runs on its strength. */
import { Clock, Duration, Effect, FiberSet, type Scope } from "effect"
import type { Alarms } from "../link/Alarms.ts"
import type { TokenClaims } from "./TokenClaims.ts"
import { CLOCK_SKEW } from "./TokenCodec.ts"
import { TokenRejected, type TokenVerifier } from "./TokenVerifier.ts"

/**
 * How often a token in use is looked at again. What it opened is to end within 5 s of a revocation: with the second
 * that a file of revoked tokens may be behind, the rest is for a busy machine.
 */
export const INTERVAL = Duration.seconds(2)

/**
 * Waits until the token is no longer good, and says why: `exp` has passed, or a new verification refuses it.
 * One that was taken after its `exp`, within the tolerated skew, lasts until that is over. Either end has a timer of its own.
 */
export const lapsed = Effect.fnUntraced(function* (
  verifier: TokenVerifier["Type"],
  token: string,
  claims: TokenClaims,
): Effect.fn.Return<TokenRejected> {
  const expiry = expiryOf(claims, yield* Clock.currentTimeMillis)
  for (;;) {
    const left = expiry - (yield* Clock.currentTimeMillis)
    if (left <= 0) return expired
    yield* Effect.sleep(Duration.min(INTERVAL, Duration.millis(left)))
    const refused = yield* refusal(verifier, token, claims)
    if (refused !== undefined) return refused
  }
})

export interface Watch {
  readonly token: string
  readonly claims: TokenClaims
  /** What is done then, once. */
  readonly onLapsed: (why: TokenRejected) => Effect.Effect<void>
}

/** Watches many tokens as `lapsed` watches one, without a fiber in wait for each. A watch ends with its scope, all with the scope of `make`. */
export const make = Effect.fnUntraced(function* (verifier: TokenVerifier["Type"], alarms: Alarms) {
  const run = yield* FiberSet.makeRuntime()
  return Effect.fnUntraced(function* ({ claims, onLapsed, token }: Watch): Effect.fn.Return<void, never, Scope.Scope> {
    let isOver = false
    const clock = yield* Effect.clock
    const expiry = expiryOf(claims, clock.unsafeCurrentTimeMillis())
    const next = (): Effect.Effect<void> => {
      const left = expiry - clock.unsafeCurrentTimeMillis()
      if (left <= 0) return onLapsed(expired)
      alarms.after(Math.min(Duration.toMillis(INTERVAL), left), () => void (isOver || run(look)))
      return Effect.void
    }
    const look = Effect.flatMap(refusal(verifier, token, claims), (refused) =>
      isOver ? Effect.void : refused === undefined ? next() : onLapsed(refused),
    )
    yield* Effect.addFinalizer(() => Effect.sync(() => (isOver = true)))
    yield* next()
  })
})

const expired = new TokenRejected({ reason: "unauthorized", detail: "the token has expired" })

/** Unix milliseconds. */
const expiryOf = ({ exp }: TokenClaims, now: number): number => (now < exp * 1000 ? exp : exp + CLOCK_SKEW) * 1000

const refusal = (
  verifier: TokenVerifier["Type"],
  token: string,
  { role }: TokenClaims,
): Effect.Effect<TokenRejected | undefined> =>
  Effect.match(verifier.verify(token, role), { onFailure: (refused) => refused, onSuccess: () => undefined })

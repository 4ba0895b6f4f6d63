/** Watches a token while something long runs on its strength. */
import { Clock, Duration, Effect } from "effect"
import type { TokenClaims } from "./TokenClaims.ts"
import { TokenRejected, type TokenVerifier } from "./TokenVerifier.ts"

/** How often a token in use is looked at again: at most so late is a revocation noticed. */
export const INTERVAL = Duration.seconds(5)

/**
 * Waits until the token is no longer good, and says why: `exp` has passed, or a new verification refuses it.
 * A token taken after its `exp`, within the tolerated skew, lasts until verification refuses it.
 */
export const lapsed = Effect.fnUntraced(function* (
  verifier: TokenVerifier["Type"],
  token: string,
  claims: TokenClaims,
): Effect.fn.Return<TokenRejected> {
  const exp = claims.exp * 1000
  const late = (yield* Clock.currentTimeMillis) >= exp
  for (;;) {
    const left = exp - (yield* Clock.currentTimeMillis)
    if (!late && left <= 0) return new TokenRejected({ reason: "unauthorized", detail: "the token has expired" })
    yield* Effect.sleep(late ? INTERVAL : Duration.min(INTERVAL, Duration.millis(left)))
    const refused = yield* Effect.flip(verifier.verify(token, claims.role)).pipe(Effect.option)
    if (refused._tag === "Some") return refused.value
  }
})

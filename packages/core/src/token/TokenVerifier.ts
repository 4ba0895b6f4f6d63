/** Tells whether a token is good, and for whom. */
import { Clock, Context, Effect, Layer, Schema } from "effect"
import * as TokenCodec from "./TokenCodec.ts"
import type { Role, TokenClaims } from "./TokenClaims.ts"
import { type TokenKey, TokenKeyError } from "./TokenKey.ts"
import * as TokenMemory from "./TokenMemory.ts"

/** Says to the bearer only that the token was refused, not why; `detail` is for the operator's log and holds no secret. */
export class TokenRejected extends Schema.TaggedError<TokenRejected>()("TokenRejected", {
  /** `unauthorized` = no good token at all (401), `forbidden` = a good one of the other role (403). */
  reason: Schema.Literal("unauthorized", "forbidden"),
  detail: Schema.String,
}) {
  override get message(): string {
    return this.reason === "unauthorized" ? "missing or bad token" : "this token is not for this"
  }
}

/** Whether a token is good now; asked for every request, and every other second of an open stream or link. */
export class TokenVerifier extends Context.Tag("@rdl/core/TokenVerifier")<
  TokenVerifier,
  {
    /** Checks signature, times (60 s of skew allowed), revocation and role of a stripped token as it came in `Authorization: Bearer`. */
    readonly verify: (token: string | undefined, role: Role) => Effect.Effect<TokenClaims, TokenRejected>
    /** The claims of a token whose signature was found good and is remembered, whatever has become of it since; costs no verification. */
    readonly remembered: (token: string | undefined) => TokenClaims | undefined
  }
>() {}

/** Keys, or what tells those that are good now: always the same array while they are the same. */
export type Keys = ReadonlyArray<TokenKey> | (() => ReadonlyArray<TokenKey>)

/** Which keys sign good tokens, and which of those were taken back. */
export interface Options {
  /** Tried in turn; the public halves are enough. At least one. Keys that may change are told by a function, which is asked on every verification. */
  readonly keys: Keys
  /** Whether a token was taken back, by its `jti`; asked on every verification, so it must answer at once. Default: none was. */
  readonly isRevoked?: (jti: string) => Effect.Effect<boolean>
  /** Of how many tokens it is remembered that they are signed. Default 20,000 tokens and 16 MiB of them. */
  readonly memory?: TokenMemory.Limits
}

/**
 * A verifier over the keys; fails where there are none. A signature takes about 0.2 ms off the main thread, and is
 * verified once for as long as its token is remembered and the keys are the same; everything else is looked at every time.
 */
export const make = Effect.fn("TokenVerifier.make")(function* (options: Options) {
  const { keys } = options
  const keysNow = typeof keys === "function" ? keys : () => keys
  if (keysNow().length === 0)
    return yield* new TokenKeyError({ reason: "missing", detail: "there is no key to verify tokens with" })
  const isRevoked = options.isRevoked ?? (() => Effect.succeed(false))
  const memoryNow = memoryOf(keysNow, options.memory ?? TokenMemory.defaults)
  const claimsOf = Effect.fnUntraced(function* (token: string) {
    const now = Math.floor((yield* Clock.currentTimeMillis) / 1000)
    // Held on to: what is found good while the keys change belongs to those before.
    const { keys, memory } = memoryNow()
    const signed = memory.get(token) ?? (yield* TokenCodec.verifySignature(token, keys))
    const claims = yield* TokenCodec.validAt(signed, now)
    memory.set(token, signed)
    return claims
  })
  // Untraced: it is asked for every open stream and link every other second, and a span costs ten times what it does.
  const verify = Effect.fnUntraced(function* (token: string | undefined, role: Role) {
    if (token === undefined || token === "") return yield* unauthorized("there is no token")
    const claims = yield* Effect.mapError(claimsOf(token), (error) => unauthorized(error.detail))
    if (yield* isRevoked(claims.jti)) return yield* unauthorized(`the token ${claims.jti} of ${claims.sub} was revoked`)
    if (claims.role !== role)
      return yield* new TokenRejected({
        reason: "forbidden",
        detail: `the token of ${claims.sub} is for a ${claims.role}, not a ${role}`,
      })
    return claims
  })
  return TokenVerifier.of({
    verify,
    remembered: (token) => (token === undefined ? undefined : memoryNow().memory.get(token)),
  })
})

/** Of other keys nothing is remembered: what one of them has signed may be by none of them now. */
const memoryOf = (keysNow: () => ReadonlyArray<TokenKey>, limits: TokenMemory.Limits) => {
  const of = (keys: ReadonlyArray<TokenKey>) => ({
    keys,
    memory: new TokenMemory.TokenMemory<TokenCodec.Payload>(limits),
  })
  let known = of(keysNow())
  return () => {
    const keys = keysNow()
    if (keys !== known.keys) known = of(keys)
    return known
  }
}

/** Verifies with the keys. */
export const layer = (options: Options): Layer.Layer<TokenVerifier, TokenKeyError> =>
  Layer.effect(TokenVerifier, make(options))

const unauthorized = (detail: string) => new TokenRejected({ reason: "unauthorized", detail })

/** The settings of keys and tokens that several commands share. */
import * as TokenCodec from "@rdl/core/token/TokenCodec"
import * as TokenKey from "@rdl/core/token/TokenKey"
import { Effect, Redacted } from "effect"
import { UsageError } from "./Failure.ts"
import * as Setting from "./Setting.ts"

const KEY = "The key: a JWK or a JWK set"
export const key = Setting.secret("key", KEY)
/** The key of a server, which reads its file again when that has changed. */
export const keptKey = Setting.kept("key", KEY)
export const token = Setting.secret("token", "The token")

/** The keys of a text; a bad one is a matter of usage, told with where to get a good one. */
export const parse = (text: Redacted.Redacted): Effect.Effect<ReadonlyArray<TokenKey.TokenKey>, UsageError> =>
  TokenKey.parse(Redacted.value(text)).pipe(
    Effect.mapError((error) => new UsageError({ detail: `the key is of no use: ${error.message}` })),
  )

/** The one key of several that tokens are issued with: the first that is private. */
export const signing = Effect.fn("Keys.signing")(function* (text: Redacted.Redacted) {
  const key = (yield* parse(text)).find((candidate) => candidate.signing !== undefined)
  return (
    key ?? (yield* new UsageError({ detail: "tokens are issued with the private key; this is only its public half" }))
  )
})

/** Where a token is not even one, says so before it is sent anywhere. */
export const checkShape = (token: Redacted.Redacted): Effect.Effect<void, UsageError> =>
  TokenCodec.inspect(Redacted.value(token)).pipe(
    Effect.mapError((error) => new UsageError({ detail: `the token is of no use: ${error.detail}` })),
    Effect.asVoid,
  )

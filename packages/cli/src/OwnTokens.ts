/** The key and the tokens of `rdl up`: made on its first run, kept, and used again. */
import type { TokenClaims } from "@rdl/core/token/TokenClaims"
import * as TokenCodec from "@rdl/core/token/TokenCodec"
import * as TokenKey from "@rdl/core/token/TokenKey"
import { Clock, Effect, Option, Redacted } from "effect"
import { randomUUID } from "node:crypto"
import { userInfo } from "node:os"
import { CommandFailed } from "./Failure.ts"
import * as StateDirectory from "./StateDirectory.ts"

/** The private key, a JWK. */
export const KEY_FILE = "key.json"
/** The token of whoever runs it, to be pasted or named as a token file. */
export const USER_TOKEN_FILE = "user.token"

/** How long the saved token is valid. In seconds; renewed by a run in the last tenth of it. */
const USER_LIFE = 365 * 86_400
/** The source's token lives with the process and is written nowhere. In seconds. */
const SOURCE_LIFE = 3_650 * 86_400

export interface OwnTokens {
  readonly keys: ReadonlyArray<TokenKey.TokenKey>
  readonly user: Redacted.Redacted
  readonly source: Redacted.Redacted
}

/** Reads what there is in the directory and makes what is missing, or about to expire. */
export const load = Effect.fn("OwnTokens.load")(function* (directory: string, sourceName: string) {
  const key = yield* loadKey(directory)
  const issue = (claims: Pick<TokenClaims, "sub" | "role">, life: number) =>
    Effect.gen(function* () {
      const iat = yield* now
      return yield* Effect.orDie(TokenCodec.issue(key, { ...claims, iat, exp: iat + life, jti: randomUUID() }))
    })
  const saved = yield* loadUser(directory, key)
  const user = Option.isSome(saved) ? saved.value : yield* issue({ sub: localUser(), role: "user" }, USER_LIFE)
  if (Option.isNone(saved)) yield* StateDirectory.write(directory, USER_TOKEN_FILE, user)
  const source = yield* issue({ sub: sourceName, role: "source" }, SOURCE_LIFE)
  const own: OwnTokens = { keys: [key], user: Redacted.make(user), source: Redacted.make(source) }
  return own
})

const loadKey = Effect.fnUntraced(function* (directory: string) {
  const saved = yield* StateDirectory.read(directory, KEY_FILE)
  const text = saved === undefined ? JSON.stringify(yield* TokenKey.generate("EdDSA")) : Redacted.value(saved)
  if (saved === undefined) yield* StateDirectory.write(directory, KEY_FILE, text)
  const [key] = yield* Effect.mapError(
    TokenKey.parse(text),
    (error) =>
      new CommandFailed({
        detail: `${directory}/${KEY_FILE} is of no use: ${error.message}; remove it, and a new one is made`,
      }),
  )
  return key!
})

/** The saved token, while the key has signed it and it has some time left. */
const loadUser = Effect.fnUntraced(function* (directory: string, key: TokenKey.TokenKey) {
  const saved = yield* StateDirectory.read(directory, USER_TOKEN_FILE)
  if (saved === undefined) return Option.none<string>()
  const later = (yield* now) + USER_LIFE / 10
  const good = yield* Effect.option(TokenCodec.verify(Redacted.value(saved), [key], later))
  return Option.as(good, Redacted.value(saved))
})

const now = Effect.map(Clock.currentTimeMillis, (millis) => Math.floor(millis / 1000))

/** Who runs this; a process without an entry in the list of users has no name. */
const localUser = (): string => {
  try {
    return userInfo().username
  } catch {
    return "local"
  }
}

/** A key of this run, and tokens of it: worth nothing once the run is over. */
import * as TokenCodec from "@rdl/core/token/TokenCodec"
import * as TokenKey from "@rdl/core/token/TokenKey"
import { Effect } from "effect"
import { randomUUID } from "node:crypto"

export interface Credentials {
  /** The public half, as a proxy takes it. */
  readonly publicKey: string
  readonly sourceToken: (name: string) => Effect.Effect<string>
  readonly userToken: string
}

const HOUR = 3_600

export const make: Effect.Effect<Credentials> = Effect.gen(function* () {
  const secret = JSON.stringify(yield* TokenKey.generate("EdDSA"))
  const [key] = yield* TokenKey.parse(secret)
  const issue = (sub: string, role: "source" | "user") => {
    const iat = Math.floor(Date.now() / 1_000)
    return TokenCodec.issue(key!, { sub, role, iat, exp: iat + HOUR, jti: randomUUID() }).pipe(Effect.orDie)
  }
  return {
    publicKey: JSON.stringify(yield* TokenKey.publicHalf(secret)),
    sourceToken: (name: string) => issue(name, "source"),
    userToken: yield* issue("bench", "user"),
  }
}).pipe(Effect.orDie)

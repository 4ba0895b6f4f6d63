/** `rdl token revoke`: adds a token to the file of revoked ones. */
import * as Command from "@effect/cli/Command"
import { TokenId } from "@rdl/core/token/TokenClaims"
import * as TokenCodec from "@rdl/core/token/TokenCodec"
import { Effect, Either, Redacted, Schema } from "effect"
import { CommandFailed, UsageError } from "../Failure.ts"
import type { Page } from "../Help.ts"
import * as Keys from "../Keys.ts"
import * as Output from "../Output.ts"
import * as Revocations from "../Revocations.ts"
import * as RevokedFile from "../RevokedFile.ts"
import * as Setting from "../Setting.ts"

export const revokePage: Page = {
  usage: "rdl token revoke --revoked-file FILE (--token-file FILE | --id ID) [flags]",
  summary: "Takes a token back.",
  text: "Adds its id to the file that the proxy was given as --revoked-file. The proxy notices within seconds, also for links and logs that are open.",
  examples: [
    ["By the token", "rdl token revoke --revoked-file revoked --token-file edge-1.token"],
    ["By its id, as rdl token inspect shows it", "rdl token revoke --revoked-file revoked --id 4b9b2a4a-a616-49fd"],
  ],
}

const settings = Setting.all({
  file: RevokedFile.setting,
  token: Keys.token,
  id: Setting.flag(
    "id",
    {
      value: "ID",
      description: "The token's id, where the token is not at hand",
      parse: (text) => (Schema.is(TokenId)(text) ? Either.right(text) : Either.left("is not the id of a token")),
    },
    () => undefined,
  ),
})

export const revoke = Command.make("revoke", { settings }, (parsed) =>
  Effect.gen(function* () {
    const { file, id, token } = yield* parsed.settings
    if (file === undefined) return yield* new UsageError({ detail: "say in which file: --revoked-file FILE" })
    const jti = id ?? (yield* idOf(yield* Setting.demand("token", token, "or give the token's --id")))
    yield* Revocations.add(file, jti)
    return yield* Output.say(`revoked ${jti}`)
  }),
).pipe(Command.withDescription(revokePage.summary))

const idOf = (token: Redacted.Redacted): Effect.Effect<string, CommandFailed> =>
  TokenCodec.inspect(Redacted.value(token)).pipe(
    Effect.mapBoth({
      onSuccess: ({ jti }) => jti,
      onFailure: (error) => new CommandFailed({ detail: `this is no token: ${error.message}` }),
    }),
  )

/** `rdl token inspect`: what a token says, and whether it is good. */
import * as Command from "@effect/cli/Command"
import type { TokenClaims } from "@rdl/core/token/TokenClaims"
import * as TokenCodec from "@rdl/core/token/TokenCodec"
import { Clock, Effect, Redacted } from "effect"
import { CommandFailed, type UsageError } from "../Failure.ts"
import type { Page } from "../Help.ts"
import * as Keys from "../Keys.ts"
import * as Output from "../Output.ts"
import * as OutputFormat from "../OutputFormat.ts"
import * as Setting from "../Setting.ts"
import * as TimeSpan from "../TimeSpan.ts"

/** `rdl token inspect`. */
export const inspectPage: Page = {
  usage: "rdl token inspect [flags]",
  summary: "Shows what a token says, and whether it is good.",
  text: "Whom it is for, what it allows and how long it is valid; with a key, whether the signature is good. Exit code 1: it is not.",
  examples: [
    ["What is in it", "rdl token inspect --token-file edge-1.token"],
    ["Is it good", "rdl token inspect --token-file edge-1.token --key-file rdl.pub"],
  ],
}

export const inspect = Command.make(
  "inspect",
  { settings: Setting.all({ token: Keys.token, key: Keys.key, output: OutputFormat.setting }) },
  ({ settings }) =>
    Effect.gen(function* () {
      const given = yield* settings
      const token = Redacted.value(yield* Setting.demand("token", given.token, "`rdl token issue` makes one"))
      const keys = given.key === undefined ? undefined : yield* Keys.parse(given.key)
      const claims = yield* Effect.mapError(
        TokenCodec.inspect(token),
        (error) => new CommandFailed({ detail: `this is no token: ${error.message}` }),
      )
      const now = Math.floor((yield* Clock.currentTimeMillis) / 1000)
      const signature = keys === undefined ? "not checked" : yield* signatureOf(token, keys, claims)
      const expired = claims.exp <= now
      yield* given.output === "json"
        ? Output.json({ ...claims, expired, signature })
        : Output.out(describe(claims, now, signature))
      const wrong =
        signature === "bad"
          ? "none of the keys has signed this token"
          : expired
            ? `this token expired ${TimeSpan.show(now - claims.exp)} ago`
            : undefined
      yield* wrong === undefined ? Effect.void : new CommandFailed({ detail: wrong })
    }),
).pipe(Command.withDescription(inspectPage.summary))

type Signature = "good" | "bad" | "not checked"

/** Times are told apart from the signature, so they are set aside here: any moment of the token's life will do. */
const signatureOf = (
  token: string,
  keys: Parameters<typeof TokenCodec.verify>[1],
  claims: TokenClaims,
): Effect.Effect<Signature, UsageError> =>
  TokenCodec.verify(token, keys, claims.iat).pipe(
    Effect.as<Signature>("good"),
    Effect.orElseSucceed((): Signature => "bad"),
  )

const describe = (claims: TokenClaims, now: number, signature: Signature): string => {
  const lists = Object.entries(claims.allow ?? {}).map(
    ([what, list]) => `${what} ${(list ?? []).join(", ") || "(none)"}`,
  )
  const left = claims.exp - now
  const rows: ReadonlyArray<readonly [string, string]> = [
    [claims.role, claims.sub],
    ...(claims.role === "user" ? [["allows", lists.length === 0 ? "everything" : lists.join("; ")] as const] : []),
    ["issued", new Date(claims.iat * 1000).toISOString()],
    [
      "expires",
      `${new Date(claims.exp * 1000).toISOString()} (${left > 0 ? `in ${TimeSpan.show(left)}` : `${TimeSpan.show(left)} ago`})`,
    ],
    ["id", claims.jti],
    ["signature", signature === "not checked" ? "not checked; give --key-file" : signature],
  ]
  return rows.map(([name, value]) => `${name.padEnd(11)}${Output.printable(value)}\n`).join("")
}

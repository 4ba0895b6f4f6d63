/** `rdl token issue`: a token on standard output and nothing else. */
import * as Command from "@effect/cli/Command"
import { SourceName } from "@rdl/core/model/SourceName"
import * as TokenCodec from "@rdl/core/token/TokenCodec"
import { type Scope, Subject, type TokenClaims } from "@rdl/core/token/TokenClaims"
import { Clock, Effect, Either, Schema } from "effect"
import { randomUUID } from "node:crypto"
import { UsageError } from "../Failure.ts"
import type { Page } from "../Help.ts"
import * as Keys from "../Keys.ts"
import * as Output from "../Output.ts"
import * as Setting from "../Setting.ts"
import * as TimeSpan from "../TimeSpan.ts"

const named = (role: "source" | "user", isName: (text: string) => boolean, otherwise: string) =>
  Setting.flag(
    role,
    {
      value: "NAME",
      description: `For a ${role} of this name`,
      parse: (text) => (isName(text) ? Either.right(text) : Either.left(`is no name of a ${role}: ${otherwise}`)),
    },
    () => undefined,
  )

const source = named(
  "source",
  Schema.is(SourceName),
  "1 to 63 letters, digits, `_`, `.` and `-`, the first a letter or digit",
)
const user = named("user", Schema.is(Subject), "1 to 128 characters, none of them a control character")

const settings = Setting.all({
  source,
  user,
  ttl: Setting.flag(
    "ttl",
    { value: "SPAN", description: "How long it is valid, such as 12h, 2w or 90d (default)", parse: TimeSpan.parse },
    () => 90 * 86_400,
  ),
  sources: Setting.repeated("allow-source", "GLOB", "Sources that the user may see; none given: all"),
  containers: Setting.repeated("allow-container", "GLOB", "Containers that the user may see; none given: all"),
  labels: Setting.repeated("allow-label", "KEY[=VALUE]", "Labels of which a container must have one; none given: all"),
  key: Keys.key,
})

/** `rdl token issue`. */
export const issuePage: Page = {
  usage: "rdl token issue (--source NAME | --user NAME) [flags]",
  summary: "Issues a token for one source, or for one user.",
  text: "It is written to standard output, and nothing else is. Needs the private key.",
  examples: [
    ["For the source of a host", "rdl token issue --key-file rdl.key --source edge-1 > edge-1.token"],
    ["For a person who may see everything, for two weeks", "rdl token issue --key-file rdl.key --user alice --ttl 2w"],
    [
      "For a team that sees its own containers on some hosts",
      "rdl token issue --key-file rdl.key --user shop --allow-source 'edge-*' --allow-label team=shop",
    ],
  ],
}

export const issue = Command.make("issue", { settings }, (parsed) =>
  Effect.gen(function* () {
    const { key, source, sources, containers, labels, ttl, user } = yield* parsed.settings
    const bearer = yield* bearerOf(source, user, scopeOf({ sources, containers, labels }))
    const signing = yield* Keys.signing(yield* Setting.demand("key", key, "`rdl key generate` makes one"))
    const iat = Math.floor((yield* Clock.currentTimeMillis) / 1000)
    const claims: TokenClaims = { ...bearer, iat, exp: iat + ttl, jti: randomUUID() }
    const token = yield* Effect.mapError(
      TokenCodec.issue(signing, claims),
      (error) => new UsageError({ detail: `no token issued: ${error.message}` }),
    )
    yield* Output.line(token)
  }),
).pipe(Command.withDescription(issuePage.summary))

const scopeOf = (lists: Scope): Scope | undefined => {
  const given = Object.entries(lists).filter(([, list]) => list !== undefined && list.length > 0)
  return given.length === 0 ? undefined : Object.fromEntries(given)
}

const bearerOf = (
  source: string | undefined,
  user: string | undefined,
  allow: Scope | undefined,
): Effect.Effect<Pick<TokenClaims, "sub" | "role" | "allow">, UsageError> => {
  if ((source === undefined) === (user === undefined))
    return new UsageError({ detail: "say whom the token is for: either --source NAME or --user NAME" })
  if (user !== undefined) return Effect.succeed({ sub: user, role: "user", ...(allow === undefined ? {} : { allow }) })
  return allow === undefined
    ? Effect.succeed({ sub: source!, role: "source" })
    : new UsageError({ detail: "--allow-source, --allow-container and --allow-label are for users, not for a source" })
}

/** `rdl key`: makes keys, and gives their public halves. */
import * as Command from "@effect/cli/Command"
import * as TokenKey from "@rdl/core/token/TokenKey"
import { Effect, Redacted } from "effect"
import { UsageError } from "../Failure.ts"
import type { Page } from "../Help.ts"
import * as Keys from "../Keys.ts"
import * as Output from "../Output.ts"
import * as Setting from "../Setting.ts"

/** `rdl key generate`. */
export const generatePage: Page = {
  usage: "rdl key generate [flags]",
  summary: "Makes a private key.",
  text: "It is written to standard output as a JWK. It issues tokens: keep it where you issue them, and give the proxy its public half.",
  examples: [["Make a key that only you can read", "(umask 077; rdl key generate > rdl.key)"]],
}

const alg = Setting.flag(
  "alg",
  {
    value: "ALG",
    description: "EdDSA (default): the proxy holds no secret. HS256: one secret on both sides",
    parse: Setting.oneOf(...TokenKey.Algorithm.literals),
  },
  () => "EdDSA" as const,
)

export const generate = Command.make("generate", { settings: Setting.all({ alg }) }, ({ settings }) =>
  Effect.flatMap(settings, (given) => Effect.flatMap(TokenKey.generate(given.alg), Output.json)),
).pipe(Command.withDescription(generatePage.summary))

/** `rdl key public`. */
export const publicPage: Page = {
  usage: "rdl key public [flags]",
  summary: "Gives the public half of a key.",
  text: "It is all that a proxy needs, and no secret.",
  examples: [["Give the proxy what it needs", "rdl key public --key-file rdl.key > rdl.pub"]],
}

export const publicHalf = Command.make("public", { settings: Setting.all({ key: Keys.key }) }, ({ settings }) =>
  Effect.gen(function* () {
    const { key } = yield* settings
    const text = yield* Setting.demand("key", key, "`rdl key generate` makes one")
    const half = yield* TokenKey.publicHalf(Redacted.value(text)).pipe(
      Effect.mapError((error) => new UsageError({ detail: `the key is of no use: ${error.message}` })),
    )
    yield* Output.json(half)
  }),
).pipe(Command.withDescription(publicPage.summary))

/** The group of both. */
export const page: Page = { usage: "rdl key COMMAND", summary: "Makes keys, and gives their public halves." }

export const command = Command.make("key").pipe(
  Command.withDescription(page.summary),
  Command.withSubcommands([generate, publicHalf]),
)

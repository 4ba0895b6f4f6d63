/** `rdl login`: saves which proxy to ask, and with what token. */
import * as Command from "@effect/cli/Command"
import { Effect } from "effect"
import { UsageError } from "../Failure.ts"
import type { Page } from "../Help.ts"
import * as Login from "../Login.ts"
import * as Output from "../Output.ts"
import * as ProxyAccess from "../ProxyAccess.ts"
import * as Setting from "../Setting.ts"

export const page: Page = {
  usage: "rdl login --proxy URL --token-file FILE [flags]",
  summary: "Saves which proxy to ask, and with what token.",
  text: "The proxy is asked once whether it takes the token. Both are kept in the state directory, for you alone.",
  examples: [["Log in", "rdl login --proxy https://logs.example.org --token-file alice.token"]],
}

export const command = Command.make("login", { settings: Setting.all(ProxyAccess.settings) }, ({ settings }) =>
  Effect.gen(function* () {
    const given = yield* settings
    const { proxy, token } = given
    if (proxy === undefined || token === undefined)
      return yield* new UsageError({ detail: "say where to log in, and as whom: --proxy URL --token-file FILE" })
    yield* ProxyAccess.withClient(given, (client) => Effect.asVoid(client.sources))
    yield* Login.save(given.stateDir, Login.CHOSEN, { proxy, token })
    return yield* Output.say(`logged in to ${proxy.origin}; rdl ps shows what is there`)
  }),
).pipe(Command.withDescription(page.summary))

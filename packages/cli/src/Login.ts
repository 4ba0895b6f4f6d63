/** Which proxy to ask and with what token, saved between runs. */
import { Effect, Redacted, Schema } from "effect"
import type { CommandFailed } from "./Failure.ts"
import * as StateDirectory from "./StateDirectory.ts"

/** The login a person chose, by `rdl login`. */
export const CHOSEN = "login.json"
/** The one of the `rdl up` that ran last on this machine. */
export const OWN = "up.json"

const Saved = Schema.parseJson(Schema.Struct({ proxy: Schema.URL, token: Schema.Redacted(Schema.String) }))
export type Login = typeof Saved.Type

/** The chosen login, else that of `rdl up`; undefined where there is neither. A file that makes no sense is as none. */
export const load = Effect.fn("Login.load")(function* (directory: string) {
  for (const name of [CHOSEN, OWN]) {
    const text = yield* StateDirectory.read(directory, name)
    if (text === undefined) continue
    const login = yield* Effect.option(Schema.decode(Saved)(Redacted.value(text)))
    if (login._tag === "Some") return login.value
  }
  return undefined
})

export const save = (directory: string, name: string, login: Login): Effect.Effect<void, CommandFailed> =>
  Effect.flatMap(Effect.orDie(Schema.encode(Saved)(login)), (text) => StateDirectory.write(directory, name, text))

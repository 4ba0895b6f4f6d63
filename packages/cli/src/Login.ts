/** Which proxy to ask and with what token, saved between runs. */
import { Effect, Option, Redacted, Schema, type Scope } from "effect"
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
  return (yield* read(directory, CHOSEN)) ?? (yield* read(directory, OWN))
})

const read = Effect.fnUntraced(function* (directory: string, name: string) {
  const text = yield* StateDirectory.read(directory, name)
  if (text === undefined) return undefined
  return Option.getOrUndefined(yield* Effect.option(Schema.decode(Saved)(Redacted.value(text))))
})

/** Makes a login the one of `rdl up` while the scope lives, or until another `rdl up` has taken its place. */
export const offer = (directory: string, login: Login): Effect.Effect<void, CommandFailed, Scope.Scope> =>
  Effect.acquireRelease(save(directory, OWN, login), () =>
    read(directory, OWN).pipe(
      Effect.flatMap((saved) =>
        saved?.proxy.href === login.proxy.href ? StateDirectory.remove(directory, OWN) : Effect.void,
      ),
      Effect.ignore,
    ),
  )

export const save = (directory: string, name: string, login: Login): Effect.Effect<void, CommandFailed> =>
  Effect.flatMap(Effect.orDie(Schema.encode(Saved)(login)), (text) => StateDirectory.write(directory, name, text))

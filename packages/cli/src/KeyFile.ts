/** The keys of a file that may change at any time, as keys are rotated: new ones are added to it, old ones taken out. */
import type { TokenKey } from "@rdl/core/token/TokenKey"
import * as FileChanges from "@rdl/proxy/FileChanges"
import { Duration, Effect, Redacted, Stream } from "effect"
import * as Keys from "./Keys.ts"
import * as Setting from "./Setting.ts"

/** A key that is taken out must end what its tokens opened within 5 s, also where the file system tells of no change. */
const LOOK_EVERY = Duration.seconds(1)

/**
 * Tells the keys that are good now, until the scope closes. A change is read as soon as the system tells of it, else
 * within 1 s. A file that is bad fails here; one that becomes bad, or goes, leaves the keys before in force, and is told
 * once. `check` sees each set of keys before it is used.
 */
export const watch = Effect.fn("KeyFile.watch")(function* (
  path: string,
  check: (keys: ReadonlyArray<TokenKey>) => Effect.Effect<unknown>,
) {
  const stamp = FileChanges.stampOf([path])
  const read = Setting.readSecret({ origin: "--key-file", texts: [path] }).pipe(
    Effect.flatMap((text) => Keys.parse(Redacted.make(text))),
    Effect.tap(check),
  )
  let keys = yield* read
  const reload = Effect.gen(function* () {
    keys = yield* read
    yield* Effect.logInfo(
      `${path} has changed: tokens signed by ${keys.length === 1 ? "one key" : `one of ${keys.length} keys`} are good now`,
    )
  }).pipe(
    Effect.catchAll((error) => Effect.logError(`${path} has changed: ${error.message}; the keys before stay in force`)),
  )
  yield* Effect.forkScoped(Stream.runForEach(FileChanges.changes([path], stamp, LOOK_EVERY), () => reload))
  return (): ReadonlyArray<TokenKey> => keys
})

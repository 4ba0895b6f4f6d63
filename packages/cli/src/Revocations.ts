/** The tokens that were taken back: a file with a token's id (`jti`) on each line. */
import { Clock, Effect, Either } from "effect"
import { appendFileSync, readFileSync, statSync } from "node:fs"
import { reasonOf } from "./ConfigFile.ts"
import { CommandFailed } from "./Failure.ts"

/** A larger file is not read. In bytes; room for a million ids. */
export const MAX_BYTES = 64 * 1024 * 1024
/** How often the file is looked at, at most: so late is a change noticed. In milliseconds. */
export const LOOK_EVERY = 1_000

export interface Revocations {
  readonly isRevoked: (jti: string) => Effect.Effect<boolean>
  /** Why what was revoked last may not be known; undefined while it is. For everybody to read: it does not say where the file is. */
  readonly problem: Effect.Effect<string | undefined>
}

/**
 * Says whether an id is in the file, and reads it again when it has changed. A file that is not there yet is empty;
 * one that cannot be read fails here, and later leaves what was known in force and says so once a change.
 */
export const watch = Effect.fn("Revocations.watch")(function* (path: string) {
  let stamp = yield* stampOf(path)
  let revoked = yield* read(path, stamp)
  // A misspelt path would else look as if nothing had ever been revoked.
  if (stamp === ABSENT) yield* Effect.logInfo(`there is no ${path} yet: no token is revoked`)
  let looked = yield* Clock.currentTimeMillis
  let isReadable = true

  const refresh = Effect.gen(function* () {
    const now = yield* Clock.currentTimeMillis
    if (now - looked < LOOK_EVERY) return
    looked = now
    const found = yield* Effect.either(stampOf(path))
    const current = Either.getOrElse(found, () => UNSEEN)
    if (current === stamp) return
    stamp = current
    isReadable = false
    yield* found
    revoked = yield* read(path, current)
    isReadable = true
    yield* Effect.logInfo(`${path} has changed: ${revoked.size} tokens are revoked`)
  }).pipe(Effect.catchAll((error) => Effect.logError(`${error.message}; what was revoked before stays so`)))

  return {
    isRevoked: (jti) => Effect.map(refresh, () => revoked.has(jti)),
    problem: Effect.map(refresh, () => (isReadable ? undefined : UNREADABLE)),
  } satisfies Revocations
})

const UNREADABLE = "the file of revoked tokens cannot be read; this proxy's log says why"

/** Adds an id; creates the file, for its owner alone. Each line is written whole, so several may add at once. */
export const add = (path: string, jti: string): Effect.Effect<void, CommandFailed> =>
  attempt(`cannot write ${path}`, () => appendFileSync(path, `${jti}\n`, { mode: 0o600 }))

const read = (path: string, stamp: string): Effect.Effect<ReadonlySet<string>, CommandFailed> =>
  stamp === ABSENT
    ? Effect.succeed(new Set())
    : attempt(`cannot read the revoked tokens of ${path}`, () => {
        if (statSync(path).size > MAX_BYTES) throw new Error("it is larger than 64 MiB")
        const lines = readFileSync(path, "utf8").split("\n")
        return new Set(lines.map((line) => line.trim()).filter((line) => line !== "" && !line.startsWith("#")))
      })

const ABSENT = "absent"
/** That of a file which could not even be looked at. */
const UNSEEN = "unseen"

/** Changes whenever the file may have: by writing, or by another one in its place. */
const stampOf = (path: string): Effect.Effect<string, CommandFailed> =>
  attempt(`cannot look at ${path}`, () => {
    const stat = statSync(path, { bigint: true, throwIfNoEntry: false })
    return stat === undefined ? ABSENT : `${stat.ino} ${stat.size} ${stat.mtimeNs} ${stat.ctimeNs}`
  })

const attempt = <A>(what: string, run: () => A): Effect.Effect<A, CommandFailed> =>
  Effect.try({ try: run, catch: (cause) => new CommandFailed({ detail: `${what}: ${reasonOf(cause)}` }) })

/** How a source tells `rdl health source` that it is well: nothing of it listens, so it keeps a file. */
import type { LinkState } from "@rdl/core/link/LinkKeeper"
import { Effect, Schedule, type Scope } from "effect"
import { readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs"
import { reasonOf } from "./ConfigFile.ts"
import { CommandFailed } from "./Failure.ts"

/** How often the file is touched. In milliseconds. */
const TOUCH_EVERY = 10_000
/** A file older than this is of a source that hangs or was killed. In milliseconds. */
export const STALE_AFTER = 35_000

/**
 * Keeps the file while the scope lives, and removes it then. To be told how the link stands. A file that cannot be
 * written is logged once and changes nothing else: a source that reads logs is worth more than its own examination.
 */
export const keep = Effect.fn("HealthFile.keep")(function* (path: string) {
  let warned = false
  const attempt = (run: () => void) =>
    Effect.suspend(() => {
      try {
        run()
        return Effect.void
      } catch (cause) {
        if (warned) return Effect.void
        warned = true
        return Effect.logWarning(`cannot write the health file ${path}: ${reasonOf(cause)}; rdl health will say so`)
      }
    })
  const tell = (state: LinkState) => attempt(() => replace(path, `${sentenceOf(state)}\n`))
  yield* Effect.acquireRelease(tell({ _tag: "connecting" }), () => Effect.sync(() => rmSync(path, { force: true })))
  const touch = attempt(() => utimesSync(path, new Date(), new Date()))
  yield* Effect.forkScoped(Effect.schedule(touch, Schedule.spaced(TOUCH_EVERY)))
  return tell
}) satisfies (path: string) => Effect.Effect<(state: LinkState) => Effect.Effect<void>, never, Scope.Scope>

/** What the source last said, where it is linked to its proxy and alive; else why it is not. */
export const check = (path: string): Effect.Effect<string, CommandFailed> =>
  Effect.try({
    try: () => ({ age: Date.now() - statSync(path).mtimeMs, said: readFileSync(path, "utf8").trim().slice(0, 1_000) }),
    catch: (cause) => new CommandFailed({ detail: `no source is running that keeps ${path}: ${reasonOf(cause)}` }),
  }).pipe(
    Effect.flatMap(({ age, said }) => {
      if (age > STALE_AFTER)
        return new CommandFailed({ detail: `the source has not been heard of for ${Math.round(age / 1_000)} s` })
      return said.startsWith(LINKED) ? Effect.succeed(said) : new CommandFailed({ detail: `the source is ${said}` })
    }),
  )

const LINKED = "linked"

const sentenceOf = (state: LinkState): string => {
  if (state._tag === "connected") return `${LINKED} to its proxy over ${state.transport}`
  return state._tag === "connecting" ? "dialling its proxy" : `waiting to dial its proxy again: ${state.why}`
}

/** As a whole, so that nobody reads half of it. */
const replace = (path: string, text: string): void => {
  const fresh = `${path}.new`
  writeFileSync(fresh, text, { mode: 0o644 })
  renameSync(fresh, path)
}

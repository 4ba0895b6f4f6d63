/** Where rdl keeps what outlives a run: keys and tokens of `rdl up`, and the saved login. For its owner alone. */
import { Effect, Either, Redacted } from "effect"
import { chmodSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs"
import { homedir } from "node:os"
import { join } from "node:path"
import { reasonOf } from "./ConfigFile.ts"
import { CommandFailed } from "./Failure.ts"
import * as Setting from "./Setting.ts"

/** `--state-dir`, RDL_STATE_DIR, `$XDG_STATE_HOME/rdl`, or `~/.local/state/rdl`. */
export const setting = Setting.withDefault(
  "state-dir",
  {
    value: "DIR",
    description: "Where keys, tokens and the login are kept; default ~/.local/state/rdl",
    parse: (text) => (text === "" ? Either.left("is empty") : Either.right(text)),
  },
  () => {
    const home = process.env["XDG_STATE_HOME"] ?? ""
    return join(home.startsWith("/") ? home : join(homedir(), ".local", "state"), "rdl")
  },
)

/** The content of a file, trimmed; undefined where there is none. Refuses a secret that others may read. */
export const read = (directory: string, name: string): Effect.Effect<Redacted.Redacted | undefined, CommandFailed> =>
  attempt(`cannot read ${join(directory, name)}`, () => {
    const path = join(directory, name)
    const stat = statSync(path, { throwIfNoEntry: false })
    if (stat === undefined) return undefined
    if ((stat.mode & 0o077) !== 0) throw new Error(`others may read it; look what they saw, then chmod 600 it`)
    if (stat.size > 65_536) throw new Error("it is larger than 64 KiB")
    return Redacted.make(readFileSync(path, "utf8").trim())
  })

/** Replaces the file as a whole (mode 0600), in a directory of mode 0700. */
export const write = (directory: string, name: string, content: string): Effect.Effect<void, CommandFailed> =>
  attempt(`cannot write ${join(directory, name)}`, () => {
    mkdirSync(directory, { recursive: true, mode: 0o700 })
    chmodSync(directory, 0o700)
    const fresh = join(directory, `.${name}.${process.pid}`)
    writeFileSync(fresh, `${content}\n`, { mode: 0o600, flag: "w" })
    renameSync(fresh, join(directory, name))
  })

/** Removes the file, if it is there. */
export const remove = (directory: string, name: string): Effect.Effect<void, CommandFailed> =>
  attempt(`cannot remove ${join(directory, name)}`, () => rmSync(join(directory, name), { force: true }))

const attempt = <A>(what: string, run: () => A): Effect.Effect<A, CommandFailed> =>
  Effect.try({
    try: run,
    catch: (cause) =>
      new CommandFailed({ detail: `${what}: ${reasonOf(cause)}; --state-dir or RDL_STATE_DIR names another place` }),
  })

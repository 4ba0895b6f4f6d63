/** The config file: the settings of the commands by the names of their flags, in YAML. */
import { Effect } from "effect"
import { readFileSync } from "node:fs"
import { UsageError } from "./Failure.ts"

/** Every setting there is. One file may serve several commands: each takes what it knows. */
export type SettingName = (typeof NAMES)[number]

const NAMES = [
  "engine",
  "host",
  "key",
  "key-file",
  "link",
  "listen",
  "output",
  "proxy",
  "revoked-file",
  "state-dir",
  "tls-cert",
  "tls-key",
  "token",
  "token-file",
] as const

/** What a config file says, and where it stands, for messages. */
export interface ConfigFile {
  readonly path: string
  readonly values: Readonly<Record<string, unknown>>
}

/** Reads the file, at most 1 MiB; an unknown name is refused, as it would be a setting that silently does nothing. */
export const load = Effect.fn("ConfigFile.load")(function* (path: string) {
  const text = yield* Effect.try({
    try: () => readFileSync(path, "utf8"),
    catch: (cause) => new UsageError({ detail: `cannot read the config file ${path}: ${reasonOf(cause)}` }),
  })
  if (text.length > 1_048_576) return yield* new UsageError({ detail: `the config file ${path} is larger than 1 MiB` })
  // Loaded here, since most commands are run without a config file and every millisecond of start-up is felt.
  const yaml = yield* Effect.promise(() => import("yaml"))
  const values: unknown = yield* Effect.try({
    try: () => yaml.parse(text, { maxAliasCount: 0 }) ?? {},
    catch: (cause) => new UsageError({ detail: `${path} is not good YAML: ${reasonOf(cause).split("\n")[0]}` }),
  })
  if (typeof values !== "object" || values === null || Array.isArray(values))
    return yield* new UsageError({ detail: `${path} is not a list of settings such as \`listen: 0.0.0.0:7070\`` })
  const unknown = Object.keys(values).find((name) => !NAMES.some((known) => known === name))
  if (unknown !== undefined)
    return yield* new UsageError({
      detail: `${path}: there is no setting ${JSON.stringify(unknown)}; known are ${NAMES.join(", ")}`,
    })
  const file: ConfigFile = { path, values: values as Record<string, unknown> }
  return file
})

/** The words of the operating system without its call and path. */
export const reasonOf = (cause: unknown): string => {
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : ""
  const known: Record<string, string> = {
    ENOENT: "there is no such file",
    EACCES: "permission denied",
    EISDIR: "it is a directory",
    ENOTDIR: "part of its path is not a directory",
    EROFS: "the file system is read-only",
    ENOSPC: "no space is left",
  }
  return known[code] ?? (cause instanceof Error ? cause.message : String(cause))
}

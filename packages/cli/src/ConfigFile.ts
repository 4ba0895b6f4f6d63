/** The config file: the settings of the commands by the names of their flags, in YAML. */
import { Effect } from "effect"
import type * as Yaml from "yaml"
import { closestWord } from "./ClosestWord.ts"
import { UsageError } from "./Failure.ts"
import { readUpTo } from "./ReadUpTo.ts"

/** Every setting there is. One file may serve several commands: each takes what it knows. */
export type SettingName = (typeof NAMES)[number]

export const NAMES = [
  "allow",
  "audit",
  "deny",
  "engine",
  "health-file",
  "host",
  "key",
  "key-file",
  "link",
  "listen",
  "log-dir",
  "log-format",
  "log-level",
  "otlp",
  "output",
  "proxy",
  "redact",
  "restart-window",
  "resume-window",
  "revoked-file",
  "source-bandwidth",
  "state-dir",
  "tls-ca",
  "tls-cert",
  "tls-client-ca",
  "tls-client-cert",
  "tls-client-key",
  "tls-key",
  "token",
  "token-file",
  "trust-proxy",
  "user-bandwidth",
  "user-rate",
] as const

/** A larger file is refused. In bytes. */
export const MAX_BYTES = 1_048_576

/** A setting as the file has it. */
export interface Entry {
  /** Where: `proxy.yaml:3:1: listen`. */
  readonly origin: string
  /** As it is written; a key that is a JWK as JSON. Undefined where it is no text: `shape` says what it is instead. */
  readonly text: string | undefined
  /** The texts of a list of nothing else. */
  readonly texts: ReadonlyArray<string> | undefined
  readonly shape: string
}

/** What a config file says. */
export interface ConfigFile {
  readonly entries: ReadonlyMap<string, Entry>
  /** What is wrong whatever command reads it: sentences, each with its place. */
  readonly problems: ReadonlyArray<string>
}

/** Reads the file. An unknown name is a problem, as it would be a setting that silently does nothing. */
export const load = Effect.fn("ConfigFile.load")(function* (path: string) {
  const bytes = yield* Effect.try({
    try: () => readUpTo(path, MAX_BYTES + 1),
    catch: (cause) => new UsageError({ detail: `cannot read the config file ${path}: ${reasonOf(cause)}` }),
  })
  if (bytes.length > MAX_BYTES) return yield* new UsageError({ detail: `the config file ${path} is larger than 1 MiB` })
  // Loaded here, since most commands are run without a config file and every millisecond of start-up is felt.
  const yaml = yield* Effect.promise(() => import("yaml"))
  const lines = new yaml.LineCounter()
  const document = yaml.parseDocument(bytes.toString(), { lineCounter: lines, prettyErrors: false })
  return read(path, document, lines, yaml)
})

const read = (
  path: string,
  document: Yaml.Document.Parsed<Yaml.ParsedNode, boolean>,
  lines: Yaml.LineCounter,
  yaml: typeof Yaml,
): ConfigFile => {
  const place = (offset: number) => {
    const { col, line } = lines.linePos(offset)
    return `${path}:${line}:${col}`
  }
  const entries = new Map<string, Entry>()
  // By its code, and not in the parser's words, which repeat what stands there: it may be a secret.
  const problems = document.errors.map(
    ({ code, pos }) => `${place(pos[0])}: not good YAML: ${code.toLowerCase().replaceAll("_", " ")}`,
  )
  const { contents } = document
  if (problems.length > 0 || contents === null || (yaml.isScalar(contents) && contents.value === null))
    return { entries, problems }
  if (!yaml.isMap(contents)) {
    problems.push(`${place(contents.range[0])}: not a list of settings such as listen: 0.0.0.0:7070`)
    return { entries, problems }
  }
  for (const { key, value } of contents.items) {
    const name = yaml.isScalar(key) ? String(key.value) : "?"
    const at = place(key.range[0])
    if (NAMES.some((known) => known === name)) entries.set(name, entry(`${at}: ${name}`, name, value, yaml))
    else problems.push(`${at}: ${JSON.stringify(name.slice(0, 64))} is no setting; ${hint(name)}`)
  }
  return { entries, problems }
}

const hint = (name: string): string => {
  const meant = closestWord(name, NAMES)
  return meant === undefined ? `there are ${NAMES.join(", ")}` : `did you mean ${meant}?`
}

const entry = (origin: string, name: string, value: Yaml.Node | null, yaml: typeof Yaml): Entry => {
  // A key may stand in the file as the object that a JWK is.
  const made = (shape: string, text?: string): Entry => ({ origin, text, texts: undefined, shape })
  if (name === "key" && yaml.isMap(value)) return made("a JWK", JSON.stringify(value))
  if (yaml.isMap(value)) return made("a list of settings")
  if (yaml.isSeq(value)) {
    const texts = value.items.map((item) => (yaml.isScalar(item) ? textOf(item) : undefined))
    const isOfTexts = texts.every((text) => text !== undefined)
    return isOfTexts ? { ...made("a list"), texts } : made("a list of other things than texts")
  }
  if (!yaml.isScalar(value)) return made("a reference")
  const text = textOf(value)
  if (text !== undefined) return made(typeof value.value === "string" ? "a text" : "a number", text)
  return made(value.value === null ? "nothing" : JSON.stringify(value.value))
}

/** A number as it is written; undefined where it is neither that nor a text. */
const textOf = ({ source, value }: Yaml.Scalar): string | undefined =>
  typeof value === "number" ? (source ?? String(value)) : typeof value === "string" ? value : undefined

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
    EBADF: "it is not open for that",
  }
  return known[code] ?? (cause instanceof Error ? cause.message : String(cause))
}

/**
 * The commands of a page of documentation. A fence says by its first word, and what stands behind, what becomes of it:
 * `sh` is run; `sh (not run here: why)`, and a transcript as `console`, is not; `yaml NAME` is written to a file of that name. All blocks of a page are
 * one session, in their order: what one starts in the background serves the next.
 */
import { readFileSync } from "node:fs"

export interface Block {
  /** Of its first line. */
  readonly line: number
  readonly text: string
}

export interface Page {
  /** A script of `bash`, with its files. Undefined where nothing is to be run. */
  readonly script: string | undefined
  /** What is wrong with its fences: a sentence each. */
  readonly problems: ReadonlyArray<string>
}

/** What a page says of the world, and what stands for it here. */
export type Replacements = ReadonlyArray<readonly [said: string, here: string]>

export const read = (path: string, name: string, replacements: Replacements): Page => {
  const problems: Array<string> = []
  const parts: Array<string> = []
  let runs = false
  for (const { info, line, text } of fences(readFileSync(path, "utf8"))) {
    const [kind = "", ...rest] = info.split(" ")
    const note = rest.join(" ")
    const at = `${name}:${line}`
    if (/^(bash|shell|shell-session|zsh)$/.test(kind)) problems.push(`${at}: call it sh, so that it is run`)
    if ((kind === "console" || (kind === "sh" && note !== "")) && !SAYS_WHY.test(note))
      problems.push(`${at}: say why, as in ${kind} (not run here: needs a public name)`)
    const body = replacements.reduce((done, [said, here]) => done.replaceAll(said, here), text)
    if (kind === "sh" && note === "") {
      runs = true
      parts.push(`where=${at}`, body)
    }
    if (kind === "yaml" && note !== "") parts.push(`cat > ${note} <<'END_OF_FILE'\n${body}END_OF_FILE`)
  }
  return { script: runs ? [PROLOGUE, ...parts].join("\n") : undefined, problems }
}

const SAYS_WHY = /^\(not run here: .{10,}\)$/

/** Ends at the first command that fails, and says in which block. */
const PROLOGUE = `set -eu -o pipefail\ntrap 'echo "a command of $where failed" >&2' ERR`

const fences = (text: string): ReadonlyArray<Block & { readonly info: string }> => {
  const found: Array<Block & { readonly info: string }> = []
  const lines = text.split("\n")
  for (let at = 0; at < lines.length; at++) {
    if (!lines[at]!.startsWith("```")) continue
    const end = lines.indexOf("```", at + 1)
    const body = lines.slice(at + 1, end < 0 ? undefined : end)
    found.push({ info: lines[at]!.slice(3).trim(), line: at + 1, text: body.map((line) => `${line}\n`).join("") })
    at += body.length + 1
  }
  return found
}

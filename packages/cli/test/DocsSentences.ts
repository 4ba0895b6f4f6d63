/** The sentences of the programs that a page quotes, such as `the source … is offline`; `…` is what differs each time. */
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"

/** Those in backticks in the first column of a page's tables. */
export const quoted = (page: string): ReadonlyArray<string> =>
  page
    .split("\n")
    .filter((line) => line.startsWith("| `"))
    .flatMap((line) => [...line.split(" | ")[0]!.matchAll(/`([^`]+)`/g)].map(([, sentence = ""]) => sentence))

/** Whether one file of the programs has all of its pieces, in this order and close together. */
export const isSaid = (root: string, sentence: string): boolean => {
  const pieces = sentence
    .split("…")
    .map((piece) => piece.trim())
    .filter((piece) => piece !== "")
  return pieces.join("").length >= 10 && sources(root).some((code) => hasPieces(code, pieces))
}

/** What may stand between two pieces: an expression, and the end of one string and the beginning of another. */
const MAX_BETWEEN = 200

const hasPieces = (code: string, [first = "", ...others]: ReadonlyArray<string>): boolean => {
  for (let at = code.indexOf(first); at >= 0; at = code.indexOf(first, at + 1)) {
    let end = at + first.length
    const follow = others.every((piece) => {
      const next = code.indexOf(piece, end)
      const near = next >= 0 && next - end <= MAX_BETWEEN
      end = next + piece.length
      return near
    })
    if (follow) return true
  }
  return false
}

let read: ReadonlyArray<string> | undefined

const sources = (root: string): ReadonlyArray<string> =>
  (read ??= ["cli", "core", "proxy", "source", "transport-http", "transport-ws"].flatMap((name) => {
    const directory = join(root, "packages", name, "src")
    return readdirSync(directory, { recursive: true, encoding: "utf8" })
      .filter((path) => path.endsWith(".ts"))
      .map((path) => readFileSync(join(directory, path), "utf8"))
  }))

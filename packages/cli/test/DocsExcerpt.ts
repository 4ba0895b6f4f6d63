/**
 * Code of the documentation that stands in a file of the repository, where it is type-checked and runs under test. A
 * line `// …` stands for lines that are left out.
 */
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { fences } from "./DocsPage.ts"

/** What is wrong with the excerpts of the page `name`: a sentence each. */
export const problems = (root: string, name: string): ReadonlyArray<string> =>
  fences(readFileSync(join(root, name), "utf8")).flatMap(({ info, line, text }) => {
    const path = /^ts (\S+)$/.exec(info)?.[1]
    if (path === undefined) return []
    const missing = firstMissing(text, readFileSync(join(root, path), "utf8"))
    return missing === undefined
      ? []
      : [`${name}:${line}: ${path} has no such lines, or not in this order:\n${missing}`]
  })

const firstMissing = (excerpt: string, file: string): string | undefined => {
  const lines = levelled(file)
  let from = 0
  for (const piece of excerpt.split(/^ *\/\/ …\n/m)) {
    const wanted = levelled(piece)
    if (wanted.length === 0) continue
    const at = lines.findIndex(
      (_, start) => start >= from && wanted.every((line, index) => lines[start + index] === line),
    )
    if (at < 0) return piece
    from = at + wanted.length
  }
  return undefined
}

/** Lines without what they are indented by, so that an excerpt may begin within a block; empty ones do not count. */
const levelled = (text: string): ReadonlyArray<string> =>
  text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "")

/** The tests that a page names: in the last column of its tables, by file and by the words they begin with. */
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"

const COLUMNS = ["test", "shown by"]

/** What is wrong with the tests that the page `name` names: a sentence each. */
export const problems = (root: string, name: string): ReadonlyArray<string> =>
  cells(readFileSync(join(root, name), "utf8")).flatMap(({ line, text }) =>
    claims(text).flatMap(({ file, words }) => {
      const found = filesOf(root).filter(({ path }) => path.endsWith(`/${file}.test.ts`))
      if (found.length !== 1)
        return [`${name}:${line}: ${found.length === 0 ? "there is no" : "there are several"} ${file}`]
      return words
        .filter((some) => !isTitle(found[0]!.code, some))
        .map((some) => `${name}:${line}: ${file} has no test "${some}"`)
    }),
  )

/** The last cells of the rows of such tables; a row that names none is empty. */
export const cells = (page: string): ReadonlyArray<{ readonly line: number; readonly text: string }> => {
  let isTold = false
  return page.split("\n").flatMap((row, at) => {
    if (!row.startsWith("|")) isTold = false
    const last =
      row
        .split(/(?<!\\)\|/)
        .at(-2)
        ?.trim() ?? ""
    if (COLUMNS.includes(last)) isTold = true
    return isTold && !COLUMNS.includes(last) && !/^-+$/.test(last) ? [{ line: at + 1, text: last }] : []
  })
}

/** As in `MuxCredit` "are at most 64 in wait", "counts tiny writes"; a file whose name others have too is named with its path. */
export const claims = (cell: string): ReadonlyArray<{ readonly file: string; readonly words: ReadonlyArray<string> }> =>
  [...cell.matchAll(/`((?:[\w-]+\/)*[A-Z]\w+)`((?:,? "[^"]+")*)/g)].map(([, file = "", quoted = ""]) => ({
    file,
    words: [...quoted.matchAll(/"([^"]+)"/g)].map(([, words = ""]) => words.replaceAll("…", "").trim()),
  }))

/** Whether a text of the file has these words; a title stands on one line. What differs from case to case may be any. */
const isTitle = (code: string, words: string): boolean =>
  code.split("\n").some((line) => {
    const start = line.search(/["'`]/)
    if (start < 0) return false
    const [first = "", ...cases] = line.slice(start + 1).split(/%\w|\$\{[^}]*\}/)
    return line.indexOf(words) > start || (cases.length > 0 && endsWithBeginOf(first, words))
  })

/** Whether the text goes over into the words, by 8 characters at least. */
const endsWithBeginOf = (text: string, words: string): boolean =>
  Array.from({ length: Math.max(0, Math.min(text.length, words.length) - 7) }, (_, at) => at + 8).some((length) =>
    text.endsWith(words.slice(0, length)),
  )

interface TestFile {
  readonly path: string
  readonly code: string
}

let read: ReadonlyArray<TestFile> | undefined

const filesOf = (root: string): ReadonlyArray<TestFile> =>
  (read ??= ["packages", "examples", "soak", "test-kit"].flatMap((directory) => testsBelow(join(root, directory))))

const testsBelow = (directory: string): ReadonlyArray<TestFile> =>
  readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
    const path = join(directory, entry.name)
    if (entry.isDirectory()) return /^(node_modules|dist|src)$/.test(entry.name) ? [] : testsBelow(path)
    return entry.name.endsWith(".test.ts") ? [{ path, code: readFileSync(path, "utf8") }] : []
  })

/**
 * The commands of a page of documentation. A fence says by its first word, and what stands behind, what becomes of it.
 * All blocks of a page are one session, in their order: what one starts in the background serves the next.
 *
 *     sh                        is run, and has to succeed
 *     sh (shows: WORDS)         is run, and has to show the words as well
 *     sh (goes on; shows: …)    is started; the session goes on as soon as it has shown the words
 *     sh (needs: PROGRAM; …)    is left out where there is no such program
 *     sh (not run here: WHY)    is not run; neither is a transcript, `console (not run here: WHY)`
 *     yaml NAME, js NAME        is written to a file of that name
 *     ts PATH                   is an excerpt of that file of the repository (DocsExcerpt)
 *
 * A page that says `<!-- follows PAGE -->` has the session of that page before its own.
 */
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"

export interface Block {
  /** Of its first line. */
  readonly line: number
  /** What stands behind the backticks. */
  readonly info: string
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

/** Every page there is: a new one is looked at by itself. */
export const names = (root: string): ReadonlyArray<string> => [
  "README.md",
  ...readdirSync(join(root, "docs"))
    .filter((name) => name.endsWith(".md"))
    .map((name) => `docs/${name}`),
]

/** Pages that stand beside what they tell of. Their commands install, or take long, and are not run. */
export const others = (root: string): ReadonlyArray<string> => [
  "CONTRIBUTING.md",
  ...["bench", "soak", "examples", "examples/custom-transport", ...packages(root)].map((name) => `${name}/README.md`),
]

const packages = (root: string): ReadonlyArray<string> =>
  readdirSync(join(root, "packages")).map((name) => `packages/${name}`)

/** Reads the page `name` of the directory `root`. */
export const read = (root: string, name: string, replacements: Replacements = []): Page => {
  const text = readFileSync(join(root, name), "utf8")
  const blocks = fences(text).map((block) => ({
    ...block,
    text: replacements.reduce((done, [said, here]) => done.replaceAll(said, here), block.text),
  }))
  const problems = blocks.flatMap((block) => {
    const problem = problemOf(block)
    return problem === undefined ? [] : [`${name}:${block.line}: ${problem}`]
  })
  if (!blocks.some(isRun)) return { script: undefined, problems }
  const own = blocks.map((block) => step(block, `${name}:${block.line}`)).join("")
  const first = FOLLOWS.exec(text)?.[1]
  const before = first === undefined ? undefined : read(root, first, replacements).script
  return { script: `${before ?? PROLOGUE}${own}`, problems }
}

/** The blocks of a page. */
export const fences = (text: string): ReadonlyArray<Block> => {
  const found: Array<Block> = []
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

const FOLLOWS = /^<!-- follows (\S+) -->$/m

const kindOf = ({ info }: Block): string => info.split(" ")[0]!

const behind = (block: Block): string => block.info.slice(kindOf(block).length + 1)

interface Terms {
  readonly goesOn: boolean
  readonly needs: string | undefined
  readonly shows: string | undefined
}

/** Undefined where it is not to be run. */
const termsOf = (block: Block): Terms | undefined => {
  const note = behind(block)
  if (kindOf(block) !== "sh" || (note !== "" && !/^\(.+\)$/.test(note))) return undefined
  const terms = note === "" ? [] : note.slice(1, -1).split("; ")
  const after = (word: string) => terms.find((term) => term.startsWith(word))?.slice(word.length)
  const goesOn = terms.includes("goes on")
  const [needs, shows] = [after("needs: "), after("shows: ")]
  const known = [goesOn ? "" : undefined, needs, shows].filter((term) => term !== undefined)
  return terms.length === known.length && (!goesOn || shows !== undefined) ? { goesOn, needs, shows } : undefined
}

const isRun = (block: Block): boolean => termsOf(block) !== undefined

const SAYS_WHY = /^\(not run here: .{10,}\)$/

/** Pages call a command by a word that only a shell understands, or behind a prompt. */
const COMMAND = /^(\$ |(rdl|npm|npx|node|curl|docker|git) )/m

const problemOf = (block: Block): string | undefined => {
  const kind = kindOf(block)
  const note = behind(block)
  if (/^(bash|shell|shell-session|zsh)$/.test(kind)) return "call it sh, so that it is run"
  if (kind === "console" && !SAYS_WHY.test(note)) return "say why, as in console (not run here: needs a public name)"
  if (kind === "sh" && !isRun(block) && !SAYS_WHY.test(note))
    return "say why, as in sh (not run here: needs a public name), or what it shows, as in sh (shows: edge-1/web)"
  if (/^(js|ts|yaml)$/.test(kind) && note === "") return `name its file, as in ${kind} name.${kind}`
  if (kind === "" && COMMAND.test(block.text)) return "it holds a command: call it sh, so that it is run"
  return undefined
}

/** What a block is in the script of its page. */
const step = (block: Block, at: string): string => {
  if (/^(js|yaml)$/.test(kindOf(block))) return `cat > ${behind(block)} <<'END_OF_FILE'\n${block.text}END_OF_FILE\n`
  const terms = termsOf(block)
  if (terms === undefined) return ""
  const { goesOn, needs, shows } = terms
  const said = `.said-${block.line}`
  const run =
    shows === undefined
      ? block.text
      : goesOn
        ? `{ ${block.text}} > ${said} 2>&1 &\nshows ${said} $! ${quoted(shows)}\n`
        : `{ ${block.text}} > ${said} 2>&1\nshows ${said} 0 ${quoted(shows)}\n`
  if (needs === undefined) return `where=${at}\n${run}`
  return `where=${at}\nif command -v ${needs} > .said-needs; then\n${run}else echo "not run, for want of ${needs}: $where"; fi\n`
}

const quoted = (words: string): string => `'${words.replaceAll("'", `'\\''`)}'`

/** Ends at the first command that fails, and says in which block. */
const PROLOGUE = `set -eu -o pipefail
trap 'echo "a command of $where failed" >&2; cat .said-* >&2 2> /dev/null || true' ERR
shows() {
  until grep -qsF -- "$3" "$1"; do
    if [ "$2" = 0 ] || ! kill -0 "$2" 2> /dev/null; then echo "it did not show: $3" >&2; return 1; fi
    sleep 0.1
  done
}
`

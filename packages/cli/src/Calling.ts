/** Which command was called, whether its help is wanted, and what was wrong with the call. */
import { Effect } from "effect"
import * as Argv from "./Argv.ts"
import { UsageError } from "./Failure.ts"
import * as Help from "./Help.ts"

/** The entry that the words call, as far as they are known. The first entry is the program itself. */
export const find = (all: ReadonlyArray<Help.Entry>, words: ReadonlyArray<string>): Help.Entry =>
  [2, 1].flatMap((length) => all.filter((entry) => entry.words === commandWords(words, length)))[0] ?? all[0]!

/** Whether `--help` stands anywhere, or a group was called without its command. */
export const asksForHelp = (entry: Help.Entry, words: ReadonlyArray<string>): boolean => {
  const end = words.indexOf("--")
  const asked = words.slice(0, end < 0 ? undefined : end).some((word) => word === "--help" || word === "-h")
  return asked || (entry.flags === undefined && words.join(" ") === entry.words)
}

/** Refuses a command that does not exist, and says which do; and a flag that lacks its value. */
export const check = (
  program: string,
  entry: Help.Entry,
  all: ReadonlyArray<Help.Entry>,
  words: ReadonlyArray<string>,
): Effect.Effect<void, UsageError> => {
  const called = `${program} ${entry.words}`.trim()
  if (entry.flags !== undefined) {
    const lacking = Argv.lackingValue(words)
    return lacking !== undefined && hasFlag(entry, lacking)
      ? new UsageError({ detail: `${lacking} needs a value; see ${called} --help` })
      : Effect.void
  }
  const wrong = words[entry.words === "" ? 0 : 1] ?? ""
  if (BUILT_IN.includes(wrong)) return Effect.void
  if (wrong.startsWith("-")) return new UsageError({ detail: `${called} has no flag ${wrong}; see ${called} --help` })
  const names = Help.below(entry, all).map(({ words: name }) => name.split(" ").at(-1))
  return new UsageError({ detail: `${called} has no command ${JSON.stringify(wrong)}, only ${names.join(", ")}` })
}

/** What the parser itself offers to every program. */
const BUILT_IN = ["--completions", "--log-level", "--wizard"]

/** What was wrong, in the words of the command that was called. */
export const explain = (program: string, entry: Help.Entry, parserSays: string): UsageError => {
  const called = `${program} ${entry.words}`.trim()
  const unknown = /^Received unknown argument: '(.*)'$/.exec(parserSays)?.[1]
  const flag = unknown?.split("=")[0]
  const sentence =
    flag === undefined
      ? parserSays
      : flag.startsWith("-")
        ? `${called} has no flag ${flag}`
        : `${called} takes no argument ${JSON.stringify(unknown)}`
  return new UsageError({ detail: `${sentence}; see ${called} --help` })
}

/** The rows of a page read `-f, --follow` or `--tail N`. */
const hasFlag = (entry: Help.Entry, flag: string): boolean =>
  entry.flags !== undefined && Help.rowsOf(entry.flags).some(([row]) => row.split(/[(), ]+/).includes(flag))

const commandWords = (words: ReadonlyArray<string>, length: number): string => words.slice(0, length).join(" ")

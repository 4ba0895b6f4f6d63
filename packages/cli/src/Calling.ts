/** Which command was called, whether its help is wanted, and what was wrong with the call. */
import { Effect } from "effect"
import * as Argv from "./Argv.ts"
import { closestWord } from "./ClosestWord.ts"
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

/** Refuses a command that does not exist, and says which do; and a flag that does not, or is given in a way it cannot be. */
export const check = (
  program: string,
  entry: Help.Entry,
  all: ReadonlyArray<Help.Entry>,
  words: ReadonlyArray<string>,
): Effect.Effect<void, UsageError> => {
  const called = `${program} ${entry.words}`.trim()
  if (entry.flags !== undefined) {
    const fault = flagFault(called, entry, words)
    return fault === undefined ? Effect.void : new UsageError({ detail: `${fault}; see ${called} --help` })
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

/** What is wrong with the flags, found here since the parser would blame the words behind them. */
const flagFault = (called: string, entry: Help.Entry, words: ReadonlyArray<string>): string | undefined => {
  const flags = Argv.flagsIn(words)
  const given = flags.map(({ name }) => name)
  const unknown = given.find((flag) => rowOf(entry, flag) === undefined && !BUILT_IN.includes(flag))
  if (unknown !== undefined) {
    const meant = closestWord(unknown.slice(2), longNames(entry))
    const advice = unknown.startsWith("--") && meant !== undefined ? `; did you mean --${meant}?` : ""
    return `${called} has no flag ${unknown}${advice}`
  }
  const needless = Argv.needlessValue(words)
  if (needless !== undefined) return `${needless.split("=")[0]} takes no value: it is given, or left out`
  const lacking = flags.find(({ lacksValue }) => lacksValue)
  if (lacking !== undefined) return `${lacking.name} needs a value`
  // Others that are given twice are told with their values' faults.
  const once = given.filter((flag) => flag === "--config" || !/ [A-Z]/.test(rowOf(entry, flag) ?? " X"))
  const twice = once.find((flag, at) => once.findIndex((other) => rowOf(entry, other) === rowOf(entry, flag)) < at)
  return twice === undefined ? undefined : `${twice} is given twice`
}

/** The row that a page has of a flag: `-f, --follow` or `--tail N`. */
const rowOf = (entry: Help.Entry, flag: string): string | undefined =>
  rows(entry).find((row) => row.split(/[(), ]+/).includes(flag))

const rows = (entry: Help.Entry): ReadonlyArray<string> =>
  entry.flags === undefined ? [] : Help.rowsOf(entry.flags).map(([row]) => row)

const longNames = (entry: Help.Entry): ReadonlyArray<string> =>
  rows(entry).flatMap((row) => [...row.matchAll(/--([\w-]+)/g)].map(([, name]) => name!))

const commandWords = (words: ReadonlyArray<string>, length: number): string => words.slice(0, length).join(" ")

/** Lets flags stand after arguments, as everybody types them: `rdl logs edge-1/web -f`. The parser wants them before. */

/** The flags that take no value; all others do. */
const SWITCHES = [
  "all",
  "cursors",
  "details",
  "follow",
  "help",
  "no-trunc",
  "quiet",
  "samples",
  "timestamps",
  "version",
  "wizard",
] as const

/** The name of a flag that takes no value. */
export type Switch = (typeof SWITCHES)[number] | "proxy" | "source"

/** Their single letters. */
const LETTERS = ["a", "d", "f", "h", "q", "t"]

/** Where whom to dial is no question, and these say what a file is for. */
const SWITCHES_OF_CONFIG: ReadonlyArray<string> = ["proxy", "source"]

/**
 * The words after the program's name, flags first, each value a word of its own; what follows `--` stays as it is.
 * The first `depth` words are the command itself, such as `token issue`.
 */
export const flagsFirst = (words: ReadonlyArray<string>, depth: number): ReadonlyArray<string> => {
  const flags: Array<string> = []
  const rest: Array<string> = []
  const end = words.indexOf("--")
  const before = words.slice(depth, end < 0 ? undefined : Math.max(end, depth)).flatMap(apart)
  for (let at = 0; at < before.length; at++) {
    const word = before[at]!
    if (!isFlag(word)) rest.push(word)
    else flags.push(...before.slice(at, takesValue(word, words[0]) ? ++at + 1 : at + 1))
  }
  return [...words.slice(0, depth), ...flags, ...rest, ...(end < 0 ? [] : words.slice(Math.max(end, depth)))]
}

/** The flag that stands last and lacks its value, if any. */
export const lackingValue = (words: ReadonlyArray<string>): string | undefined => {
  const end = words.indexOf("--")
  const last = words.slice(0, end < 0 ? undefined : end).at(-1) ?? ""
  return isFlag(last) && !last.includes("=") && takesValue(last, words[0]) ? last : undefined
}

/** A lone `-` is an argument. */
const isFlag = (word: string): boolean => word.length > 1 && word.startsWith("-")

const takesValue = (word: string, command: string | undefined): boolean =>
  word.startsWith("--")
    ? ![...SWITCHES, ...(command === "config" ? SWITCHES_OF_CONFIG : [])].includes(word.slice(2))
    : !LETTERS.includes(word.slice(1))

/** A value after `=` as a word of its own, and short flags written together one by one: `-ftn20` is `-f -t -n 20`. */
const apart = (word: string): ReadonlyArray<string> => {
  const [, flag, value] = /^(--[^=]+)=(.*)$/s.exec(word) ?? []
  if (flag !== undefined && value !== undefined) return [flag, value]
  if (!/^-[a-z]./s.test(word)) return [word]
  const letters = /^-([adfhqt]*)(.?)(.*)$/s.exec(word)
  const [, switches = "", last = "", rest = ""] = letters ?? []
  const words = `${switches}${last}`.split("").map((letter) => `-${letter}`)
  return rest === "" ? words : [...words, rest]
}

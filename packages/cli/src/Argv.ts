/** Lets flags stand after arguments, as everybody types them: `rdl logs edge-1/web -f`. The parser wants them before. */

/** The flags that take no value; all others do. */
const SWITCHES = [
  "all",
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
export type Switch = (typeof SWITCHES)[number]

/** Their single letters. */
const LETTERS = ["a", "d", "f", "h", "q", "t"]

/** Words of the command itself come first, such as `token issue`. */
const GROUPS = ["key", "token"]

/** The words after the program's name, flags first, each value a word of its own; what follows `--` stays as it is. */
export const flagsFirst = (words: ReadonlyArray<string>): ReadonlyArray<string> => {
  const depth = GROUPS.includes(words[0] ?? "") ? 2 : 1
  const flags: Array<string> = []
  const rest: Array<string> = []
  const end = words.indexOf("--")
  const before = words.slice(depth, end < 0 ? undefined : Math.max(end, depth)).flatMap(apart)
  for (let at = 0; at < before.length; at++) {
    const word = before[at]!
    if (!isFlag(word)) rest.push(word)
    else flags.push(...before.slice(at, takesValue(word) ? ++at + 1 : at + 1))
  }
  return [...words.slice(0, depth), ...flags, ...rest, ...(end < 0 ? [] : words.slice(Math.max(end, depth)))]
}

/** The flag that stands last and lacks its value, if any. */
export const lackingValue = (words: ReadonlyArray<string>): string | undefined => {
  const end = words.indexOf("--")
  const last = words.slice(0, end < 0 ? undefined : end).at(-1) ?? ""
  return isFlag(last) && !last.includes("=") && takesValue(last) ? last : undefined
}

/** A lone `-` is an argument. */
const isFlag = (word: string): boolean => word.length > 1 && word.startsWith("-")

const takesValue = (word: string): boolean =>
  word.startsWith("--") ? !SWITCHES.some((name) => word === `--${name}`) : !LETTERS.includes(word.slice(1))

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

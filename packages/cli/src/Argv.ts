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
 * The words after the program's name, flags first, each value a word of its own and kept from the parser's hands, to be
 * read with `asWritten`; what follows `--` stays as it is. The first `depth` words are the command itself, such as
 * `token issue`.
 */
export const flagsFirst = (words: ReadonlyArray<string>, depth: number): ReadonlyArray<string> => {
  const end = words.indexOf("--")
  const parts = partsOf(words.slice(depth, end < 0 ? undefined : Math.max(end, depth)), words[0])
  const flags = parts.flatMap(({ flag, value }) =>
    flag === undefined ? [] : value === undefined ? [flag] : [flag, kept(value)],
  )
  const rest = parts.flatMap(({ flag, value }) => (flag === undefined && value !== undefined ? [value] : []))
  // Else the parser takes a container called `on` for the value of the flag without one before it.
  const divider = end < 0 && flags.length > 0 && rest.length > 0 ? ["--"] : []
  return [
    ...words.slice(0, depth),
    ...flags,
    ...divider,
    ...rest,
    ...(end < 0 ? [] : words.slice(Math.max(end, depth))),
  ]
}

/** No word of a command line has this in it. */
const GUARD = "\0"

/** The parser drops an empty value as if its flag were not there, and the spaces around others, which may be a pattern's. */
const kept = (value: string): string => (value === "" || value !== value.trim() ? `${GUARD}${value}${GUARD}` : value)

/** A flag's value as it was typed. */
export const asWritten = (value: string): string => value.replaceAll(GUARD, "")

/** A flag as `-f` or `--follow` with the value that belongs to it; an argument has a value alone. */
interface Part {
  readonly flag: string | undefined
  readonly value: string | undefined
}

/** A word behind a flag that takes a value is that value, whatever it looks like: it is not taken apart. */
const partsOf = (words: ReadonlyArray<string>, command: string | undefined): ReadonlyArray<Part> => {
  const parts: Array<Part> = []
  for (let at = 0; at < words.length; at++) {
    const word = words[at]!
    const pieces = isFlag(word) ? apart(word) : [word]
    for (let i = 0; i < pieces.length; i++) {
      const piece = pieces[i]!
      if (!isFlag(piece)) parts.push({ flag: undefined, value: piece })
      else if (!takesValue(piece, command)) parts.push({ flag: piece, value: undefined })
      else parts.push({ flag: piece, value: i + 1 < pieces.length ? pieces[++i] : words[++at] })
    }
  }
  return parts
}

/** The flags among the words, and whether one lacks the value that it takes. */
export const flagsIn = (
  words: ReadonlyArray<string>,
): ReadonlyArray<{ readonly name: string; readonly lacksValue: boolean }> => {
  const end = words.indexOf("--")
  return partsOf(words.slice(0, end < 0 ? undefined : end), words[0]).flatMap(({ flag, value }) =>
    flag === undefined ? [] : [{ name: flag, lacksValue: value === undefined && takesValue(flag, words[0]) }],
  )
}

/** A flag that takes no value and was given one, such as `--follow=true`. */
export const needlessValue = (words: ReadonlyArray<string>): string | undefined => {
  const end = words.indexOf("--")
  return words
    .slice(0, end < 0 ? undefined : end)
    .find((word) => /^--[^=]+=/.test(word) && !takesValue(word.split("=")[0]!, words[0]))
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

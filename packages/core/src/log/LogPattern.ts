/** A regular expression that a user filters lines by: in RE2's syntax, so that every line is searched in linear time. */
import { Either, Schema } from "effect"
import { RE2JS, RE2JSException } from "re2js"
import { requiredLiteral } from "./LogPatternLiteral.ts"

/** The longest pattern, in UTF-16 units. */
export const MAX_PATTERN_LENGTH = 1024

/** Steps a pattern's program has at most, and all patterns of a request together: each costs every byte at worst some 25 ns. */
export const MAX_PROGRAM_SIZE = 512

/** A pattern as requests carry it; whether it is one, `compile` says. */
export const PatternText = Schema.String.pipe(Schema.minLength(1), Schema.maxLength(MAX_PATTERN_LENGTH))

/** A pattern that can be searched for. It holds no state that a search leaves behind. */
export interface LogPattern {
  /** Steps of its program. */
  readonly size: number
  /** Whether it occurs in the text. */
  readonly test: (text: string) => boolean
  /** The text with all it matches replaced; undefined where that may be more work than `budget` has left, which it takes from. */
  readonly replace: (text: string, by: string, budget: WorkBudget) => string | undefined
  /** Text that occurs in whatever it matches, the longest known; absent where none is. */
  readonly literal: string | undefined
}

/** Work that may still be done: steps of programs times characters, each at worst some 25 ns. */
export interface WorkBudget {
  left: number
}

/** Compiles within some 20 ms, whatever the text; left = why it is none, as part of a sentence: what, and where. */
export const compile = (text: string): Either.Either<LogPattern, string> => {
  if (text.length > MAX_PATTERN_LENGTH) return Either.left(`it has over ${MAX_PATTERN_LENGTH} characters`)
  if (repetitions(text) > MAX_PROGRAM_SIZE) return Either.left(TOO_LARGE)
  try {
    const program = RE2JS.compile(text)
    const size = program.programSize()
    if (size > MAX_PROGRAM_SIZE) return Either.left(TOO_LARGE)
    return Either.right({
      size,
      test: (line) => program.test(line),
      replace: replacer(program, LOOP.test(text)),
      literal: requiredLiteral(text),
    })
  } catch (cause) {
    if (cause instanceof RE2JSException) return Either.left(faultOf(text, cause.message))
    throw cause
  }
}

/** What is said of patterns whose programs are larger than they may be. */
export const TOO_LARGE = `its repetitions and alternatives make it longer than ${MAX_PROGRAM_SIZE} steps`

/** What one match costs besides the search. */
const FIND_COST = 64

/** What may repeat without end; it may as well be quoted or escaped. */
const LOOP = /[*+]|\{\d+,\}/

/**
 * Each search is linear in what is left of the text, so many matches may be quadratic: one is not begun that the budget
 * could not pay to the end. A program without a loop never looks further than its own size beyond where a match begins.
 */
const replacer =
  (program: RE2JS, loops: boolean): LogPattern["replace"] =>
  (text, by, budget) => {
    const size = program.programSize()
    const matcher = program.matcher(text)
    let replaced = ""
    let at = 0
    for (;;) {
      const ahead = text.length - at
      if (size * ahead > budget.left) return undefined
      if (!matcher.find()) return replaced + text.slice(at)
      budget.left -= FIND_COST + size * (loops ? ahead : Math.min(ahead, matcher.start() - at + size))
      replaced += text.slice(at, matcher.start()) + by
      at = matcher.end()
    }
  }

/** The sum of all counts: each makes at least so many steps, and a program is better not made than thrown away. */
const repetitions = (text: string): number => {
  let sum = 0
  for (const [, least = "0", most = ""] of text.matchAll(/(?<!\\)\{(\d{1,4})(?:,(\d{0,4}))?\}/g))
    sum += Math.max(Number(least), Number(most))
  return sum
}

/** The engine's words end in what they are about, in backquotes. */
const faultOf = (text: string, words: string): string => {
  const [, what = words, about = ""] = /^(?:error parsing regexp: )?(.*?)(?:: `([^]*)`)?$/.exec(words) ?? []
  const at = about === "" ? -1 : text.indexOf(about)
  const place = at < 0 ? "" : ` at character ${at + 1}`
  if (/^\(\?<?[=!]/.test(about)) return `look-around${place}, which cannot be searched for in linear time`
  if (/^\\([1-9]|k)/.test(about)) return `a back-reference${place}, which cannot be searched for in linear time`
  return `${what}${about === "" ? "" : ` ${JSON.stringify(about.slice(0, 40))}`}${place}`
}

/** Which lines of a log a user wants by what is in them: those that all of `grep` match and none of `exclude`. */
import { Either, Schema } from "effect"
import { contentEnd } from "./LogLine.ts"
import { bad, type BadParameter } from "./LogParameter.ts"
import { compile, type LogPattern, MAX_PROGRAM_SIZE, PatternText, TOO_LARGE } from "./LogPattern.ts"
import type { LogRecord } from "./LogRecord.ts"

/** Patterns of a request, at most, of each of the two parameters. */
export const MAX_PATTERNS = 16

/** Patterns as requests carry them. */
export const Patterns = Schema.Array(PatternText).pipe(Schema.maxItems(MAX_PATTERNS))

/** The part of a query that says it; absent = every line. */
export interface FilterQuery {
  readonly grep?: ReadonlyArray<string> | undefined
  readonly exclude?: ReadonlyArray<string> | undefined
}

/** Decides on lines; plain calls that look at no other line. */
export interface LineFilter {
  /**
   * Whether a line, or the first piece of one that is longer than a piece, is wanted. Looked at is what the container wrote
   * without its newline (with a terminal: without CR LF), as text in which U+FFFD stands for what is not UTF-8; of a line
   * for which that would be over `MAX_STEPS`, only its beginning.
   */
  readonly wants: (line: LogRecord) => boolean
  /** Texts that all lines contain that are wanted; may be none. */
  readonly literals: ReadonlyArray<string>
}

/** The work one line may make: program steps times bytes. At worst 25 ns each, so 1.7 s; 1 MiB of line for 64 steps. */
export const MAX_STEPS = 67_108_864

/** The filter of a query; undefined where it wants every line. */
export const make = (
  { grep = [], exclude = [] }: FilterQuery,
  options: { readonly tty: boolean },
): Either.Either<LineFilter | undefined, BadParameter> =>
  Either.gen(function* () {
    const wanted = yield* compileAll("grep", grep, MAX_PROGRAM_SIZE)
    const unwanted = yield* compileAll("exclude", exclude, MAX_PROGRAM_SIZE - sizeOf(wanted))
    if (wanted.length + unwanted.length === 0) return undefined
    const literals = wanted.flatMap(({ literal }) => (literal === undefined ? [] : [literal]))
    return { wants: decision(wanted, unwanted, options.tty), literals }
  })

/** Reads both parameters, each of which may come several times; an empty one is none. */
export const parse = (parameters: {
  readonly getAll: (name: string) => ReadonlyArray<string>
}): Either.Either<FilterQuery, BadParameter> => {
  const grep = parameters.getAll("grep").filter((text) => text !== "")
  const exclude = parameters.getAll("exclude").filter((text) => text !== "")
  const query = { ...(grep.length === 0 ? {} : { grep }), ...(exclude.length === 0 ? {} : { exclude }) }
  return Either.map(make(query, { tty: false }), () => query)
}

const decision = (wanted: ReadonlyArray<LogPattern>, unwanted: ReadonlyArray<LogPattern>, tty: boolean) => {
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true })
  const maxBytes = Math.floor(MAX_STEPS / (sizeOf(wanted) + sizeOf(unwanted)))
  return (line: LogRecord): boolean => {
    const end = Math.min(contentEnd(line, tty), line.payload + maxBytes)
    const text = decoder.decode(line.bytes.subarray(line.payload, end))
    for (const pattern of wanted) if (!pattern.test(text)) return false
    for (const pattern of unwanted) if (pattern.test(text)) return false
    return true
  }
}

const compileAll = (parameter: string, texts: ReadonlyArray<string>, room: number) =>
  Either.gen(function* () {
    if (texts.length > MAX_PATTERNS) return yield* bad(parameter, `${texts.length} times`, `at most ${MAX_PATTERNS}`)
    const patterns: Array<LogPattern> = []
    let left = room
    for (const text of texts) {
      const pattern = yield* Either.mapLeft(compile(text), (fault) => refusal(parameter, text, fault))
      left -= pattern.size
      if (left < 0) return yield* Either.left(refusal(parameter, text, `with those before it, ${TOO_LARGE}`))
      patterns.push(pattern)
    }
    return patterns
  })

const refusal = (parameter: string, text: string, fault: string): BadParameter =>
  Either.merge(bad(parameter, text, `a regular expression in RE2's syntax; in it is a fault: ${fault}`))

const sizeOf = (patterns: ReadonlyArray<LogPattern>): number => patterns.reduce((sum, { size }) => sum + size, 0)

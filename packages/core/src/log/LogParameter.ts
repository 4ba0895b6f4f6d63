/** What is common to the parameters of the user API: how a bad one is told, and how booleans and `tail` are read. */
import { Either, Schema } from "effect"

/** A parameter with a value that means nothing, or one that is not known at all; answered with 400. */
export class BadParameter extends Schema.TaggedError<BadParameter>()("BadParameter", {
  /** The parameter's name, or the header's. */
  parameter: Schema.String,
  /** Cut at 100 characters; absent where the parameter is not known, whatever it was. */
  value: Schema.optional(Schema.String),
  /** What would have been good, as the end of the sentence "expected …". */
  expected: Schema.String,
}) {
  override get message(): string {
    return this.value === undefined
      ? `there is no parameter ${JSON.stringify(this.parameter)} here: expected ${this.expected}`
      : `${this.parameter}=${JSON.stringify(this.value)} means nothing here: expected ${this.expected}`
  }
}

/** Where parameters are looked up; a `URLSearchParams` is one. The first of repeated values counts, as with Docker. */
export interface Parameters {
  readonly get: (name: string) => string | null
}

/** A failed parse. */
export const bad = (parameter: string, value: string, expected: string): Either.Either<never, BadParameter> =>
  Either.left(new BadParameter({ parameter, value: value.slice(0, 100), expected }))

const FALSE = new Set(["", "0", "no", "false", "none"])
const TRUE = new Set(["1", "true", "yes", "on", "t", "y"])

/**
 * Docker's booleans; undefined where the parameter is absent. Docker takes every other word for true, `off` included:
 * here such a word is an error.
 */
export const boolean = (
  parameters: Parameters,
  parameter: string,
): Either.Either<boolean | undefined, BadParameter> => {
  const value = parameters.get(parameter)
  if (value === null) return Either.right(undefined)
  const word = value.trim().toLowerCase()
  if (TRUE.has(word)) return Either.right(true)
  if (FALSE.has(word)) return Either.right(false)
  return bad(parameter, value, "1, true, yes or on, or 0, false, no or none")
}

const MAX_TAIL = 2_147_483_647

/** How many records from the end; undefined = all. Docker takes every other word for all: here it is an error. */
export const tail = (parameters: Parameters, parameter = "tail"): Either.Either<number | undefined, BadParameter> => {
  const value = parameters.get(parameter)
  if (value === null || value === "" || value === "all" || value === "-1") return Either.right(undefined)
  if (/^\d{1,10}$/.test(value) && Number(value) <= MAX_TAIL) return Either.right(Number(value))
  return bad(parameter, value, `all, or a whole number from 0 to ${MAX_TAIL}`)
}

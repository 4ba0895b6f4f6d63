/** Query parameters as Docker's daemon reads them: almost anything is a boolean, and times are unix seconds only. */
import { Either } from "effect"
import { LogTime } from "@rdl/core/log/LogTime"
import { badRequest, type DockerError } from "./DockerError.ts"

const FALSE = new Set(["", "0", "no", "false", "none"])

/** Whatever does not say no is a yes; the first of repeated values counts, and none is a no. */
export const boolean = (parameters: URLSearchParams, name: string): boolean =>
  !FALSE.has((parameters.get(name) ?? "").trim().toLowerCase())

/** Numbers beyond this are as good as it: eleven digits of seconds are the year 5138. */
const MAX_SECONDS = 99_999_999_999n
const MAX_INT64 = 2n ** 63n - 1n

/** `N` or `N.fraction`; undefined where it is absent, empty or 0. Finer than nanoseconds is cut off. */
export const time = (parameters: URLSearchParams, name: string): Either.Either<LogTime | undefined, DockerError> => {
  const value = parameters.get(name) ?? ""
  if (value === "" || value === "0") return Either.right(undefined)
  const divider = value.indexOf(".")
  const seconds = divider < 0 ? value : value.slice(0, divider)
  const fraction = divider < 0 ? "0" : value.slice(divider + 1)
  return Either.gen(function* () {
    const whole = yield* integer(seconds)
    if (!/^\d+$/.test(fraction)) return yield* Either.left(unparsed("ParseInt", fraction, "invalid syntax"))
    const near = whole > MAX_SECONDS ? MAX_SECONDS : whole < -MAX_SECONDS ? -MAX_SECONDS : whole
    return LogTime.make(`${near}.${fraction.slice(0, 9).padEnd(9, "0")}`)
  })
}

const integer = (text: string): Either.Either<bigint, DockerError> => {
  if (!/^[+-]?\d+$/.test(text)) return Either.left(unparsed("ParseInt", text, "invalid syntax"))
  const value = text.length > 30 ? MAX_INT64 + 1n : BigInt(text.replace("+", ""))
  return value > MAX_INT64 || value < -MAX_INT64 - 1n
    ? Either.left(unparsed("ParseInt", text, "value out of range"))
    : Either.right(value)
}

/** How many from the end; undefined = all, and so is whatever is no number, or a negative one. */
export const tail = (parameters: URLSearchParams): number | undefined => {
  const value = parameters.get("tail") ?? ""
  const count = /^\+?\d{1,30}$/.test(value) ? Number(value) : undefined
  return count === undefined || count > MAX_TAIL ? undefined : count
}

/** More than this is all. */
const MAX_TAIL = 2_147_483_647

/** How many at most; undefined = all. */
export const limit = (parameters: URLSearchParams): Either.Either<number | undefined, DockerError> => {
  const value = parameters.get("limit") ?? ""
  if (value === "") return Either.right(undefined)
  if (!/^[+-]?\d{1,15}$/.test(value)) return Either.left(unparsed("Atoi", value, "invalid syntax"))
  return Either.right(Number(value) > 0 ? Number(value) : undefined)
}

/** In the words of the language that the daemon is written in. */
const unparsed = (how: string, text: string, why: string): DockerError =>
  badRequest(`strconv.${how}: parsing ${JSON.stringify(text.slice(0, 100))}: ${why}`)

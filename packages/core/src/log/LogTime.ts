/** A moment in a log, as the engine takes it: unix seconds with nine decimals, kept as text so that no nanosecond is rounded away. */
import { Either, Schema } from "effect"
import { bad, type BadParameter, type Parameters } from "./LogParameter.ts"

/**
 * Unix seconds: `seconds` or `seconds.fraction` with at most nine digits; may be negative. The fraction always counts
 * forward, as the engine reads it: `-2.500000000` is one and a half second before 1970.
 */
export const LogTime = Schema.String.pipe(Schema.pattern(/^-?\d{1,11}(\.\d{1,9})?$/), Schema.brand("LogTime"))
export type LogTime = typeof LogTime.Type

const SECOND = 1_000_000_000n
const MAX_SECONDS = 99_999_999_999n
const EXPECTED =
  "unix seconds (1795345075.5), RFC 3339 (2026-11-22T10:44:07Z), a date, or a duration such as 10m or 1h30m"

/**
 * Reads `since` or `until` in any of its forms; undefined where it is absent, empty or `0`. Durations count back from
 * `nowMs` (unix milliseconds); dates and times without zone are UTC; what is finer than a nanosecond is cut off.
 */
export const parse = (
  parameters: Parameters,
  parameter: string,
  nowMs: number,
): Either.Either<LogTime | undefined, BadParameter> => {
  const value = parameters.get(parameter)
  if (value === null || value === "" || value === "0") return Either.right(undefined)
  const time = value.length > 64 ? undefined : (fromUnix(value) ?? fromDate(value) ?? fromDuration(value, nowMs))
  return time === undefined ? bad(parameter, value, EXPECTED) : Either.right(time)
}

/** The canonical form of nanoseconds since 1970; undefined beyond eleven digits of seconds (the year 5138). */
export const fromNanos = (nanos: bigint): LogTime | undefined => {
  const fraction = ((nanos % SECOND) + SECOND) % SECOND
  const seconds = (nanos - fraction) / SECOND
  if (seconds > MAX_SECONDS || seconds < -MAX_SECONDS) return undefined
  return LogTime.make(`${seconds}.${fraction.toString().padStart(9, "0")}`)
}

/** Nanoseconds since 1970. */
export const toNanos = (time: LogTime): bigint => {
  const [seconds = "0", fraction = ""] = time.split(".")
  return BigInt(seconds) * SECOND + BigInt(fraction.padEnd(9, "0"))
}

/** Whole milliseconds since 1970, as clocks tell them. */
export const toMillis = (time: LogTime): number => Number(toNanos(time) / 1_000_000n)

const fromUnix = (text: string): LogTime | undefined => {
  const match = /^(-?\d{1,11})(?:\.(\d+))?$/.exec(text)
  return match === null ? undefined : fromNanos(BigInt(match[1] ?? "0") * SECOND + nanosOf(match[2]))
}

const DATE = /^(\d{4}-\d\d-\d\d)(?:[Tt ](\d\d)(?::(\d\d)(?::(\d\d)(?:[.,](\d+))?)?)?)?(?:([Zz])|([+ -])(\d\d):(\d\d))?$/

/** A `+` of a zone that came unescaped in a query is a space by now, and taken for what it was. */
const fromDate = (text: string): LogTime | undefined => {
  const match = DATE.exec(text)
  if (match === null) return undefined
  const [, day = "", hour = "00", minute = "00", second = "00", fraction, , sign, zoneHour = "0", zoneMinute = "0"] =
    match
  const ms = Date.parse(`${day}T${hour}:${minute}:${second}.000Z`)
  // Some engines carry 30 February over into March.
  if (Number.isNaN(ms) || !new Date(ms).toISOString().startsWith(`${day}T${hour}`)) return undefined
  if (Number(zoneHour) > 23 || Number(zoneMinute) > 59) return undefined
  const offset = (Number(zoneHour) * 60 + Number(zoneMinute)) * (sign === "-" ? -60 : 60)
  return fromNanos(BigInt(ms / 1000 - offset) * SECOND + nanosOf(fraction))
}

const UNITS: Readonly<Record<string, bigint>> = {
  ns: 1n,
  us: 1000n,
  µs: 1000n,
  μs: 1000n,
  ms: 1_000_000n,
  s: SECOND,
  m: 60n * SECOND,
  h: 3600n * SECOND,
  d: 86_400n * SECOND,
}

/** Go's durations, and days. */
const fromDuration = (text: string, nowMs: number): LogTime | undefined => {
  if (!/^(?:(?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|µs|μs|ms|s|m|h|d))+$/.test(text)) return undefined
  let nanos = 0n
  for (const [, whole = "", fraction = "", unit = "s"] of text.matchAll(/(\d*)(?:\.(\d*))?(ns|us|µs|μs|ms|s|m|h|d)/g))
    nanos += (BigInt(whole + fraction) * (UNITS[unit] ?? SECOND)) / 10n ** BigInt(fraction.length)
  return fromNanos(BigInt(Math.trunc(nowMs)) * 1_000_000n - nanos)
}

const nanosOf = (fraction = ""): bigint => BigInt(fraction.slice(0, 9).padEnd(9, "0"))

/** Time as the engine writes and reads it: RFC 3339 out, unix seconds in. */
import { ApiError } from "./ApiError.ts"
import { NANOS_PER_SECOND } from "./EngineClock.ts"

/** Seconds rounded down, and the nanoseconds after them. */
const split = (nanos: bigint): readonly [seconds: number, rest: number] => {
  const rest = ((nanos % NANOS_PER_SECOND) + NANOS_PER_SECOND) % NANOS_PER_SECOND
  return [Number((nanos - rest) / NANOS_PER_SECOND), Number(rest)]
}

export const unixSeconds = (nanos: bigint): number => split(nanos)[0]

/** Writes log timestamps, always nine digits; remembers the last second, for the thousands of lines that share it. */
export const timestampWriter = (zoneMinutes: number): ((nanos: bigint) => string) => {
  const zone = zoneMinutes === 0 ? "Z" : zoneText(zoneMinutes)
  let lastSecond = Number.NaN
  let prefix = ""
  return (nanos) => {
    const [second, rest] = split(nanos)
    if (second !== lastSecond) {
      lastSecond = second
      prefix = new Date((second + zoneMinutes * 60) * 1000).toISOString().slice(0, 20)
    }
    return prefix.slice(0, 19) + "." + rest.toString().padStart(9, "0") + zone
  }
}

const zoneText = (minutes: number): string => {
  const size = Math.abs(minutes)
  const two = (value: number) => value.toString().padStart(2, "0")
  return `${minutes < 0 ? "-" : "+"}${two(Math.floor(size / 60))}:${two(size % 60)}`
}

/** The form of inspect: UTC, trailing zeros of the fraction left out. */
export const inspectTime = (nanos: bigint | undefined): string =>
  nanos === undefined ? "0001-01-01T00:00:00Z" : timestampWriter(0)(nanos).replace(/0+Z$/, "Z").replace(/\.Z$/, "Z")

/** Docker's `since` and `until`: `N` or `N.fraction`; the daemon fails with its parser's own words and status 500. */
export const parseUnixTime = (text: string): bigint => {
  const dot = text.indexOf(".")
  if (dot < 0) return parseInteger(text) * NANOS_PER_SECOND
  const seconds = parseInteger(text.slice(0, dot))
  const fraction = text.slice(dot + 1)
  const digits = parseInteger(fraction)
  const nanos = Math.trunc(Number(digits) * 10 ** (9 - fraction.length))
  return seconds * NANOS_PER_SECOND + BigInt(nanos)
}

const INT64_LIMIT = 2n ** 63n

const parseInteger = (text: string): bigint => {
  const fail = (why: string) => new ApiError(500, `strconv.ParseInt: parsing ${JSON.stringify(text)}: ${why}`)
  if (!/^[+-]?\d+$/.test(text)) throw fail("invalid syntax")
  const value = BigInt(text.replace(/^\+/, ""))
  if (value >= INT64_LIMIT || value < -INT64_LIMIT) throw fail("value out of range")
  return value
}

const DURATION_UNITS: Record<string, number> = { h: 3600, m: 60, s: 1, ms: 1e-3 }

/** Podman's `since` and `until`: unix seconds read as a 64-bit float (hence some 200 ns off), RFC 3339, or a duration ago. */
export const parsePodmanTime = (parameter: string, text: string, now: bigint): bigint => {
  if (/^[+-]?\d+$/.test(text)) return BigInt(text.replace(/^\+/, "")) * NANOS_PER_SECOND
  if (/^[+-]?\d*\.\d+(e\d+)?$/.test(text)) return BigInt(Math.trunc(Number(text) * 1e9))
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|h|m|s)/g)]
  if (parts.length > 0 && parts.map((part) => part[0]).join("") === text) {
    const seconds = parts.reduce((sum, part) => sum + Number(part[1]) * (DURATION_UNITS[part[2] ?? ""] ?? 0), 0)
    return now - BigInt(Math.round(seconds * 1e9))
  }
  const date = Date.parse(text)
  if (!Number.isNaN(date)) return BigInt(date) * 1_000_000n
  throw new ApiError(400, `failed to parse '${parameter}' parameter: ${JSON.stringify(text)}`)
}

/** Spans of time as people write them: a whole number and a unit. */
import { Either } from "effect"

const SECONDS: Record<string, number> = { s: 1, m: 60, h: 3_600, d: 86_400, w: 604_800 }

/** Ten years: longer is a mistake or a wish for never. In seconds. */
export const MAX = 3_650 * 86_400

/** Seconds of `30s`, `15m`, `12h`, `90d` or `2w`; more than 0 and at most ten years. */
export const parse = (text: string): Either.Either<number, string> => {
  const [, digits, unit] = /^(\d{1,10})([smhdw])$/.exec(text) ?? []
  const seconds = Number(digits) * (SECONDS[unit ?? ""] ?? Number.NaN)
  if (Number.isNaN(seconds)) return Either.left("is not a time span such as 30s, 15m, 12h, 90d or 2w")
  return seconds > 0 && seconds <= MAX
    ? Either.right(seconds)
    : Either.left("is out of range: more than 0 and at most 3650d")
}

/** A span in its largest two units that fit, such as `89d 23h`; below a second `0s`. */
export const show = (seconds: number): string => {
  const parts: Array<string> = []
  let rest = Math.floor(Math.abs(seconds))
  for (const [unit, size] of [
    ["d", 86_400],
    ["h", 3_600],
    ["m", 60],
    ["s", 1],
  ] as const) {
    if (rest >= size && parts.length < 2) parts.push(`${Math.floor(rest / size)}${unit}`)
    else if (parts.length > 0) break
    rest %= size
  }
  return parts.length === 0 ? "0s" : parts.join(" ")
}

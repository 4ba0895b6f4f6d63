/** How long something lasts, in the words of `docker ps`. */

const UNITS = [
  ["year", 365 * 86_400],
  ["month", 30 * 86_400],
  ["week", 7 * 86_400],
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
  ["second", 1],
] as const

/** `3 hours`, `1 minute`, `Less than a second`: as large a unit as there are two of, from the minute on one will do. */
export const show = (seconds: number): string => {
  const unit = UNITS.find(([name, size]) => seconds >= size * (LARGE.has(name) ? 2 : 1))
  if (unit === undefined) return "Less than a second"
  const count = Math.floor(seconds / unit[1])
  return `${count} ${unit[0]}${count === 1 ? "" : "s"}`
}

/** `13 days` says more than `1 week`. */
const LARGE: ReadonlySet<string> = new Set(["year", "month", "week", "day"])

/** How long something lasts, in the words of `docker ps`. */

/** Up to how many seconds a unit is used, its size, and its name. */
const UNITS = [
  [60, 1, "second"],
  [3_600, 60, "minute"],
  [48 * 3_600, 3_600, "hour"],
  [14 * 86_400, 86_400, "day"],
  [60 * 86_400, 7 * 86_400, "week"],
  [730 * 86_400, 30 * 86_400, "month"],
  [Infinity, 365 * 86_400, "year"],
] as const

/** `Less than a second`, `1 second`, `About a minute`, `47 hours`, `13 days`. */
export const show = (seconds: number): string => {
  if (!(seconds >= 1)) return "Less than a second"
  const [, size, name] = UNITS.find(([below]) => seconds < below) ?? UNITS[UNITS.length - 1]!
  const count = Math.floor(seconds / size)
  if (count > 1) return `${count} ${name}s`
  return name === "second" ? "1 second" : `About ${name === "hour" ? "an" : "a"} ${name}`
}

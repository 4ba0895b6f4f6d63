/** How long something lasts, in the words that Docker and Podman have for it: `About a minute`, `47 hours`. */

const MINUTE = 60
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

/** The words for so many seconds; less than none counts as none. A longer time never has the words of a shorter one. */
export const speak = (seconds: number): string => {
  if (!(seconds >= 1)) return "Less than a second"
  if (seconds < 2) return "1 second"
  if (seconds < MINUTE) return `${Math.floor(seconds)} seconds`
  if (seconds < 2 * MINUTE) return "About a minute"
  if (seconds < HOUR) return `${Math.floor(seconds / MINUTE)} minutes`
  // From here on hours are rounded, and everything larger is counted in whole ones of them.
  const hours = Math.floor(seconds / HOUR + 0.5)
  if (hours === 1) return "About an hour"
  if (hours < 48) return `${hours} hours`
  if (hours < 14 * 24) return `${Math.floor(hours / 24)} days`
  if (hours < 60 * 24) return `${Math.floor(hours / 24 / 7)} weeks`
  if (hours < 730 * 24) return `${Math.floor(hours / 24 / 30)} months`
  return `${Math.floor(seconds / DAY / 365)} years`
}

/** The fewest seconds that have these words; undefined where nothing has. */
export const atLeast = (words: string): number | undefined => {
  const least = leastOf(words)
  return least !== undefined && speak(least) === words ? least : undefined
}

const leastOf = (words: string): number | undefined => {
  if (words === "Less than a second") return 0
  const [, digits, unit] = /^(?:About an?|(\d{1,9})) (second|minute|hour|day|week|month|year)s?$/.exec(words) ?? []
  if (unit === undefined) return undefined
  const least = Number(digits ?? 1) * SECONDS[unit as keyof typeof SECONDS]
  return least > HOUR && unit !== "minute" && unit !== "year" ? least - HOUR / 2 : least
}

const SECONDS = {
  second: 1,
  minute: MINUTE,
  hour: HOUR,
  day: DAY,
  week: 7 * DAY,
  month: 30 * DAY,
  year: 365 * DAY,
}

/** An engine's words for how a container is, such as `Up 5 seconds`, as they would read some time after they were said. */
import * as DurationWords from "./DurationWords.ts"

/** `Up 3 minutes (healthy)`, `Exited (0) 2 hours ago`: what stands before, the time itself, and what stands after. */
const SHAPES = [/^(Up )([\w ]{1,40})( \([^()]*\))?$/, /^((?:Exited|Restarting) \(-?\d{1,10}\) )([\w ]{1,40})( ago)$/]

/**
 * The status so many milliseconds later, as long as nothing happened to the container. Words stand for the shortest time
 * they may mean, so that the age shown is never ahead of the truth; what is not such a status stays as it is.
 */
export const aged = (status: string, ms: number): string => {
  for (const shape of SHAPES) {
    const [, before, words = "", after = ""] = shape.exec(status) ?? []
    const least = before === undefined ? undefined : DurationWords.atLeast(words)
    if (least !== undefined) return `${before}${DurationWords.speak(least + Math.max(0, ms) / 1000)}${after}`
  }
  return status
}

/** Patterns over names: `*` stands for any characters, `?` for exactly one, everything else for itself. */

/**
 * Whether the whole text matches. Case matters; nothing escapes `*` or `?`, since no name can hold them.
 * Never compiles to a regular expression: only the last `*` is ever tried again, so the time is at most pattern × text.
 */
export const matches = (pattern: string, text: string): boolean => {
  let p = 0
  let t = 0
  let star = -1
  let resume = 0
  while (t < text.length) {
    const wanted = pattern[p]
    if (wanted === "*") {
      star = p++
      resume = t
    } else if (wanted === "?" || wanted === text[t]) {
      p++
      t++
    } else if (star >= 0) {
      p = star + 1
      t = ++resume
    } else return false
  }
  while (pattern[p] === "*") p++
  return p === pattern.length
}

/** Whether one of the patterns matches; none does where there are none. */
export const matchesAny = (patterns: ReadonlyArray<string>, text: string): boolean =>
  patterns.some((pattern) => matches(pattern, text))

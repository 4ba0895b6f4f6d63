import { describe, expect, it } from "@effect/vitest"
import { FastCheck } from "effect"
import * as Glob from "@rdl/core/token/Glob"

const name = FastCheck.stringMatching(/^[ab.-]{0,12}$/)
const pattern = FastCheck.stringMatching(/^[ab.*?-]{0,8}$/)

describe("Glob", () => {
  it("agrees with the same pattern written as a regular expression", () => {
    FastCheck.assert(
      FastCheck.property(pattern, name, (glob, text) => {
        const expression = glob.replace(/[.-]/g, "\\$&").replaceAll("*", ".*").replaceAll("?", ".")
        return Glob.matches(glob, text) === new RegExp(`^${expression}$`).test(text)
      }),
      { numRuns: 5000 },
    )
  })

  it("matches the whole name only, and knows case", () => {
    expect(Glob.matches("web", "web-1")).toBe(false)
    expect(Glob.matches("web", "my-web")).toBe(false)
    expect(Glob.matches("Web*", "web-1")).toBe(false)
    expect(Glob.matches("", "")).toBe(true)
    expect(Glob.matches("", "web")).toBe(false)
  })

  it("takes what is special in regular expressions for itself", () => {
    expect(Glob.matches("a.c", "abc")).toBe(false)
    expect(Glob.matches("[ab]", "a")).toBe(false)
    expect(Glob.matches("a+", "aa")).toBe(false)
  })

  it("does not blow up on patterns that make backtracking explode", () => {
    // 100 stars over 10,000 characters: more than 10^100 ways for a matcher that tries them all.
    expect(Glob.matches("a*".repeat(100) + "b", "a".repeat(10_000))).toBe(false)
  })

  it("matches nothing by an empty list", () => {
    expect(Glob.matchesAny([], "web")).toBe(false)
    expect(Glob.matchesAny(["db", "w?b"], "web")).toBe(true)
  })
})

import { FastCheck as fc } from "effect"
import { describe, expect, it } from "vitest"
import * as DurationWords from "../../src/model/DurationWords.ts"
import * as StatusAge from "../../src/model/StatusAge.ts"

const YEAR = 365 * 86_400
/** Every order of size alike; most of what can go wrong lies at the edges of a unit. */
const seconds = fc.oneof(
  fc.integer({ min: 0, max: 20 * YEAR }),
  fc.integer({ min: 0, max: 7_200 }),
  fc
    .tuple(
      fc.constantFrom(60, 1_800, 3_600, 86_400, 7 * 86_400, 30 * 86_400, YEAR),
      fc.nat(60),
      fc.integer({ min: -2, max: 2 }),
    )
    .map(([unit, count, off]) => Math.max(0, unit * count + off)),
)

const around = fc.constantFrom<readonly [string, string]>(
  ["Up ", ""],
  ["Up ", " (healthy)"],
  ["Up ", " (health: starting)"],
  ["Up ", " (Paused)"],
  ["Exited (0) ", " ago"],
  ["Exited (137) ", " ago"],
  ["Restarting (1) ", " ago"],
)

/** The time that a status tells, at least. */
const told = (status: string): number =>
  DurationWords.atLeast(status.replace(/^(Up|\w+ \(\d+\)) /, "").replace(/( ago| \(.*\))$/, "")) ?? Number.NaN

describe("DurationWords", () => {
  // What Docker's own units package gives.
  it.each([
    [0.999, "Less than a second"],
    [1.5, "1 second"],
    [59.9, "59 seconds"],
    [60, "About a minute"],
    [120, "2 minutes"],
    [3_599, "59 minutes"],
    [3_600, "About an hour"],
    [5_399, "About an hour"],
    [5_400, "2 hours"],
    [47.5 * 3_600 - 1, "47 hours"],
    [47.5 * 3_600, "2 days"],
    [13.9 * 86_400, "13 days"],
    [14 * 86_400, "2 weeks"],
    [60 * 86_400, "2 months"],
    [729 * 86_400, "24 months"],
    [730 * 86_400, "2 years"],
    [-1, "Less than a second"],
  ])("calls %d seconds %s", (duration, words) => {
    expect(DurationWords.speak(duration)).toBe(words)
  })

  it("reads its words as the shortest time that has them", () => {
    fc.assert(
      fc.property(seconds, (duration) => {
        const words = DurationWords.speak(duration)
        const least = DurationWords.atLeast(words)
        // Docker itself says "1 years" for half an hour at the end of the second one.
        fc.pre(words !== "1 years")
        expect(least).toBeLessThanOrEqual(duration)
        expect(DurationWords.speak(least!)).toBe(words)
        expect(DurationWords.speak(least! - 0.001) !== words || least === 0).toBe(true)
      }),
      { numRuns: 2_000 },
    )
  })
})

describe("StatusAge", () => {
  it.each([
    ["Up Less than a second", 65_000, "Up About a minute"],
    ["Up 5 seconds", 7_000, "Up 12 seconds"],
    ["Up 3 minutes (healthy)", 60_000, "Up 4 minutes (healthy)"],
    ["Exited (0) 2 hours ago", 3_600_000, "Exited (0) 3 hours ago"],
    ["Restarting (1) 1 second ago", 1_000, "Restarting (1) 2 seconds ago"],
    ["Up 2 days (Paused)", 86_400_000, "Up 3 days (Paused)"],
  ])("makes %s, after %d ms, %s", (status, ms, later) => {
    expect(StatusAge.aged(status, ms)).toBe(later)
  })

  it("leaves what the engine said as it is at age none, and whatever is not an age at any", () => {
    const status = fc.oneof(
      fc.string(),
      fc.constantFrom(
        "Created",
        "Dead",
        "Removal In Progress",
        "",
        "Up",
        "Up 5 parsecs",
        "Up 99 seconds",
        "Up 1 minute",
      ),
      fc.constantFrom(
        "Up 1 years",
        "Up 5 seconds ago",
        "Exited (0) 5 seconds",
        "up 5 seconds",
        "Up 007 seconds",
        "Exited (0)",
      ),
    )
    fc.assert(
      fc.property(status, fc.nat(), (words, ms) => {
        expect(StatusAge.aged(words, ms)).toBe(words)
      }),
    )
    fc.assert(
      fc.property(seconds, around, (duration, [before, after]) => {
        const words = `${before}${DurationWords.speak(duration)}${after}`
        expect(StatusAge.aged(words, 0)).toBe(words)
      }),
    )
  })

  it("never goes back, never runs ahead of what the engine would say, and stays within what its words leave open", () => {
    fc.assert(
      fc.property(seconds, around, fc.nat(3 * YEAR), fc.nat(7_200), (duration, [before, after], first, more) => {
        const words = `${before}${DurationWords.speak(duration)}${after}`
        const [sooner, later] = [StatusAge.aged(words, first * 1000), StatusAge.aged(words, (first + more) * 1000)]
        const truth = `${before}${DurationWords.speak(duration + first + more)}${after}`
        fc.pre(![words, sooner, later, truth].some((text) => text.includes("1 years")))
        expect(told(sooner)).toBeLessThanOrEqual(told(later))
        expect(told(later)).toBeLessThanOrEqual(told(truth))
        expect(told(later)).toBeGreaterThanOrEqual(told(words))
      }),
      { numRuns: 2_000 },
    )
  })
})

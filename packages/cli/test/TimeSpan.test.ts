import { describe, expect, it } from "vitest"
import { Either } from "effect"
import * as TimeSpan from "../src/TimeSpan.ts"

describe("TimeSpan", () => {
  it.each([
    ["1s", 1],
    ["15m", 900],
    ["12h", 43_200],
    ["90d", 7_776_000],
    ["2w", 1_209_600],
    ["3650d", TimeSpan.MAX],
  ])("reads %s", (text, seconds) => {
    expect(TimeSpan.parse(text)).toEqual(Either.right(seconds))
  })

  it.each(["", "90", "d", "-1d", "1.5h", "1h30m", "0s", "3651d", "9999999999w", "1D", " 1d", "1y"])(
    "refuses %j",
    (text) => {
      expect(Either.isLeft(TimeSpan.parse(text))).toBe(true)
    },
  )

  it("shows the two largest units", () => {
    expect([0, 59, 61, 3_600, 90_061].map(TimeSpan.show)).toEqual(["0s", "59s", "1m 1s", "1h", "1d 1h"])
  })
})

import { describe, expect, it } from "vitest"
import * as Ago from "../src/Ago.ts"
import * as Table from "../src/Table.ts"

describe("Ago", () => {
  it.each([
    [0.4, "Less than a second"],
    [1, "1 second"],
    [59, "59 seconds"],
    [90, "About a minute"],
    [3_599, "59 minutes"],
    [3_600, "About an hour"],
    [47 * 3_600, "47 hours"],
    [2 * 86_400, "2 days"],
    [13 * 86_400, "13 days"],
    [14 * 86_400, "2 weeks"],
    [60 * 86_400, "2 months"],
    [729 * 86_400, "24 months"],
    [730 * 86_400, "2 years"],
    [-5, "Less than a second"],
  ])("calls %d seconds %s", (seconds, words) => {
    expect(Ago.show(seconds)).toBe(words)
  })
})

describe("Table", () => {
  it("lines its columns up and leaves nothing at the end of a line", () => {
    expect(
      Table.render(
        ["A", "LONG", "C"],
        [
          ["x", "y", ""],
          ["wide", "z", "1"],
        ],
      ),
    ).toBe("A      LONG   C\nx      y\nwide   z      1\n")
  })

  it("shortens by characters, with a mark", () => {
    expect(Table.shorten("registry/image", 9)).toBe("registry…")
    expect(Table.shorten("short", 5)).toBe("short")
  })
})

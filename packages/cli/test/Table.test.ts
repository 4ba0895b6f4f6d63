import { describe, expect, it } from "vitest"
import * as Table from "../src/Table.ts"

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

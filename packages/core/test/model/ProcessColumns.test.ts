import { FastCheck as fc } from "effect"
import { describe, expect, it } from "vitest"
import { isSafe } from "../../src/model/ProcessColumns.ts"

describe("Arguments of ps", () => {
  it.each(["aux", "-ef", "-f", "-l", "-o pid,comm", "-o  pid", "o user,args", "-o pid,%cpu,lstart"])(
    "may be %s",
    (text) => {
      expect(isSafe(text)).toBe(true)
    },
  )

  it.each([
    // Shows environments.
    "e",
    "aue",
    "auxe",
    "axe",
    "eww",
    "-o environ",
    "-o pid,environ",
    "o pid,e",
    "-e",
    "-eo pid,args",
    // Read as the other dialect's letters where they are in conflict: then the `e` is one.
    "-ef -o pid,args",
    "-o pid,args -ef",
    "-e -f",
    "-ef aux",
    "aux -ef",
    // Columns that an old ps does not know, renamed ones, files and other options.
    "-o pid,foo",
    "-o pid=X",
    "-o",
    "-o pid -o args",
    "-opid",
    "--forest",
    "-p 1",
    "--format=pid",
    "-C init",
    "",
    " ",
    "aux;id",
    "-o pid,$(id)",
    "-o\tpid",
    "-o pid,\n",
    `-o ${"pid,".repeat(80)}pid`,
  ])("may not be %j", (text) => {
    expect(isSafe(text)).toBe(false)
  })

  it("have no e of their own but in the engine's default, and nothing but the list's words", () => {
    const words = fc.constantFrom(
      "-ef",
      "e",
      "-e",
      "aux",
      "-o",
      "o",
      "pid",
      "pid,args",
      "environ",
      "f",
      "-",
      "ax",
      "l",
      "-Z",
    )
    fc.assert(
      fc.property(fc.array(words, { maxLength: 4 }), (all) => {
        if (!isSafe(all.join(" "))) return
        const [option = "", columns = "pid", ...more] = all
        expect(more).toEqual([])
        expect(option === "-ef" || !option.includes("e")).toBe(true)
        expect(columns).toMatch(/^pid(,args)?$/)
      }),
    )
  })
})

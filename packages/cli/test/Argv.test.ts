import { describe, expect, it } from "vitest"
import { FastCheck } from "effect"
import * as Argv from "../src/Argv.ts"

const reordered = (line: string) => Argv.flagsFirst(line.split(" "), /^(config|token)/.test(line) ? 2 : 1).join(" ")

describe("Argv", () => {
  it.each([
    ["logs edge-1/web -f --tail 20", "logs -f --tail 20 -- edge-1/web"],
    ["logs -f edge-1/web --tail=20", "logs -f --tail 20 -- edge-1/web"],
    ["logs edge-1/web -ft", "logs -f -t -- edge-1/web"],
    ["logs edge-1/web -ftn20", "logs -f -t -n 20 -- edge-1/web"],
    ["logs edge-1/web -tn 20", "logs -t -n 20 -- edge-1/web"],
    ["logs -x1 edge-1/web", "logs -x 1 -- edge-1/web"],
    ["logs edge-1/web --grep -ab --exclude --x=y", "logs --grep -ab --exclude --x=y -- edge-1/web"],
    ["logs -n 20 edge-1/web", "logs -n 20 -- edge-1/web"],
    ["logs edge-1/web --tail", "logs --tail -- edge-1/web"],
    ["logs edge-1/web -f -- -odd --name", "logs -f edge-1/web -- -odd --name"],
    ["token inspect - --output json", "token inspect --output json -- -"],
    ["token issue x --user a=b", "token issue --user a=b -- x"],
    ["config check --proxy a.yaml", "config check --proxy -- a.yaml"],
    ["config check a.yaml --source", "config check --source -- a.yaml"],
    ["ps", "ps"],
    ["-- x", "-- x"],
  ])("turns %s into %s", (line, expected) => {
    expect(reordered(line)).toBe(expected)
  })

  it("loses no word and invents none", () => {
    const word = FastCheck.oneof(
      FastCheck.constantFrom("-f", "--tail", "--", "-", "--follow", "logs", "key", "x"),
      FastCheck.stringMatching(/^[a-z]{1,4}$/),
    )
    FastCheck.assert(
      FastCheck.property(FastCheck.array(word, { maxLength: 8 }), (words) => {
        const divided = (given: ReadonlyArray<string>) => given.filter((one) => one !== "--").sort()
        expect(divided(Argv.flagsFirst(words, 1))).toEqual(divided(words))
      }),
    )
  })

  it("keeps a value as it was typed, whatever the parser does to spaces", () => {
    FastCheck.assert(
      FastCheck.property(
        FastCheck.string().filter((value) => value !== "--" && !value.includes("\0")),
        (value) => {
          const [, , given] = Argv.flagsFirst(["logs", "web", "--grep", value], 1)
          expect(given!.trim()).toBe(given)
          expect(given).not.toBe("")
          expect(Argv.asWritten(given!)).toBe(value)
        },
      ),
    )
  })

  it("names the flags without their values", () => {
    const flags = Argv.flagsIn(["logs", "x", "-ftn20", "--tail=-f", "--grep", "--all", "--", "-q"])
    expect(flags.map(({ name }) => name)).toEqual(["-f", "-t", "-n", "--tail", "--grep"])
  })

  it("names a flag that takes no value and was given one", () => {
    expect(Argv.needlessValue(["logs", "x", "--follow=true"])).toBe("--follow=true")
    expect(Argv.needlessValue(["logs", "x", "--tail=1", "--", "--follow=true"])).toBeUndefined()
  })

  it.each([
    ["logs x --tail", "--tail"],
    ["logs x -n", "-n"],
    ["logs x -tn", "-n"],
    ["logs x -f", undefined],
    ["logs x -tn1", undefined],
    ["logs x --tail=3", undefined],
    ["logs x --tail=-3", undefined],
    ["logs -- --tail", undefined],
  ])("names the flag that lacks its value: %s", (line, expected) => {
    expect(Argv.flagsIn(line.split(" ")).find(({ lacksValue }) => lacksValue)?.name).toBe(expected)
  })
})

import { describe, expect, it } from "vitest"
import { FastCheck } from "effect"
import * as Argv from "../src/Argv.ts"

const reordered = (line: string) => Argv.flagsFirst(line.split(" "), /^(config|token)/.test(line) ? 2 : 1).join(" ")

describe("Argv", () => {
  it.each([
    ["logs edge-1/web -f --tail 20", "logs -f --tail 20 edge-1/web"],
    ["logs -f edge-1/web --tail=20", "logs -f --tail 20 edge-1/web"],
    ["logs edge-1/web -ft", "logs -f -t edge-1/web"],
    ["logs edge-1/web -ftn20", "logs -f -t -n 20 edge-1/web"],
    ["logs edge-1/web -tn 20", "logs -t -n 20 edge-1/web"],
    ["logs -x1 edge-1/web", "logs -x 1 edge-1/web"],
    ["logs -n 20 edge-1/web", "logs -n 20 edge-1/web"],
    ["logs edge-1/web --tail", "logs --tail edge-1/web"],
    ["logs edge-1/web -f -- -odd --name", "logs -f edge-1/web -- -odd --name"],
    ["token inspect - --output json", "token inspect --output json -"],
    ["token issue x --user a=b", "token issue --user a=b x"],
    ["config check --proxy a.yaml", "config check --proxy a.yaml"],
    ["config check a.yaml --source", "config check --source a.yaml"],
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
        expect([...Argv.flagsFirst(words, 1)].sort()).toEqual([...words].sort())
      }),
    )
  })

  it("names the last flag where it lacks its value", () => {
    expect(Argv.lackingValue(["logs", "x", "--tail"])).toBe("--tail")
    expect(Argv.lackingValue(["logs", "x", "-n"])).toBe("-n")
    expect(Argv.lackingValue(["logs", "x", "-f"])).toBeUndefined()
    expect(Argv.lackingValue(["logs", "x", "--tail=3"])).toBeUndefined()
    expect(Argv.lackingValue(["logs", "--", "--tail"])).toBeUndefined()
  })
})

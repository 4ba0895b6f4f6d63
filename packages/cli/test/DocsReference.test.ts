import { describe, expect, it } from "vitest"
import { readFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"

const root = fileURLToPath(new URL("../../../", import.meta.url))

/** The modules that a package's index hands out. */
const modules = (index: string): ReadonlyArray<string> =>
  [...readFileSync(index, "utf8").matchAll(/ from "(\.\/[^"]+)"/g)].map(([, path = ""]) => join(dirname(index), path))

/** The exports of a module that begin with no sentence; a type and a value of one name share theirs. */
const unspoken = (code: string): ReadonlyArray<string> => {
  const lines = code.split("\n")
  const seen = new Set<string>()
  return lines.flatMap((line, at) => {
    const name = /^export (?:abstract )?(?:const|function\*?|class|interface|type) (\w+)/.exec(line)?.[1]
    if (name === undefined || seen.has(name)) return []
    seen.add(name)
    return SENTENCE.test(lines[at - 1] ?? "") ? [] : [name]
  })
}

/** Of words, or the end of several lines. */
const SENTENCE = /^\/\*\* .*\w+ .*\w+.* \*\/$|^ \*\/$/

describe("the reference", () => {
  it.each(["core", "proxy", "source", "transport-ws", "transport-http", "link-compliance"])(
    "has a sentence for each export of %s",
    (name) => {
      const paths = modules(join(root, "packages", name, "src/index.ts"))
      expect(paths.length).toBeGreaterThan(1)
      const missing = paths.flatMap((path) =>
        unspoken(readFileSync(path, "utf8")).map((of) => `${path.slice(root.length)}: ${of}`),
      )
      expect(missing).toEqual([])
    },
  )

  it("would miss a sentence, and that of each name once only", () => {
    expect(
      unspoken(
        "/** One thing. */\nexport const One = 1\nexport type One = 1\n\nexport class Two {}\n// no\nexport function three() {}",
      ),
    ).toEqual(["Two", "three"])
  })
})

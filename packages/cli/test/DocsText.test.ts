import { afterAll, describe, expect, it } from "vitest"
import * as UserApi from "@rdl/core/api/UserApi"
import { LogsParameters } from "@rdl/core/api/UserApiParameter"
import { LogFormat } from "@rdl/core/log/LogQuery"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import * as Proxy from "../src/commands/Proxy.ts"
import * as Source from "../src/commands/Source.ts"
import { keysOf } from "../src/SettingKey.ts"
import * as DocsExcerpt from "./DocsExcerpt.ts"
import * as DocsLimits from "./DocsLimits.ts"
import * as DocsLinks from "./DocsLinks.ts"
import * as DocsPage from "./DocsPage.ts"
import * as DocsSentences from "./DocsSentences.ts"
import * as DocsTests from "./DocsTests.ts"

const root = fileURLToPath(new URL("../../../", import.meta.url))
const pages = DocsPage.names(root)
const all = [...pages, ...DocsPage.others(root)]
const text = (name: string) => readFileSync(join(root, name), "utf8")

/** What the first column of a table's rows names, as `a` or `a`, `b`. */
const firstColumn = (table: string): ReadonlyArray<string> =>
  table
    .split("\n")
    .filter((line) => line.startsWith("| `"))
    .flatMap((line) => [...line.split(" | ")[0]!.matchAll(/`([^`]+)`/g)].map(([, name = ""]) => name))

describe("a page of the documentation", () => {
  const directory = mkdtempSync(join(tmpdir(), "rdl-docs-text-"))
  afterAll(() => rmSync(directory, { recursive: true, force: true }))
  const write = (name: string, content: string) => writeFileSync(join(directory, name), content)

  it.each(all)("says of each of its commands whether it runs, or why not: %s", (name) => {
    expect(DocsPage.read(root, name).problems).toEqual([])
  })

  it.each(all)("has excerpts of files that are type-checked and run under test: %s", (name) => {
    expect(DocsExcerpt.problems(root, name)).toEqual([])
  })

  it.each(all)("leads only to what there is: %s", (name) => {
    expect(DocsLinks.problems(root, name)).toEqual([])
  })

  it("is reached from the README", () => {
    expect(pages.slice(1).filter((name) => !text("README.md").includes(`](${name})`))).toEqual([])
  })

  it.each([
    "bash\ntrue",
    "sh (later)\ntrue",
    "sh (goes on)\ntrue",
    "sh (shows: one; twice)\ntrue",
    "console\n$ true",
    "\nrdl ps",
    "ts\nlet x",
    "yaml\nx: 1",
  ])("has to say of a fence what becomes of it: %j is refused", (fence) => {
    write("page.md", `\`\`\`${fence}\n\`\`\`\n`)
    expect(DocsPage.read(directory, "page.md").problems).toHaveLength(1)
  })

  it("is told where the lines of an excerpt are not in their file, or not in this order", () => {
    write("page.md", "```ts page.ts\nconst a = 1\n// …\n  const c = 3\n```\n")
    const problems = (code: string) => {
      write("page.ts", code)
      return DocsExcerpt.problems(directory, "page.md").length
    }
    expect(problems("const a = 1\nconst b = 2\nconst c = 3\n")).toBe(0)
    expect(problems("const c = 3\nconst a = 1\n")).toBe(1)
    expect(problems("const a = 1\n")).toBe(1)
  })

  it("is told of a link that leads nowhere", () => {
    write("page.md", '# A heading\n[a](#a-heading) [b](#b) [c](page.md#b) <a id="b"></a>')
    expect(DocsLinks.problems(directory, "page.md")).toEqual([])
    write("page.md", "[c](gone.md) [d](#gone) [e](page.md#gone)")
    expect(DocsLinks.problems(directory, "page.md")).toHaveLength(3)
  })
})

describe("configure.md", () => {
  it.each([
    ["proxy", Proxy.settings],
    ["source", Source.settings],
  ] as const)("lists every setting of a %s as the program knows it, and no other", (server, settings) => {
    const section = text("docs/configure.md").split(`<a id="${server}"></a>`)[1]?.split("\n## ")[0] ?? ""
    const rows = section.split("\n").filter((line) => line.startsWith("| `"))
    const expected = keysOf(settings).map(
      ({ description, env, name, value }) => `| \`${name}\` | \`--${name} ${value}\` | \`${env}\` | ${description} |`,
    )
    expect(rows).toEqual(expected)
  })
})

describe("the README", () => {
  const tables = text("README.md").split("## HTTP API")[1]!.split("\n\n")
  const table = (heading: string) => firstColumn(tables.find((block) => block.startsWith(heading)) ?? "")

  it("lists every parameter of a log, and no other", () => {
    expect(table("| parameter").toSorted()).toEqual(Object.keys(LogsParameters.fields).toSorted())
  })

  it("lists every format of a log, and no other", () => {
    expect(table("| `format`").slice(1).toSorted()).toEqual([...LogFormat.literals].toSorted())
  })

  it("lists every route of the API, and no other", () => {
    const paths = new Set(table("| request").map((route) => route.replace("GET ", "")))
    const served = Object.keys(UserApi.openApi().paths).filter(
      (path) => path !== "/containers/{source}/{container}/logs",
    )
    expect([...paths].toSorted()).toEqual(served.toSorted())
  })
})

describe("troubleshoot.md", () => {
  it("quotes sentences that the programs say, word by word", () => {
    const quoted = DocsSentences.quoted(text("docs/troubleshoot.md"))
    expect(quoted.length).toBeGreaterThan(20)
    expect(quoted.filter((sentence) => !DocsSentences.isSaid(root, sentence))).toEqual([])
  })

  it("would not find a sentence that nobody says, nor a part of one", () => {
    expect(DocsSentences.isSaid(root, "the source … is on holiday")).toBe(false)
    expect(DocsSentences.isSaid(root, "…")).toBe(false)
  })
})

describe.each(["docs/limits.md", "docs/guarantees.md", "docs/failure-cases.md"])("the tests that %s names", (name) => {
  it("are there, in the files and by the words that it says", () => {
    expect(DocsTests.claims(text(name)).length).toBeGreaterThan(20)
    expect(DocsTests.problems(root, name)).toEqual([])
  })
})

describe("limits.md", () => {
  it("names a test of each bound", () => {
    const cells = DocsTests.cells(text("docs/limits.md"))
    expect(cells.length).toBeGreaterThan(100)
    expect(cells.filter((cell) => DocsTests.claims(cell.text).length === 0)).toEqual([])
  })

  it("names constants that are in the code, and have the values that it says", () => {
    const page = text("docs/limits.md")
    expect(DocsLimits.constants(page).length).toBeGreaterThan(100)
    expect(DocsLimits.problems(root, page)).toEqual([])
  })

  it.each([
    ["`LinkLimits.MAX_MARKS`", "64", []],
    ["`LinkLimits.MAX_MARKS`", "640", ["x: LinkLimits.MAX_MARKS is 64"]],
    ["`LinkLimits.MAX_SPARKS`", "64", ["x: LinkLimits.MAX_SPARKS is nowhere"]],
    ["`LinkLimits.STALL_MS`", "30 s", []],
    ["`LinkLimits.GREATEST_WINDOW`", "at most 2 MiB", []],
  ])("would be told of %s as %s", (setBy, bound, problems) => {
    expect(DocsLimits.problems(root, `| x | ${bound} | y | ${setBy} | z |`)).toEqual(
      problems.map((problem) => expect.stringContaining(problem) as string),
    )
  })
})

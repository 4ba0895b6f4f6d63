/** The constants that limits.md names, as `LinkLimits.MAX_MARKS`: whether each is there, and has the value of its row. */
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"

/** What is wrong with the constants of the page: a sentence each. */
export const problems = (root: string, page: string): ReadonlyArray<string> =>
  page.split("\n").flatMap((row) => {
    const [, what = "", bound = "", , setBy = ""] = row.split(/(?<!\\)\|/)
    return constants(setBy).flatMap(({ file, name }) => {
      const codes = sourcesOf(root).filter(({ path }) => path.endsWith(`/${file}.ts`))
      const values = codes.flatMap(({ code }) => valueIn(code, name))
      if (values.length !== 1)
        return [`${what.trim()}: ${file}.${name} is ${values.length === 0 ? "nowhere" : "in several files"}`]
      const written = waysToWrite(values[0]!)
      return written.some((way) => isIn(bound, way))
        ? []
        : [`${what.trim()}: ${file}.${name} is ${written.join(" or ")}`]
    })
  })

/** Those of a cell; an option such as `WELCOME.maxFrame` is none, since no module is written like that. */
export const constants = (cell: string): ReadonlyArray<{ readonly file: string; readonly name: string }> =>
  [...cell.matchAll(/`((?:[\w-]+\/)*[A-Z][a-z]\w*)\.(\w+)`/g)].map(([, file = "", name = ""]) => ({ file, name }))

const UNITS: Readonly<Record<string, number>> = { milli: 1, second: 1_000, minute: 60_000, hour: 3_600_000 }

/** A number, or milliseconds of a duration. */
const valueIn = (code: string, name: string): ReadonlyArray<number> => {
  const [, text] = new RegExp(`^(?:export )?const ${name}(?:: \\w+)? = (.+?)(?: as const)?$`, "m").exec(code) ?? []
  if (text === undefined) return []
  const [, count, unit = ""] = /^"([\d.]+) (\w+?)s?"$/.exec(text) ?? /^Duration\.(?:\w+)\((.+)\)$/.exec(text) ?? []
  if (count !== undefined && unit !== "") return [Number(count) * (UNITS[unit] ?? Number.NaN)]
  const [, kind = "", of = ""] = /^Duration\.(\w+?)s?\(([\d_]+)\)$/.exec(text) ?? []
  return kind === "" ? [product(text)] : [product(of) * (UNITS[kind] ?? Number.NaN)]
}

/** Such as `8 * 1024 ** 2`, `0xffffffff` or `60_000n`. */
const product = (text: string): number =>
  text
    .split(/ \* /)
    .map((factor) => factor.split(" ** ").map((part) => Number(part.replaceAll("_", "").replace(/n$/, ""))))
    .reduce((done, [base = Number.NaN, exponent = 1]) => done * base ** exponent, 1)

/** As a count, as bytes, as milliseconds, as seconds: the name alone does not tell which. */
const waysToWrite = (value: number): ReadonlyArray<string> =>
  [
    [1, ""],
    [1024, " KiB"],
    [1024 ** 2, " MiB"],
    [1024 ** 3, " GiB"],
    [1, " ms"],
    [1_000, " s"],
    [60_000, " min"],
    [86_400, " days"],
  ].flatMap(([unit, word]) => {
    const count = value / (unit as number)
    return count >= 0.5 && Number.isInteger(2 * count) ? [`${count.toLocaleString("en-US")}${word}`] : []
  })

const isIn = (bound: string, way: string): boolean =>
  new RegExp(`(?<![\\d.,])${way.replaceAll(".", "\\.")}(?![\\d]|[.,]\\d)`).test(bound)

interface SourceFile {
  readonly path: string
  readonly code: string
}

let read: ReadonlyArray<SourceFile> | undefined

const sourcesOf = (root: string): ReadonlyArray<SourceFile> =>
  (read ??= ["cli", "core", "proxy", "source", "transport-http", "transport-ws"].flatMap((name) => {
    const directory = join(root, "packages", name, "src")
    return readdirSync(directory, { recursive: true, encoding: "utf8" })
      .filter((path) => path.endsWith(".ts"))
      .map((path) => ({ path: `${directory}/${path}`, code: readFileSync(join(directory, path), "utf8") }))
  }))

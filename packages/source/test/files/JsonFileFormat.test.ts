import { LogRecord } from "@rdl/core/log/LogRecord"
import { FastCheck as fc } from "effect"
import { describe, expect, it } from "vitest"
import { JsonFileFormat } from "../../src/files/JsonFileFormat.ts"
import { CORRUPT, MORE } from "../../src/files/RecordFormat.ts"

interface Entry {
  readonly log: string
  readonly stream: "stdout" | "stderr"
  readonly nanos: number
  readonly attrs: Readonly<Record<string, string>> | undefined
}

/** As the driver escapes: JSON, and what a browser would take for markup or the end of a line. */
const escaped = (text: string): string =>
  JSON.stringify(text).replace(/[<>&\u2028\u2029]/g, (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, "0")}`)

const written = ({ log, stream, nanos, attrs }: Entry): string => {
  const fraction = String(nanos).padStart(9, "0").replace(/0+$/, "")
  const time = `2026-11-22T10:44:07${fraction === "" ? "" : `.${fraction}`}Z`
  const stored = attrs === undefined ? "" : `,"attrs":${JSON.stringify(attrs)}`
  return `{"log":${escaped(log)},"stream":"${stream}"${stored},"time":"${time}"}\n`
}

const given = ({ log, stream, nanos }: Entry): string =>
  `${stream} 2026-11-22T10:44:07.${String(nanos).padStart(9, "0")}Z ${log}`

const entry: fc.Arbitrary<Entry> = fc.record({
  log: fc
    .oneof(
      fc.string(),
      fc.fullUnicodeString().map((text) => `${text}\n`),
      fc.constantFrom(
        '"\n',
        "\\n",
        "\\",
        '\\"',
        "\n",
        "{}",
        "a\u2028<&>\t\u0000\u001b\r\n",
        '","stream":"stdout","time":"',
      ),
    )
    .filter((log) => log !== ""),
  stream: fc.constantFrom("stdout" as const, "stderr" as const),
  nanos: fc.oneof(fc.nat(999_999_999), fc.constantFrom(0, 100_000_000, 999_999_000, 1)),
  attrs: fc.option(
    fc.dictionary(fc.string(), fc.string()).filter((attrs) => Object.keys(attrs).length > 0),
    { nil: undefined },
  ),
})

const MARGIN = 64

/** What the format finds in blocks that end at these places. */
const readAll = (text: string, cuts: ReadonlyArray<number>): ReadonlyArray<string> => {
  const file = Buffer.from(text)
  const format = new JsonFileFormat({ details: false })
  const record = new LogRecord()
  const found: Array<string> = []
  let bytes = Buffer.alloc(MARGIN)
  let at = 0
  for (const cut of [...new Set(cuts.map((cut) => cut % file.length)), file.length].sort((one, other) => one - other)) {
    bytes = Buffer.concat([bytes, file.subarray(at, cut)])
    at = cut
    let start = MARGIN
    for (let next = 0; ; start = next) {
      next = format.next(bytes, start, bytes.length, record)
      if (next === MORE) break
      if (next < 0) throw new Error(`corrupt at ${start} of ${bytes.length}`)
      const text = Buffer.from(record.bytes.subarray(record.start, record.end)).toString()
      found.push(`${record.stream === 1 ? "stdout" : "stderr"} ${text}`)
    }
    bytes = Buffer.concat([Buffer.alloc(MARGIN), bytes.subarray(start)])
  }
  return found
}

describe("JsonFileFormat", () => {
  it("reads what the driver writes, wherever the blocks are cut", () => {
    fc.assert(
      fc.property(
        fc.array(entry, { minLength: 1, maxLength: 12 }),
        fc.array(fc.nat(), { maxLength: 6 }),
        (entries, cuts) => {
          expect(readAll(entries.map(written).join(""), cuts)).toEqual(entries.map(given))
        },
      ),
      { numRuns: Number(process.env["RDL_TEST_RUNS"] ?? 300) },
    )
  })

  it("reads what others write: another order, white space, another zone, half a character", () => {
    const line =
      '{ "time" : "2026-11-22T12:44:07.5+02:00", "stream":"stderr", "log":"\\ud83d\\ude00 \\ud800x\\/\\n" }\n'
    expect(readAll(line, [])).toEqual(["stderr 2026-11-22T10:44:07.500000000Z 😀 \ufffdx/\n"])
  })

  it("says of a damaged line that it is none", () => {
    const whole = written({ log: "one\n", stream: "stdout", nanos: 1, attrs: undefined })
    const full = written({ log: "one\n", stream: "stdout", nanos: 123_456_789, attrs: undefined })
    const record = new LogRecord()
    for (const bad of [
      whole.slice(0, 20) + whole,
      whole.replace("stdout", "stdin"),
      whole.replace("one", "o\\xne"),
      whole.replace("2026", "never"),
      ...["T10", ".123456789", "time", "stream"].map((text) => full.replace(text, text.replace(/[T.me]/, "_"))),
      "\u0000\u0000\n",
      "\n",
    ]) {
      const bytes = Buffer.concat([Buffer.alloc(MARGIN), Buffer.from(bad)])
      expect(new JsonFileFormat({ details: false }).next(bytes, MARGIN, bytes.length, record)).toBe(CORRUPT)
    }
    const holes = Buffer.from(`${whole}{"log":"a\u0000\u0000b\\n"}\n`)
    expect(new JsonFileFormat({ details: false }).sound(holes, 0, holes.length)).toBe(false)
    expect(new JsonFileFormat({ details: false }).sound(holes, 0, whole.length)).toBe(true)
  })

  it("gives details as the engine's API does: sorted by bytes, escaped as in a query, a space where there are none", () => {
    const record = new LogRecord()
    const read = (attrs: Entry["attrs"]): string => {
      const bytes = Buffer.from(written({ log: "x", stream: "stdout", nanos: 0, attrs }))
      new JsonFileFormat({ details: true }).next(bytes, 0, bytes.length, record)
      return Buffer.from(record.bytes.subarray(record.details, record.payload)).toString()
    }
    expect(read({ k2: "v=1,2 é/+", "com.x/y": "(1)*'!~" })).toBe(
      "com.x%2Fy=%281%29%2A%27%21~,k2=v%3D1%2C2+%C3%A9%2F%2B ",
    )
    expect(read(undefined)).toBe(" ")
  })
})

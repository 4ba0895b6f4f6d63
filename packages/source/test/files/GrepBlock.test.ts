import { describe, expect, it } from "@effect/vitest"
import { Either, FastCheck } from "effect"
import { make } from "@rdl/core/log/LogFilter"
import { FilteredRecords } from "@rdl/core/log/LogFilterSink"
import { LogRecord } from "@rdl/core/log/LogRecord"
import { GrepBlock } from "@rdl/source/files/GrepBlock"
import { needleOf, type Storage } from "@rdl/source/files/GrepNeedle"
import { JsonFileFormat } from "@rdl/source/files/JsonFileFormat"
import { LocalFormat } from "@rdl/source/files/LocalFormat"
import { CORRUPT, MORE, type RecordFormat } from "@rdl/source/files/RecordFormat"
import { localRecord } from "./LocalFile.ts"

interface Stored {
  readonly stream: 1 | 2
  /** With its newline, if it has one. */
  readonly text: string
}

const NANOS = 1_795_361_000_000_000_000n

/** As Go writes JSON: besides what must be, these are escaped. */
const goEscaped = (text: string): string =>
  JSON.stringify(text).replace(
    /[<>&\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  )

const drivers: Readonly<
  Record<Storage, { readonly format: () => RecordFormat; readonly write: (one: Stored) => Buffer }>
> = {
  json: {
    format: () => new JsonFileFormat({ details: false }),
    write: ({ stream, text }) =>
      Buffer.from(
        `{"log":${goEscaped(text)},"stream":"${stream === 1 ? "stdout" : "stderr"}","time":"2026-11-22T15:24:43.5Z"}\n`,
      ),
  },
  plain: {
    format: () => new LocalFormat({ details: false, endsLongLines: true }),
    write: ({ stream, text }) => {
      const isWhole = text.endsWith("\n")
      const line = Buffer.from(isWhole ? text.slice(0, -1) : text)
      return localRecord({ stream, nanos: NANOS, line, piece: isWhole ? undefined : { last: false, ordinal: 1 } })
    },
  },
}

/** What a filter passes of a file that is read in blocks of the given sizes, with or without looking for a needle first. */
const filtered = (file: Buffer, cuts: ReadonlyArray<number>, storage: Storage, query: object, isGrepped: boolean) => {
  const format = drivers[storage].format()
  const filter = Either.getOrThrow(make(query, { tty: false }))!
  const needle = isGrepped ? needleOf(filter.literals, storage) : undefined
  const grep = needle === undefined ? undefined : new GrepBlock(format, needle)
  const texts: Array<string> = []
  const sink = new FilteredRecords(filter, "docker", {
    record: ({ stream, bytes, payload, end }) =>
      void texts.push(`${stream} ${Buffer.from(bytes.subarray(payload, end)).toString().replace(LONG, "…")}`),
    isClean: () => true,
    cut: () => {},
    end: () => {},
  })
  const record = new LogRecord()
  let records = 0
  let skipped = 0
  // The block lies behind a margin that the format may write into, and begins with what the last one left.
  let rest = Buffer.alloc(0)
  for (const [at, cut] of [0, ...cuts].entries()) {
    const bytes = Buffer.concat([Buffer.alloc(64), rest, file.subarray(cut, cuts[at] ?? file.length)])
    let start = 64
    grep?.reset()
    for (;;) {
      start = grep?.seek(bytes, start, bytes.length) ?? start
      skipped += grep?.passed ?? 0
      const next = format.next(bytes, start, bytes.length, record)
      expect(next).not.toBe(CORRUPT)
      if (next === MORE) break
      records++
      grep?.took(record)
      sink.record(record)
      start = next
    }
    rest = Buffer.from(bytes.subarray(start))
  }
  sink.end()
  return { texts, records, skipped }
}

const LONG = "-".repeat(16_370)
const WORDS = ["needle", "need", "le", 'a"b\\c', "<é>&", "\t", "x y", "\u2028", "\u0001", "…", "😀"]
const text = FastCheck.array(FastCheck.constantFrom(...WORDS), { maxLength: 4 }).map((words) => words.join(""))
/** Lines, and pieces of such as are longer than 16 KiB: with the needle in one, in two, or nowhere. */
const stored: FastCheck.Arbitrary<ReadonlyArray<Stored>> = FastCheck.array(
  FastCheck.record({
    stream: FastCheck.constantFrom<1 | 2>(1, 2),
    text: FastCheck.oneof(
      { weight: 8, arbitrary: text.map((one) => `${one}\n`) },
      { weight: 1, arbitrary: text },
      {
        weight: 1,
        arbitrary: FastCheck.tuple(text, FastCheck.constantFrom("need", "needle", "le")).map(
          ([one, other]) => `${one}${LONG}${"=".repeat(14)}${other}`,
        ),
      },
      { weight: 1, arbitrary: FastCheck.constantFrom("le\n", "needle\n", "\n") },
    ),
  }),
  { maxLength: 25 },
)

const queries = [
  { grep: ["needle"] },
  { grep: ["need.*x y", "needle$"] },
  { grep: ["^[^x]*needle"], exclude: ["le.*le"] },
  { grep: ['a"b\\\\c'] },
  { grep: ["<é>&"] },
  { grep: ["é>"] },
  { grep: ["\u2028needle"] },
  { grep: ["le-{9}"] },
  { grep: ["needle…"] },
  { grep: ["needle😀"] },
  { grep: ["(need|le){3}"] },
]

describe("GrepBlock", () => {
  for (const storage of ["json", "plain"] as const)
    it(`finds every line that a filter passes, wherever a file of the ${storage} kind is cut into blocks`, () => {
      FastCheck.assert(
        FastCheck.property(
          stored,
          FastCheck.constantFrom(...queries),
          FastCheck.array(FastCheck.double({ min: 0, max: 1, noNaN: true }), { maxLength: 4 }),
          (records, query, places) => {
            const file = Buffer.concat(records.map(drivers[storage].write))
            const cuts = places.map((place) => Math.floor(place * file.length)).sort((one, other) => one - other)
            const plain = filtered(file, cuts, storage, query, false)
            const grepped = filtered(file, cuts, storage, query, true)
            expect(grepped.texts).toEqual(plain.texts)
            expect(grepped.records + grepped.skipped).toBe(plain.records)
          },
        ),
        { numRuns: Number(process.env["RDL_TEST_RUNS"] ?? 300) },
      )
    })

  it.each(["json", "plain"] as const)(
    "reads only the records that may be wanted of a file of the %s kind",
    (storage) => {
      const records = Array.from({ length: 5000 }, (_, at): Stored => ({
        stream: 1,
        text: `line ${at} ${at % 500 === 0 ? "needle" : "hay"}\n`,
      }))
      const file = Buffer.concat(records.map(drivers[storage].write))
      const { texts, records: read, skipped } = filtered(file, [1000, 100_000], storage, { grep: ["needle"] }, true)
      expect([texts.length, read, skipped]).toEqual([10, 10, 4990])
    },
  )

  it("searches for what a driver writes in one way only", () => {
    const needle = (storage: Storage, ...literals: ReadonlyArray<string>) => needleOf(literals, storage)?.toString()
    expect(needle("json", "abc", "longer one")).toBe("longer one")
    expect(needle("json", 'say "hello" <there>')).toBe("hello")
    expect(needle("plain", 'say "hello" <there>')).toBe('say "hello" <there>')
    expect(needle("json", "path/to\\file.txt")).toBe("file.txt")
    expect(needle("json", "a\u2028bcd\u00e9…😀\tx")).toBe("bcdé…😀")
    expect(needle("plain", "abc\ufffdde")).toBe("abc")
    expect([needle("json", "ab"), needle("json", '"<>"'), needle("json")]).toEqual([undefined, undefined, undefined])
  })
})

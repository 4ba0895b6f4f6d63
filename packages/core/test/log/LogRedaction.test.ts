import { Either, FastCheck as fc } from "effect"
import { describe, expect, it } from "vitest"
import * as LogFilter from "../../src/log/LogFilter.ts"
import { DockerFrameDecoder } from "../../src/log/DockerFrames.ts"
import { MAX_LINE_BYTES } from "../../src/log/LogLine.ts"
import { compile } from "../../src/log/LogPattern.ts"
import type { HostLabel, LogFormat } from "../../src/log/LogQuery.ts"
import { LogRecord } from "../../src/log/LogRecord.ts"
import * as LogRedaction from "../../src/log/LogRedaction.ts"
import * as LogRenderer from "../../src/log/LogRenderer.ts"

const PATTERNS = ["s[0-9]{3,}t", "(?i)password=\\S+"]
const redaction = Either.getOrThrow(LogRedaction.compile(PATTERNS))
const model = (text: string) => text.replaceAll(/s[0-9]{3,}t|password=\S+/gi, "[redacted]")

interface Line {
  readonly stream: 1 | 2
  readonly text: string
}

interface Case {
  readonly format: LogFormat
  readonly host?: HostLabel
  readonly tty?: boolean
  readonly filter?: LogFilter.LineFilter
}

const STAMP = "2026-11-22T10:44:07.200217800Z "
const PIECE = 16_384

/** As the engine stores it: a line longer than 16 KiB in several records. */
const recordsOf = ({ stream, text }: Line, whole = false): ReadonlyArray<LogRecord> => {
  const bytes = Buffer.from(`${text}\n`)
  const size = whole ? bytes.length : PIECE
  return Array.from({ length: Math.ceil(bytes.length / size) }, (_, at) => {
    const payload = bytes.subarray(at * size, (at + 1) * size)
    const record = Buffer.concat([Buffer.from(STAMP), payload])
    return Object.assign(new LogRecord(), {
      stream,
      bytes: record,
      start: 0,
      details: STAMP.length,
      payload: STAMP.length,
      end: record.length,
    })
  })
}

const render = (
  { filter, format, host = "none", tty = false }: Case,
  records: ReadonlyArray<LogRecord>,
  redact: LogRedaction.Redaction | undefined,
) => {
  const out: Array<Uint8Array> = []
  const renderer = LogRenderer.make({
    emit: (bytes) => void out.push(bytes.slice()),
    query: { stdout: true, stderr: true, timestamps: true, details: false },
    rendering: { format, host },
    tty,
    source: "edge-1",
    container: { id: "a".repeat(64), name: "web" },
    partials: "docker",
    redaction: redact,
    filter,
  })
  for (const record of records) renderer.record(record)
  renderer.end()
  renderer.flush()
  expect(renderer.isClean()).toBe(true)
  return Buffer.concat(out).toString()
}

const CASES: ReadonlyArray<Case> = [
  { format: "text" },
  { format: "text", host: "prefix" },
  { format: "text", host: "suffix", tty: true },
  { format: "ndjson" },
  { format: "sse" },
  { format: "multiplexed" },
  { format: "raw" },
]

const secret = fc.constantFrom("s123t", "s9876543210t", "Password=hunter2", "password=x")
const plain = fc.constantFrom("hello ", "é日本🎉 ", "s12t ", "[redacted] ", "\u001b[31m", "", "x".repeat(16_370))
const line: fc.Arbitrary<Line> = fc.record({
  stream: fc.constantFrom(1 as const, 2 as const),
  text: fc.array(fc.oneof(plain, secret), { maxLength: 5 }).map((parts) => parts.join(" ")),
})

describe("A redaction", () => {
  it.each(CASES)("leaves of $format (host $host) what a log would read like that never had the secret", (each) => {
    fc.assert(
      fc.property(fc.array(line, { maxLength: 6 }), (lines) => {
        const redacted = render(
          each,
          lines.flatMap((one) => [...recordsOf(one)]),
          redaction,
        )
        const never = lines.flatMap(({ stream, text }) => [...recordsOf({ stream, text: model(text) }, true)])
        expect(redacted).toBe(render(each, never, undefined))
        expect(redacted).not.toMatch(/s\d{3,}t|hunter2/)
      }),
      { numRuns: 60 },
    )
  })

  it("leaves the longest line one that readers of frames take, with its time", () => {
    for (const text of ["x".repeat(MAX_LINE_BYTES - 1), `${"x".repeat(MAX_LINE_BYTES - 12)} s12345678t`]) {
      const frames: Array<number> = []
      const decoder = new DockerFrameDecoder((_kind, _bytes, start, end) => void frames.push(end - start))
      decoder.push(Buffer.from(render({ format: "multiplexed" }, recordsOf({ stream: 1, text }), redaction), "latin1"))
      decoder.end()
      expect(frames).toEqual([STAMP.length + model(text).length + 1])
    }
  })

  it("finds what the engine has cut in two, at every place", () => {
    for (let before = PIECE - 6; before <= PIECE; before++) {
      const text = `${"x".repeat(before)}s12345t end`
      for (const each of CASES) expect(render(each, recordsOf({ stream: 1, text }), redaction)).not.toContain("123")
    }
  })

  it("leaves a line without a match as it is, also where it is no UTF-8", () => {
    const record = recordsOf({ stream: 1, text: "abc" })[0]!
    record.bytes[STAMP.length] = 0xff
    expect(redaction.redact(record)).toBe(record)
  })

  it("lets nobody search for what it takes out", () => {
    const lines = ["s123t is in", "nothing"].map((text) => recordsOf({ stream: 1, text })[0]!)
    const searched = (grep: string) =>
      CASES.map((each) => {
        const filter = Either.getOrThrow(LogFilter.make({ grep: [grep], exclude: [] }, { tty: false }))
        return render({ ...each, ...(filter === undefined ? {} : { filter }) }, lines, redaction)
      })
    for (const found of searched("s123t")) expect(found).toBe("")
    for (const found of searched("\\[redacted\\]")) expect(found).toContain("is in")
  })

  it("refuses what is no pattern, what matches everywhere, and more than it can look for", () => {
    expect(LogRedaction.compile(["("])).toEqual(Either.left(expect.stringMatching(/^"\(" is no pattern: /)))
    expect(LogRedaction.compile(["a*"])).toEqual(
      Either.left(expect.stringMatching(/^"a\*" matches where there is nothing/)),
    )
    expect(Either.isLeft(LogRedaction.compile(Array.from({ length: 33 }, () => "a")))).toBe(true)
  })

  it("names the pattern that is too large, alone or with those before it", () => {
    const wrongOf = (patterns: ReadonlyArray<string>) => Either.getOrThrow(Either.flip(LogRedaction.compile(patterns)))
    expect(wrongOf(["fine", "a".repeat(1_025)])).toMatch(/^"a{1025}" is no pattern: it has over 1024 characters$/)
    expect(wrongOf(["fine", "(?:ab|cd){200}"])).toMatch(
      /^"\(\?:ab\|cd\)\{200\}" is no pattern: .* longer than 512 steps$/,
    )
    const big = (of: string) => `${of}[a-z]{400}`
    expect(Either.isRight(LogRedaction.compile([big("a"), big("b")]))).toBe(true)
    expect(wrongOf([big("a"), big("b"), big("c")])).toMatch(
      /^"c\[a-z\]\{400\}" and those before it make 1\d{3} steps, more than 1024: leave some out/,
    )
  })

  it("takes its mark for no group of the pattern", () => {
    const one = Either.getOrThrow(LogRedaction.compile(["(a)(b)"]))
    const [record] = recordsOf({ stream: 1, text: "xaby" })
    const { bytes, end, payload } = one.redact(record!)
    expect(Buffer.from(bytes.subarray(payload, end)).toString()).toBe("x[redacted]y\n")
  })
})

/** Counts what is withheld. */
const counting = (patterns: ReadonlyArray<string>) => {
  let count = 0
  const redaction = Either.getOrThrow(LogRedaction.compile(patterns, () => count++))
  return { redaction, count: () => count }
}

const MEBI = 1_048_576

describe("A line that is too much to redact", () => {
  it.each<[string, ReadonlyArray<string>, string]>([
    ["many steps and a long line", ["[a-z]{400}[0-9]", "(?:a?){120}[bc]"], "xyz ".repeat(MEBI / 4)],
    ["a search to the end of the line for each of many matches", ["x(?:.*y)?"], "x".repeat(200_000)],
    ["a match at each byte of a long line", ["x"], "x".repeat(MEBI - 1)],
    ["what would become too long", ["xxxx"], "x".repeat(MEBI / 2)],
  ])("for %s is withheld, and counted", (_, patterns, text) => {
    const { count, redaction } = counting(patterns)
    const [record] = recordsOf({ stream: 2, text }, true)
    const { bytes, end, payload, stream } = redaction.redact(record!)
    expect([stream, Buffer.from(bytes.subarray(0, Math.min(end, 200))).toString()]).toEqual([
      2,
      `${STAMP}${LogRedaction.WITHHELD}\n`,
    ])
    expect([payload, count()]).toEqual([STAMP.length, 1])
  })

  it.each(CASES)("is withheld as $format (host $host) where it is over 1 MiB, once and with its newline", (each) => {
    const { count, redaction } = counting(PATTERNS)
    // The secret lies where a piece ends.
    const long = `${"y".repeat(MEBI - 5)}s1234567890t${"z".repeat(MEBI + 10)}`
    const lines = [long, "after s123t"].flatMap((text) => [...recordsOf({ stream: 1, text })])
    const never = [LogRedaction.WITHHELD, "after [redacted]"].flatMap((text) => [...recordsOf({ stream: 1, text })])
    expect(render(each, lines, redaction)).toBe(render(each, never, undefined))
    expect(count()).toBe(1)
  })

  it.each(CASES)("is withheld as $format (host $host) also where its end never comes", (each) => {
    const { redaction } = counting(PATTERNS)
    const records = recordsOf({ stream: 1, text: "s123t".repeat(500_000) }).slice(0, -1)
    const out = render(each, records, redaction)
    expect(out).not.toContain("s123t")
    expect(out.split(LogRedaction.WITHHELD)).toHaveLength(2)
  })

  it("costs nothing by a pattern whose own words are not in it", () => {
    const { count, redaction } = counting(["AKIA[0-9A-Z]{300}", "key-[a-z]{300}"])
    const [record] = recordsOf({ stream: 1, text: "x".repeat(MEBI - 1) }, true)
    expect([redaction.redact(record!) === record, count()]).toEqual([true, 0])
  })
})

describe("Whatever stands in a line", () => {
  const secrets = fc.constantFrom("s123t", "S-KEY:ab12", "4111 1111 1111 1111", "tok_\u00e9A", "password=a password=b")
  const noise = fc.oneof(
    fc.constantFrom(" ", "s12t", "\u{1f389}", "tok_", "x".repeat(3_000), "4111 ".repeat(300), "\ufffd", "\t"),
    fc.string({ maxLength: 20 }),
  )
  const all = ["s[0-9]{3,}t", "(?i)s-key:[a-z0-9]+", "(?:\\d{4} ?){4}", "tok_\\pL+", "(?i)password=\\S+"]
  const forms = all.map((text) => Either.getOrThrow(compile(text)))

  it("nothing leaves that a pattern matches: it is redacted, or its line withheld", () => {
    const parts = fc.array(fc.oneof(noise, secrets), { maxLength: 40 })
    fc.assert(
      fc.property(
        parts,
        fc.integer({ min: 1, max: 400 }),
        fc.shuffledSubarray(all, { minLength: 1 }),
        (some, times, chosen) => {
          const { count, redaction } = counting(chosen)
          const text = some
            .join("")
            .replaceAll("\n", " ")
            .repeat(some.length > 10 ? times : 1)
          const [record] = recordsOf({ stream: 1, text }, true)
          const { bytes, end, payload } = redaction.redact(record!)
          const left = Buffer.from(bytes.subarray(payload, end)).toString()
          expect(all.filter((one, at) => chosen.includes(one) && forms[at]?.test(left))).toEqual([])
          expect(left.endsWith("\n")).toBe(true)
          expect(left === `${LogRedaction.WITHHELD}\n`).toBe(count() === 1)
        },
      ),
      { numRuns: Number(process.env["RDL_RUNS"] ?? 1) * 100 },
    )
  })
})

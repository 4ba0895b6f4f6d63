import { Either, FastCheck as fc } from "effect"
import { describe, expect, it } from "vitest"
import * as LogFilter from "../../src/log/LogFilter.ts"
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

  it("takes its mark for no group of the pattern", () => {
    const one = Either.getOrThrow(LogRedaction.compile(["(a)(b)"]))
    const [record] = recordsOf({ stream: 1, text: "xaby" })
    const { bytes, end, payload } = one.redact(record!)
    expect(Buffer.from(bytes.subarray(payload, end)).toString()).toBe("x[redacted]y\n")
  })
})

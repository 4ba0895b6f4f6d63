import { describe, expect, it } from "@effect/vitest"
import { Either, FastCheck } from "effect"
import { compile } from "@rdl/core/log/LogPattern"
import * as LogFilter from "@rdl/core/log/LogFilter"
import { FilteredLines, FilteredRecords } from "@rdl/core/log/LogFilterSink"
import { LineJoiner, MAX_LINE_BYTES, type LineSink, type Partials } from "@rdl/core/log/LogLine"
import { LogRecord } from "@rdl/core/log/LogRecord"

const filterOf = (query: LogFilter.FilterQuery, tty = false): LogFilter.LineFilter => {
  const filter = Either.getOrThrow(LogFilter.make(query, { tty }))
  if (filter === undefined) throw new Error("no filter")
  return filter
}
const refusal = (query: string): string =>
  Either.getOrThrow(Either.flip(LogFilter.parse(new URLSearchParams(query)))).message

describe("LogFilter", () => {
  it("wants the lines that all of grep match and none of exclude", () => {
    const { wants, literals } = filterOf({ grep: ["a", "b+c"], exclude: ["x", "y"] })
    expect(["a bc", "bbc a", "a", "bc", "abcx", "aybc", ""].filter((text) => wants(recordOf({ text })))).toEqual([
      "a bc",
      "bbc a",
    ])
    expect(literals).toEqual(["a", "b"])
  })

  it("looks at a line without its newline, and without its carriage return where there is a terminal", () => {
    const ends = (text: string, tty: boolean) => filterOf({ grep: ["^end$"] }, tty).wants(recordOf({ text }))
    expect([ends("end\n", false), ends("end\r\n", true), ends("end\r\n", false)]).toEqual([true, true, false])
  })

  it("reads bytes that are no UTF-8 as U+FFFD, and keeps a byte order mark", () => {
    const bytes = Uint8Array.of(0xef, 0xbb, 0xbf, 0x61, 0xff, 0x62)
    const seen = (grep: string) => filterOf({ grep: [grep] }).wants(recordOf({ bytes }))
    expect([seen("^\\x{FEFF}a\\x{FFFD}b$"), seen("^a"), seen("a.b")]).toEqual([true, false, true])
  })

  it("looks only at so much of a line as its patterns can be searched for in bounded time", () => {
    const query = { grep: ["^a{400}"], exclude: ["!$"] }
    const { wants } = filterOf(query)
    const sizes = [...query.grep, ...query.exclude].map((text) => Either.getOrThrow(compile(text)).size)
    const seen = Math.floor(LogFilter.MAX_STEPS / sizes.reduce((sum, size) => sum + size))
    expect(wants(recordOf({ text: `${"a".repeat(seen - 1)}!` }))).toBe(false)
    expect(wants(recordOf({ text: `${"a".repeat(seen)}!` }))).toBe(true)
  })

  it("takes both parameters several times, and an empty one for none", () => {
    const parse = (query: string) => Either.getOrThrow(LogFilter.parse(new URLSearchParams(query)))
    expect(parse("grep=a&exclude=x&grep=b%2B&grep=")).toEqual({ grep: ["a", "b+"], exclude: ["x"] })
    expect(parse("grep=&tail=1")).toEqual({})
  })

  it("refuses patterns by the name of their parameter", () => {
    expect(refusal("grep=ok&exclude=(a)%5C1")).toBe(
      `exclude="(a)\\\\1" means nothing here: expected a regular expression in RE2's syntax; in it is a fault: ` +
        "a back-reference at character 4, which cannot be searched for in linear time",
    )
    expect(refusal(Array.from({ length: 17 }, () => "grep=a").join("&"))).toContain(
      'grep="17 times" means nothing here: expected at most 16',
    )
    expect(refusal("grep=a{300}&exclude=b{300}")).toContain('exclude="b{300}"')
    expect(Either.isRight(LogFilter.parse(new URLSearchParams("grep=a{240}&exclude=b{240}")))).toBe(true)
  })
})

interface Piece {
  readonly stream: 1 | 2
  readonly stamp: string
  readonly text: string
}

const recordOf = (of: {
  readonly stream?: 1 | 2
  readonly stamp?: string
  readonly text?: string
  readonly bytes?: Uint8Array
}) => {
  const stamp = of.stamp ?? ""
  const payload = of.bytes ?? Buffer.from(of.text ?? "")
  const record = new LogRecord()
  record.stream = of.stream ?? 1
  // Not at the start of its buffer, as in a block.
  record.bytes = Buffer.concat([Buffer.from("zzz"), Buffer.from(stamp), payload, Buffer.from("zzz")])
  record.start = 3
  record.details = record.payload = 3 + stamp.length
  record.end = record.payload + payload.length
  return record
}

const pieceOf = ({ stream, bytes, start, payload, end }: LogRecord): Piece => ({
  stream,
  stamp: Buffer.from(bytes.subarray(start, payload)).toString(),
  text: Buffer.from(bytes.subarray(payload, end)).toString(),
})

/** Gives the records as a reader does: all in one object, whose bytes mean nothing after the call. */
const feed = (pieces: ReadonlyArray<Piece>, sink: { readonly record: (record: LogRecord) => void }): void => {
  const record = new LogRecord()
  for (const piece of pieces) {
    Object.assign(record, recordOf(piece))
    sink.record(record)
    record.bytes.fill(0)
  }
}

/** The lines that a joiner makes, as groups of pieces: what filtering is defined by. */
const lines = (pieces: ReadonlyArray<Piece>, partials: Partials): ReadonlyArray<ReadonlyArray<Piece>> => {
  const groups: Array<Array<Piece>> = []
  const open: [Array<Piece> | undefined, Array<Piece> | undefined] = [undefined, undefined]
  for (const piece of pieces) {
    const place = piece.stream === 1 ? 0 : 1
    let group = open[place]
    if (group === undefined || (partials === "docker" && group[0]?.stamp !== piece.stamp)) groups.push((group = []))
    group.push(piece)
    const goesOn = !piece.text.endsWith("\n") && (partials === "podman" || piece.text.length >= 16_384)
    open[place] = goesOn ? group : undefined
  }
  return groups
}

class Taken implements LineSink {
  readonly pieces: Array<Piece> = []
  readonly texts: Array<string> = []
  record(record: LogRecord): void {
    this.pieces.push(pieceOf(record))
  }
  line(record: LogRecord): void {
    const { stream, text } = pieceOf(record)
    this.texts.push(`${stream} ${text}`)
  }
  isClean(): boolean {
    return true
  }
  cut(): void {}
  end(): void {}
}

const LONG = "-".repeat(16_383)
/** So that a failure can be read. */
const short = (pieces: ReadonlyArray<Piece>) =>
  pieces.map(({ stream, stamp, text }) => `${stream} ${stamp}${text.replace(LONG, "…")}`)
const piece = FastCheck.record({
  stream: FastCheck.constantFrom<1 | 2>(1, 2),
  stamp: FastCheck.constantFrom("t1 ", "t2 "),
  text: FastCheck.oneof(
    FastCheck.constantFrom("a\n", "b\n", "ab\n", "\n", "a", "b", ""),
    FastCheck.constantFrom(`${LONG}a`, `b${LONG}`, `b${LONG}\n`, `${LONG}x`),
  ),
})

const asText = (pieces: ReadonlyArray<Piece>) => pieces.map(({ text }) => text).join("")

describe("FilteredRecords", () => {
  it("passes all pieces of the lines that are wanted, and nothing of the others, each stream in order", () => {
    FastCheck.assert(
      FastCheck.property(
        FastCheck.array(piece, { maxLength: 30 }),
        FastCheck.constantFrom<Partials>("docker", "podman"),
        FastCheck.constantFrom(
          { grep: ["a"] },
          { grep: ["ab"] },
          { exclude: ["^b"] },
          { grep: ["^b"], exclude: ["x$"] },
        ),
        (pieces, partials, query) => {
          const { wants } = filterOf(query)
          const taken = new Taken()
          const filtered = new FilteredRecords(filterOf(query), partials, taken)
          feed(pieces, filtered)
          filtered.end()
          expect(filtered.isClean()).toBe(true)
          const wanted = lines(pieces, partials).filter((group) => wants(recordOf({ text: asText(group) })))
          for (const stream of [1, 2] as const)
            expect(short(taken.pieces.filter((one) => one.stream === stream))).toEqual(
              short(wanted.flat().filter((one) => one.stream === stream)),
            )
        },
      ),
    )
  })

  it("holds a line's pieces until it is over, and says so", () => {
    const taken = new Taken()
    const filtered = new FilteredRecords(filterOf({ grep: ["xy"] }), "docker", taken)
    feed([{ stream: 1, stamp: "t1 ", text: `${LONG}x` }], filtered)
    expect([filtered.isClean(), taken.pieces.length]).toEqual([false, 0])
    feed([{ stream: 2, stamp: "t1 ", text: "xy\n" }], filtered)
    feed([{ stream: 1, stamp: "t1 ", text: "y\n" }], filtered)
    expect([filtered.isClean(), taken.pieces.map(({ text }) => text.length)]).toEqual([true, [3, 16_384, 2]])
    feed([{ stream: 1, stamp: "t1 ", text: `${LONG}x` }], filtered)
    filtered.cut()
    feed([{ stream: 1, stamp: "t1 ", text: "y\n" }], filtered)
    expect(taken.pieces.length).toBe(3)
  })

  it("decides by the first 1 MiB of a longer line, and then holds nothing", () => {
    const count = MAX_LINE_BYTES / 16_384
    for (const [text, passed] of [
      ["a", count + 4],
      ["b", 0],
    ] as const) {
      const taken = new Taken()
      const filtered = new FilteredRecords(filterOf({ grep: ["^a"], exclude: ["!"] }), "docker", taken)
      const first = { stream: 1, stamp: "t1 ", text: `${text}${LONG}` } as const
      const rest = { stream: 1, stamp: "t1 ", text: `!${LONG}` } as const
      feed([first, ...Array.from({ length: count - 1 }, () => ({ ...rest, text: `x${LONG}` }))], filtered)
      expect(taken.pieces.length).toBe(0)
      feed([rest], filtered)
      expect(taken.pieces.length).toBe(passed === 0 ? 0 : count + 1)
      feed([rest, rest, { ...rest, text: "a\n" }], filtered)
      expect([filtered.isClean(), taken.pieces.length]).toEqual([true, passed])
    }
  })
})

describe("FilteredLines", () => {
  it("passes the lines that a filter of whole lines would", () => {
    FastCheck.assert(
      FastCheck.property(FastCheck.array(piece, { maxLength: 30 }), (pieces) => {
        const filter = filterOf({ grep: ["a"], exclude: ["x"] })
        const every = new Taken()
        const wanted = new Taken()
        for (const joiner of [
          new LineJoiner("docker", every),
          new LineJoiner("docker", new FilteredLines(filter, wanted)),
        ]) {
          feed(pieces, joiner)
          joiner.end()
        }
        const kept = every.texts.filter((text) => text.includes("a") && !text.includes("x"))
        expect(wanted.texts.map((text) => text.replaceAll(LONG, "…"))).toEqual(
          kept.map((text) => text.replaceAll(LONG, "…")),
        )
      }),
    )
  })

  it("lets the first piece of a line over 1 MiB decide for all of it", () => {
    const wanted = new Taken()
    const joiner = new LineJoiner("docker", new FilteredLines(filterOf({ grep: ["^a"] }), wanted))
    const long = (text: string) =>
      Array.from(
        { length: 80 },
        (_, at) => ({ stream: 1, stamp: "t1 ", text: at === 0 ? text + LONG : `-${LONG}` }) as const,
      )
    feed(
      [...long("a"), { stream: 1, stamp: "t1 ", text: "b\n" }, ...long("b"), { stream: 1, stamp: "t1 ", text: "a\n" }],
      joiner,
    )
    expect(wanted.texts.map((text) => [text.slice(0, 3), text.length])).toEqual([
      ["1 a", MAX_LINE_BYTES + 2],
      ["1 -", 16 * 16_384 + 4],
    ])
  })
})

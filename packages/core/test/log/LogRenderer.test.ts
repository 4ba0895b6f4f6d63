import { FastCheck as fc } from "effect"
import { describe, expect, it } from "vitest"
import type { HostLabel, LogFormat } from "../../src/log/LogQuery.ts"
import { PIECE_ROOM } from "../../src/log/LogOutput.ts"
import type { RecordSink } from "../../src/log/LogRecord.ts"
import * as LogRenderer from "../../src/log/LogRenderer.ts"
import { answer, cut, DETAILS, logs, terminalLogs, wholeLines, type ModelRecord } from "./LogModel.ts"

const ID = "0123456789abcdef".repeat(4)

interface Case {
  readonly format: LogFormat
  readonly host?: HostLabel
  readonly timestamps?: boolean
  readonly details?: boolean
  readonly tty?: boolean
  readonly partials?: "docker" | "podman"
  readonly stdout?: boolean
  readonly stderr?: boolean
}

const make = (options: Case, emit: (bytes: Uint8Array) => void) =>
  LogRenderer.make({
    emit,
    query: {
      stdout: options.stdout ?? true,
      stderr: options.stderr ?? true,
      timestamps: options.timestamps ?? false,
      details: options.details ?? false,
    },
    rendering: { format: options.format, host: options.host ?? "none" },
    tty: options.tty ?? false,
    source: "edge-1",
    container: { id: ID, name: "web" },
    partials: options.partials ?? "docker",
  })

/**
 * What is emitted, read at the end only, and from pieces that are overwritten after use, as is the room before what is
 * emitted: nothing is a view of either. What is held may leave at any time.
 */
const render = (options: Case, pieces: ReadonlyArray<Uint8Array>) => {
  const out: Array<Uint8Array> = []
  const renderer = make(options, (bytes) => {
    new Uint8Array(bytes.buffer, bytes.byteOffset - PIECE_ROOM, PIECE_ROOM).fill(0xaa)
    out.push(bytes)
  })
  const reader = readerOf(options, renderer)
  let error = undefined
  // One buffer for all of them, as who reads a socket has it.
  const slab = Buffer.alloc(Math.max(0, ...pieces.map(({ length }) => length)))
  for (const [index, given] of pieces.entries()) {
    const piece = slab.subarray(0, given.length)
    piece.set(given)
    error ??= reader.push(piece)
    expect(renderer.held()).toBeLessThanOrEqual(65_536)
    if (index % 2 === 1) renderer.flush()
    if (index % 2 === 1) expect(renderer.held()).toBe(0)
  }
  error ??= reader.end()
  renderer.flush()
  expect(out.every((bytes) => bytes.length > 0 && bytes.length <= 65_536)).toBe(true)
  return { out: Buffer.concat(out), error }
}

const readerOf = (options: Case, sink: RecordSink) =>
  LogRenderer.recordReader(
    { tty: options.tty ?? false, details: options.details ?? false, partials: options.partials ?? "docker" },
    sink,
  )

const good = (options: Case, pieces: ReadonlyArray<Uint8Array>): Buffer => {
  const { out, error } = render(options, pieces)
  expect(error).toBeUndefined()
  return out
}

const flags = { timestamps: fc.boolean(), details: fc.boolean() }
const cuts = fc.array(fc.nat(), { maxLength: 8 })
const cases = fc.record({ ...flags, tty: fc.boolean() }).chain((options) =>
  fc.record({
    options: fc.constant(options),
    records: options.tty ? terminalLogs : logs,
    cuts,
  }),
)

/** Compares as text, which shows where two outputs part. */
const same = (actual: Buffer, expected: Buffer) => expect(actual.toString("latin1")).toBe(expected.toString("latin1"))

const contentOf = (record: ModelRecord, tty: boolean): Buffer => {
  const { content } = record.line
  return tty && record.line.terminated ? content.subarray(0, -1) : content
}

const engineInput = (records: ReadonlyArray<ModelRecord>, options: Partial<Case>, places: ReadonlyArray<number>) =>
  cut(answer(records, { timestamps: true, details: options.details ?? false, tty: options.tty ?? false }), places)

describe("Docker's own formats", () => {
  it("are what the engine would have answered, whatever the content and wherever it was cut", () => {
    fc.assert(
      fc.property(cases, fc.constantFrom<LogFormat>("raw", "multiplexed"), ({ options, records, cuts }, format) => {
        same(good({ ...options, format }, engineInput(records, options, cuts)), answer(records, options))
      }),
    )
  })

  it("hold one stream where only one is wanted", () => {
    fc.assert(
      fc.property(logs, fc.constantFrom(1, 2), cuts, (records, stream, places) => {
        const options: Case = { format: "multiplexed", stdout: stream === 1, stderr: stream === 2 }
        const wanted = records.filter(({ line }) => line.stream === stream)
        same(
          good(options, engineInput(records, options, places)),
          answer(wanted, { timestamps: false, details: false, tty: false }),
        )
      }),
    )
  })

  it("have no stderr where the container has a terminal", () => {
    const input = Buffer.from("2026-11-22T10:44:07.000000001Z x\r\n")
    expect(good({ format: "raw", tty: true, stdout: false }, [input]).length).toBe(0)
  })

  it("are found in a terminal's log also where the local driver stored an empty record", () => {
    const [one, two] = ["2026-11-22T10:44:07.000000001Z ", "2026-11-22T10:44:07.000000002Z "]
    const x = "x".repeat(16_384)
    const input = Buffer.from(`${one}${x}${one}${two}next\r\n`)
    for (let at = input.length - 80; at <= input.length; at++)
      same(good({ format: "raw", tty: true }, cut(input, [at])), Buffer.from(`${x}next\r\n`))
  })

  it("keep a timestamp that a program prints at the start of its line, whatever it says", () => {
    const said = "2999-01-01T00:00:00.000000000Z from another clock\r\n"
    same(good({ format: "raw", tty: true }, [Buffer.from(`2026-11-22T10:44:07.000000001Z ${said}`)]), Buffer.from(said))
  })

  it("take an empty frame for no record", () => {
    const record = frame(2, "2026-11-22T10:44:07.000000001Z x\n")
    same(good({ format: "raw" }, [Buffer.concat([frame(1, ""), record, frame(2, "")])]), frame(2, "x\n"))
  })

  it("have no frame for an empty record, as the daemon has none", () => {
    const empty = frame(1, "2026-11-22T10:44:07.000000001Z ")
    expect(good({ format: "multiplexed" }, [empty]).length).toBe(0)
    same(
      good({ format: "multiplexed", timestamps: true }, [Buffer.from(empty)]),
      frame(1, "2026-11-22T10:44:07.000000001Z "),
    )
  })
})

describe("text without host label", () => {
  it("is the payloads, one behind the other", () => {
    fc.assert(
      fc.property(cases, ({ options, records, cuts }) => {
        same(
          good({ ...options, format: "text" }, engineInput(records, options, cuts)),
          answer(records, { ...options, tty: true }),
        )
      }),
    )
  })
})

describe("labelled text", () => {
  it("has one label on every line, and the lines are whole and of one stream", () => {
    fc.assert(
      fc.property(cases, fc.constantFrom<HostLabel>("prefix", "suffix"), ({ options, records, cuts }, host) => {
        const tty = options.tty
        let expected = ""
        for (const record of wholeLines(records)) {
          if (expected !== "" && !expected.endsWith("\n")) expected += "\n"
          const said = `${options.timestamps ? record.stamp : ""}${options.details ? DETAILS : ""}`
          const ending = record.line.terminated ? "\n" : ""
          const text = record.line.content.toString("latin1")
          if (host === "prefix") expected += `edge-1 | ${said}${text}${ending}`
          else {
            const bare = contentOf(record, tty).toString("latin1")
            expected += `${said}${bare} | edge-1${text.slice(bare.length)}${ending}`
          }
        }
        // A piece that was waiting for its rest is over with its newline.
        const waits = [1, 2].some((stream) => {
          const last = records.findLast(({ line }) => line.stream === stream)
          return last !== undefined && !last.line.terminated && last.payload.length >= 16_384
        })
        if (waits && !expected.endsWith("\n")) expected += "\n"
        const out = good({ ...options, format: "text", host }, engineInput(records, options, cuts))
        expect(out.toString("latin1")).toBe(expected)
      }),
    )
  })

  it("lets a line over 1 MiB go on in pieces, and starts a labelled line anew where another stream cut in", () => {
    const stamp = "2026-11-22T10:44:07.000000001Z "
    const piece = frame(1, stamp + "x".repeat(16_384))
    const input = Buffer.concat([
      ...Array.from({ length: 70 }, () => piece),
      frame(2, "2026-11-22T10:44:07.000000002Z oops\n"),
      ...Array.from({ length: 70 }, () => piece),
      frame(1, `${stamp}end\n`),
    ])
    const prefixed = good({ format: "text", host: "prefix" }, cut(input, [5, 100_000])).toString()
    expect(prefixed.split("\n").map((line) => [line.slice(0, 10), line.length])).toEqual([
      ["edge-1 | x", 9 + 64 * 16_384],
      ["edge-1 | o", 13],
      ["edge-1 | x", 9 + 76 * 16_384 + 3],
      ["", 0],
    ])
    const open = Buffer.concat([
      input.subarray(0, 70 * piece.length),
      frame(2, "2026-11-22T10:44:07.000000002Z oops"),
      piece,
    ])
    for (const rest of [frame(1, `${stamp}end\n`), frame(1, "2026-11-22T10:44:07.000000003Z new\n")])
      expect(
        good({ format: "text", host: "prefix" }, [Buffer.concat([open, rest])])
          .toString()
          .split("\n")
          .every((line, index) => line.startsWith("edge-1 | ") || (line === "" && index > 2)),
      ).toBe(true)
    const suffixed = good({ format: "text", host: "suffix" }, cut(input, [])).toString()
    expect(suffixed.split("\n").map((line) => [line.slice(-10), line.length])).toEqual([
      ["x | edge-1", 9 + 64 * 16_384],
      ["s | edge-1", 13],
      ["d | edge-1", 9 + 76 * 16_384 + 3],
      ["", 0],
    ])
  })
})

describe("JSON lines and server-sent events", () => {
  it("say what JSON.stringify and a TextDecoder would say of each line, and nothing else", () => {
    fc.assert(
      fc.property(cases, fc.constantFrom<LogFormat>("ndjson", "sse"), ({ options, records, cuts }, format) => {
        const objects: Array<unknown> = wholeLines(records).map((record) => ({
          source: "edge-1",
          container: "web",
          id: ID,
          stream: record.line.stream === 1 ? "stdout" : "stderr",
          time: record.stamp.trim(),
          line: new TextDecoder("utf-8", { ignoreBOM: true }).decode(contentOf(record, options.tty)),
          ...(options.details ? { attrs: { a: "1", "k 2": "v/w" } } : {}),
        }))
        const expected = objects.map((object) =>
          format === "sse" ? `data: ${JSON.stringify(object)}\n\n` : `${JSON.stringify(object)}\n`,
        )
        const out = good({ ...options, format }, engineInput(records, options, cuts))
        expect(out.toString()).toBe(expected.join(""))
      }),
    )
  })

  it("give each line its own details", () => {
    const stamp = "2026-11-22T10:44:07.000000001Z "
    const input = ["a=1 x\n", "a=2 y\n", " y\n", "a=2,b z\n"].map((rest) => Buffer.from(frame(1, stamp + rest)))
    for (const pieces of [input, [Buffer.concat(input)]])
      expect(
        good({ format: "ndjson", details: true }, pieces)
          .toString()
          .match(/"line".*/g),
      ).toEqual([
        `"line":"x","attrs":{"a":"1"}}`,
        `"line":"y","attrs":{"a":"2"}}`,
        `"line":"y","attrs":{}}`,
        `"line":"z","attrs":{"a":"2","b":""}}`,
      ])
  })

  it("mark the pieces of a line over 1 MiB, cut between characters, and lose none of it", () => {
    const stamp = "2026-11-22T10:44:07.000000001Z "
    const text = `a${"日本🎉é".repeat(250_000)}`
    const bytes = Buffer.from(text)
    const input = Buffer.concat(
      Array.from({ length: Math.ceil(bytes.length / 16_384) }, (_, index) =>
        frame(1, Buffer.concat([Buffer.from(stamp), bytes.subarray(index * 16_384, (index + 1) * 16_384)])),
      ),
    )
    const objects = good({ format: "ndjson" }, [input])
      .toString()
      .trimEnd()
      .split("\n")
      .map((line): { line?: string; partial?: boolean } => JSON.parse(line) as { line?: string; partial?: boolean })
    expect(objects.map(({ partial }) => partial)).toEqual([true, true, undefined])
    expect(objects.map(({ line }) => line ?? "").join("")).toBe(text)
    expect(objects.every(({ line = "" }) => Buffer.byteLength(line) <= 1_048_576)).toBe(true)
  })
})

describe("Podman's records", () => {
  const input = () =>
    Buffer.concat([
      frame(1, "2026-11-22T12:44:07.5+02:00 one "),
      frame(2, "2026-11-22T12:44:07.6000+02:00 other\n"),
      frame(1, "2026-11-22T12:44:08.000000001+02:00 line\n"),
    ])

  it("go on until a newline, with timestamps in the host's zone", () => {
    const text = (timestamps: boolean) =>
      good({ format: "text", host: "prefix", partials: "podman", details: true, timestamps }, [input()]).toString()
    expect(text(false)).toBe("edge-1 | other\nedge-1 | one line\n")
    expect(text(true)).toContain("edge-1 | 2026-11-22T12:44:07.5+02:00 one line\n")
  })

  it("have their time in UTC in JSON", () => {
    const out = good({ format: "ndjson", partials: "podman" }, cut(input(), [3, 50])).toString()
    expect(out).toContain(`"time":"2026-11-22T10:44:07.500000000Z","line":"one line"`)
    expect(out).toContain(`"time":"2026-11-22T10:44:07.600000000Z","line":"other"`)
  })
})

describe("a broken log", () => {
  const line = (format: LogFormat) => ({ format, host: "prefix" }) as const
  const goodLine = frame(1, "2026-11-22T10:44:07.000000001Z fine\n")
  const formats = ["text", "ndjson", "sse", "multiplexed"] as const

  it("fails where the engine says so in band, in every format, and takes nothing more", () => {
    for (const format of formats) {
      const broken = frame(3, "Error grabbing logs: invalid character\n")
      const { out, error } = render(line(format), cut(Buffer.concat([goodLine, broken, goodLine]), [60]))
      expect(error).toMatchObject({ _tag: "StreamError", reason: "engine-error" })
      expect(error?.message).toContain("Error grabbing logs: invalid character")
      expect(out.toString().match(/fine/g)?.length).toBe(1)
      expect(out.includes("Error grabbing")).toBe(false)
    }
  })

  it("repeats 300 bytes of what the engine says in band, and keeps 4 KiB of it", () => {
    const { error } = render(line("text"), [Buffer.concat([goodLine, frame(3, "e".repeat(5_000))])])
    expect(error?.message).toBe(`the engine broke off the log: ${"e".repeat(300)}`)
    expect(error).toMatchObject({ words: { length: 4_096 } })
    const long = Buffer.from(`2026-11-22T10:44:07.000000001Z fine\r\n${"e".repeat(299)}`)
    const reader = readerOf(
      { format: "raw", tty: true },
      make({ format: "raw", tty: true }, () => {}),
    )
    expect(reader.push(long)).toBeUndefined()
    const told = reader.push(Buffer.from("ee"))
    expect(told).toMatchObject({ words: { length: 300 } })
  })

  it("fails where the terminal's log says so, wherever it was cut", () => {
    const input = Buffer.from("2026-11-22T10:44:07.000000001Z fine\r\nError grabbing logs: a log that is bad\n")
    for (let at = 0; at <= input.length; at++)
      for (const format of ["text", "raw"] as const) {
        const { out, error } = render({ format, tty: true }, cut(input, [at]))
        expect(error?.message).toBe("the engine broke off the log: Error grabbing logs: a log that is bad")
        expect(out.toString()).toBe("fine\r\n")
      }
  })

  it("fails where it ends inside a frame, or where a record has no timestamp", () => {
    for (const format of formats)
      for (const rest of [
        goodLine.subarray(0, 20),
        frame(1, "no time\n"),
        frame(2, "2026-11-22T10:44:07Znospace\n"),
        frame(1, "2026-11-22T10:44:07.0123456789Z ten\n"),
      ]) {
        const { out, error } = render(line(format), [Buffer.concat([goodLine, rest])])
        expect(error).toMatchObject({ _tag: "StreamError", reason: "engine-error" })
        expect(out.toString().match(/fine/g)?.length).toBe(1)
      }
  })

  it("fails at a terminal's record over 1 MiB", () => {
    const start = Buffer.from("2026-11-22T10:44:07.000000001Z ")
    const { error } = render({ format: "raw", tty: true }, [
      start,
      ...Array.from({ length: 17 }, () => Buffer.alloc(65_536)),
    ])
    expect(error?.message).toContain("over 1048576 bytes")
  })
})

const frame = (type: number, payload: string | Buffer): Buffer => {
  const body = Buffer.from(payload)
  const header = Buffer.alloc(8)
  header.writeUInt8(type, 0)
  header.writeUInt32BE(body.length, 4)
  return Buffer.concat([header, body])
}

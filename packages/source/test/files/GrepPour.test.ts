import { describe, expect, it } from "@effect/vitest"
import { Effect, Either, FastCheck as fc } from "effect"
import { type LineFilter, make } from "@rdl/core/log/LogFilter"
import { FilteredRecords } from "@rdl/core/log/LogFilterSink"
import type { LogRecord } from "@rdl/core/log/LogRecord"
import { BLOCK_BYTES, FilePass, MARGIN_BYTES, SEARCH_BLOCK_BYTES } from "@rdl/source/files/FilePass"
import * as FilePour from "@rdl/source/files/FilePour"
import { GrepBlock } from "@rdl/source/files/GrepBlock"
import { needleOf, type Storage } from "@rdl/source/files/GrepNeedle"
import { JsonFileFormat } from "@rdl/source/files/JsonFileFormat"
import { LocalFormat } from "@rdl/source/files/LocalFormat"
import { RecordFilter } from "@rdl/source/files/RecordFilter"
import { localRecord } from "./LocalFile.ts"
import { MemoryFile } from "./MemoryFile.ts"
import { RecordingTaker } from "./RecordingTaker.ts"

const SECOND = Date.parse("2026-11-22T10:00:00Z") / 1000

const streamOf = (n: number): 1 | 2 => (n % 3 === 0 ? 2 : 1)

const drivers = {
  json: {
    format: () => new JsonFileFormat({ details: false }),
    write: (text: string, n: number) => {
      const time = `${new Date((SECOND + n) * 1000).toISOString().slice(0, 19)}.000000001Z`
      const stream = streamOf(n) === 2 ? "stderr" : "stdout"
      return Buffer.from(`{"log":${JSON.stringify(text)},"stream":"${stream}","time":"${time}"}\n`)
    },
  },
  plain: {
    format: () => new LocalFormat({ details: false, endsLongLines: true }),
    write: (text: string, n: number) => {
      const isWhole = text.endsWith("\n")
      return localRecord({
        stream: streamOf(n),
        nanos: BigInt(SECOND + n) * 1_000_000_000n,
        line: Buffer.from(isWhole ? text.slice(0, -1) : text),
        piece: isWhole ? undefined : { last: false, ordinal: 1 },
      })
    },
  },
} as const

const fileOf = (storage: Storage, texts: ReadonlyArray<string>): Buffer =>
  Buffer.concat(texts.map((text, n) => drivers[storage].write(text, n)))

/** Up to 200 KB, so that what comes behind stands about where a block ends. */
const hay = fc
  .nat(1200)
  .map((count) => Array.from({ length: count }, (_, at) => `request ${at} done, n${"d".repeat(at % 90)}\n`))
const few = fc.array(
  fc.constantFrom("needle\n", "need", "le\n", 'a "needle\\', "\n", "n\n", "neednee\n", "\t\u0001needle\n"),
  { maxLength: 6 },
)
/** A piece of a line, which a driver cuts at 16 KiB, and records that are a byte shorter or longer. */
const pieces = fc
  .tuple(fc.constantFrom(16_383, 16_384, 16_385), fc.constantFrom("need", "needle", "le", "e"))
  .map(([length, end]) => [end.padStart(length, "e")])
/** Each byte is six in a file of JSON: the record is longer than what is kept for the beginning of one. */
const escapes = fc.nat(16_000).map((length) => [`${"\u0001".repeat(length)}needle\n`])
const texts = fc
  .array(
    fc.oneof(
      { weight: 4, arbitrary: hay },
      { weight: 3, arbitrary: pieces },
      { weight: 4, arbitrary: few },
      { weight: 1, arbitrary: escapes },
    ),
    { minLength: 1, maxLength: 16 },
  )
  .map((parts) => parts.flat())

/** Lets those lines through that a filter passes. */
class FilteringTaker extends RecordingTaker {
  readonly lines: Array<string> = []
  private readonly sink: FilteredRecords

  constructor(filter: LineFilter, room?: number) {
    super(room === undefined ? {} : { room })
    this.sink = new FilteredRecords(filter, "docker", {
      record: ({ stream, bytes, payload, end }) =>
        void this.lines.push(`${stream} ${Buffer.from(bytes.subarray(payload, end)).toString()}`),
      isClean: () => true,
      cut: () => {},
      end: () => {},
    })
  }

  override record(record: LogRecord, offset?: number): void {
    super.record(record, offset)
    this.sink.record(record)
  }

  finish(): void {
    this.sink.end()
  }
}

interface Pouring {
  readonly storage: Storage
  readonly grep: string
  readonly isGrepped: boolean
  readonly room?: number
  readonly isGenuine?: Effect.Effect<boolean>
}

/** Pours a file, as far as there is one, into a filter. */
const pour = async (
  file: MemoryFile,
  { storage, grep, isGrepped, room, isGenuine = Effect.succeed(true) }: Pouring,
) => {
  const format = drivers[storage].format()
  const filter = Either.getOrThrow(make({ grep: [grep] }, { tty: false }))!
  const taker = new FilteringTaker(filter, room)
  taker.file(file.device, file.inode)
  const needle = isGrepped ? needleOf(filter.literals, storage) : undefined
  const options = { format, taker, filter: new RecordFilter({ since: undefined, until: undefined, onlyFirst: true }) }
  const { pour } = FilePour.make({ ...options, grep: needle && new GrepBlock(format, needle) })
  const pass = new FilePass(file, format, 0)
  const why = await Effect.runPromise(pour(pass, isGenuine))
  taker.finish()
  return { why, taker, lines: taker.lines, seen: taker.records + taker.passes, position: pass.position }
}

const runs = (usual: number) => ({ numRuns: Number(process.env["RDL_TEST_RUNS"] ?? usual) })

describe.each(["json", "plain"] as const)(
  "FilePour of a file of the %s kind of which few lines are wanted",
  (storage) => {
    it("lets through what a filter passes of all lines, wherever blocks end and however much a read gives", () =>
      fc.assert(
        fc.asyncProperty(
          texts,
          fc.constantFrom("needle", "need.*le", 'a "need', "(need|le){3}", "e{9}needle"),
          fc.array(fc.oneof({ weight: 5, arbitrary: fc.constant(1) }, fc.double({ min: 0, max: 1, noNaN: true })), {
            minLength: 1,
            maxLength: 5,
          }),
          fc.option(fc.integer({ min: 1, max: 4 }), { nil: undefined }),
          async (written, grep, parts, room) => {
            const file = new MemoryFile(fileOf(storage, written))
            file.most = (length) => Math.ceil(length * parts[file.reads % parts.length]!)
            const plain = await pour(file, { storage, grep, isGrepped: false })
            const grepped = await pour(file, {
              storage,
              grep,
              isGrepped: true,
              ...(room === undefined ? {} : { room }),
            })
            expect(grepped.lines).toEqual(plain.lines)
            expect([grepped.why, grepped.seen, grepped.position]).toEqual(["end", written.length, file.content.length])
            expect(grepped.taker.cursor().file).toEqual(plain.taker.cursor().file)
          },
        ),
        runs(12),
      ))

    const line = (kind: string) => (_: unknown, n: number) => `${kind} ${n} ${n % 50 === 0 ? "needle" : "hay"}\n`
    const old = Array.from({ length: 16_000 }, line("old"))
    const wanted = old.flatMap((text, n) => (text.includes("needle") ? [`${streamOf(n)} ${text}`] : []))
    const whole = fileOf(storage, old)
    const other = fileOf(storage, Array.from({ length: 20_000 }, line("new")))

    it("gives nothing of what was read before, or behind, the moment in which the file was emptied", () =>
      fc.assert(
        fc.asyncProperty(
          fc.boolean(),
          fc.integer({ min: 0, max: 12 }),
          fc.boolean(),
          fc.double({ min: 0, max: 1, noNaN: true }),
          async (isGrepped, moment, isEarly, part) => {
            const file = new MemoryFile(whole)
            const swap = (now: number) => {
              if (now === moment) file.content = other.subarray(0, part * other.length)
            }
            let asked = 0
            if (isEarly) file.onRead = swap
            const isGenuine = Effect.sync(() => {
              const is = file.content === whole
              if (!isEarly) swap(asked++)
              return is
            })
            const { lines, seen, why } = await pour(file, { storage, grep: "needle", isGrepped, isGenuine })
            expect(lines).toEqual(wanted.slice(0, lines.length))
            const isReplaced = file.content !== whole && (seen < old.length || why === "replaced")
            expect([why, seen]).toEqual(isReplaced ? [part < 1 ? why : "replaced", seen] : ["end", old.length])
            expect(lines.length).toBe(wanted.filter((_, n) => n * 50 < seen).length)
          },
        ),
        runs(15),
      ))

    it("holds no more than others while its taker has no room for what it finds, and a while longer", async () => {
      const rest = "d".repeat(1000)
      const dense = Array.from({ length: 3_000 }, (_, n) => `needle ${n} ${rest}\n`)
      const sparse = Array.from({ length: 12_000 }, (_, n) => `request ${n} ${rest}\n`)
      const file = new MemoryFile(fileOf(storage, [...dense, ...sparse]))
      const { lines, position } = await pour(file, { storage, grep: "needle", isGrepped: true, room: 100 })
      expect([lines.length, position]).toEqual([dense.length, file.content.length])
      const [usual, large] = [MARGIN_BYTES + BLOCK_BYTES, MARGIN_BYTES + SEARCH_BLOCK_BYTES]
      expect([...file.blocks].map(({ length }) => length).slice(2)).toEqual([usual, usual, large, large, large])
    })
  },
)

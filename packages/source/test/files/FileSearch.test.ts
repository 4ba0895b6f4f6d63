import { rmSync, writeFileSync } from "node:fs"
import { gzipSync } from "node:zlib"
import { Effect, FastCheck as fc } from "effect"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { type Place, scan } from "../../src/files/FileScan.ts"
import { DISORDER_BYTES, DISORDER_NS, lastBefore, START, tailPlace, timePlace } from "../../src/files/FileSearch.ts"
import { JsonFileFormat } from "../../src/files/JsonFileFormat.ts"
import type { LogFile } from "../../src/files/LogFile.ts"
import { HeldFiles, openAll } from "../../src/files/LogFileSet.ts"
import { LogFolder } from "./LogFolder.ts"

const RUNS = Number(process.env["RDL_TEST_RUNS"] ?? 10) * 3
const KEPT = 4
const format = new JsonFileFormat({ details: false })
const BEGIN_MS = 1_795_341_600_000

/** Line `n`, so many milliseconds after the first, of about so many bytes. */
const line = (n: number, ms: number, bytes = 0): string => {
  const time = new Date(BEGIN_MS + ms).toISOString()
  return `{"log":"${n} ${"x".repeat(bytes)}\\n","stream":"stdout","time":"${time.replace(/\.?0*Z$/, "Z")}"}\n`
}

interface Contents {
  readonly text: string
  readonly packed?: boolean
}

describe("a place in a log's files", () => {
  let folder: LogFolder
  let held: HeldFiles

  beforeEach(() => {
    folder = new LogFolder(KEPT)
    held = new HeldFiles()
  })
  afterEach(async () => {
    await Effect.runPromise(held.closeAll)
    folder.remove()
  })

  /** Opens these files, oldest first; the newest is never packed. */
  const lay = async (contents: ReadonlyArray<Contents>): Promise<ReadonlyArray<LogFile>> => {
    await Effect.runPromise(held.closeAll)
    for (let number = 0; number <= KEPT; number++) {
      const path = number === 0 ? folder.path : `${folder.path}.${number}`
      for (const name of [path, `${path}.gz`]) rmSync(name, { force: true })
      const file = contents[contents.length - 1 - number]
      if (file === undefined) continue
      if (file.packed === true && number > 0) writeFileSync(`${path}.gz`, gzipSync(file.text))
      else writeFileSync(path, file.text)
    }
    return Effect.runPromise(openAll(folder.path, KEPT, held))
  }
  /** The numbers of the lines from a place on. */
  const from = async (files: ReadonlyArray<LogFile>, place: Place): Promise<ReadonlyArray<number>> => {
    const found: Array<number> = []
    const visit = scan(files, format, place, ({ bytes, start, end }) => {
      found.push(Number(/ (\d+) /.exec(Buffer.from(bytes.subarray(start, end)).toString())?.[1]))
      return false
    })
    await Effect.runPromise(visit)
    return found
  }
  const numberOf = async (files: ReadonlyArray<LogFile>, place: Place) => {
    const before = await Effect.runPromise(lastBefore(files, format, place))
    if (before === undefined || before === "unknown") return before
    return Number(/ (\d+) /.exec(Buffer.from(before.bytes.subarray(before.start, before.end)).toString())?.[1])
  }

  const logs = fc.array(fc.record({ lines: fc.nat(40), packed: fc.boolean(), bytes: fc.constantFrom(0, 0, 3000) }), {
    minLength: 1,
    maxLength: KEPT + 1,
  })

  it("of the last lines has just these behind it, and the line before them before it, whatever the files are", async () => {
    await fc.assert(
      fc.asyncProperty(logs, fc.nat(210), fc.boolean(), async (shape, wanted, isCut) => {
        let total = 0
        const contents = shape.map(({ bytes, lines, packed }) => ({
          packed,
          text: Array.from({ length: lines }, () => line(total, total++, bytes)).join(""),
        }))
        const newest = shape.at(-1)!.lines
        const last = contents.at(-1)!
        if (isCut) last.text += line(total, 0).slice(0, 20)
        const files = await lay(contents)
        for (const count of [wanted, total, newest, 0]) {
          const place = await Effect.runPromise(tailPlace(files, format, count))
          const first = Math.max(0, total - count)
          const expected = Array.from({ length: total - first }, (_, index) => first + index)
          expect(await from(files, place)).toEqual(expected)
          expect(await numberOf(files, place)).toBe(first === 0 ? undefined : first - 1)
        }
      }),
      { numRuns: RUNS },
    )
  })

  it("has a line before it that is not looked for far back", async () => {
    const files = await lay([{ text: line(0, 0) + line(1, 1, 200_000) }, { text: line(2, 2) }])
    expect(await numberOf(files, { file: 1, offset: 0 })).toBe("unknown")
  })

  it("is not looked for for ever in what is no log", async () => {
    const letters = "x".repeat(20_000_000)
    for (const [text, wanted] of [
      [letters, 0],
      [`${letters}\n`, 1],
    ] as const) {
      const files = await lay([{ text }])
      const looking = Effect.flip(tailPlace(files, format, wanted))
      expect(await Effect.runPromise(looking)).toMatchObject({ _tag: "OriginUnable" })
    }
  })

  describe("of a time", () => {
    const nanosOf = (ms: number): bigint => BigInt(BEGIN_MS + ms) * 1_000_000n
    /** Bytes from the start of the first file. */
    const bytesTo = (contents: ReadonlyArray<Contents>, { file, offset }: Place): number =>
      contents.slice(0, file).reduce((sum, { text }) => sum + text.length, 0) + offset
    /** Lines that are all as long, one each so many milliseconds, in so many files of as many lines. */
    const even = (files: number, lines: number, everyMs: number, packed = false): ReadonlyArray<Contents> =>
      Array.from({ length: files }, (_, file) => ({
        packed,
        text: Array.from({ length: lines }, (_, index) => {
          const n = file * lines + index
          return line(1_000_000 + n, n * everyMs + 1, 30)
        }).join(""),
      }))
    const DISORDER_MS = Number(DISORDER_NS / 1_000_000n)
    /** Of bisection, twice. */
    const SLACK = 2 * 65_536

    it.each([
      ["1 s apart, in one file", 1, 12_000, 1000],
      ["1 s apart, in several files", 4, 3_000, 1000],
      ["1 ms apart, in one file", 1, 60_000, 1],
      ["1 ms apart, in several files", 3, 20_000, 1],
      ["1 ms apart, in many small files", 5, 6_000, 1],
    ])("is at most 60 s or 1 MiB before its first line, whichever is nearer: %s", async (_, count, lines, everyMs) => {
      const contents = even(count, lines, everyMs)
      const files = await lay(contents)
      const bytesOfLine = contents[0]!.text.indexOf("\n") + 1
      for (const part of [0, 0.1, 0.33, 0.5, 0.66, 0.99, 1]) {
        const n = Math.floor(part * count * lines)
        const place = bytesTo(contents, await Effect.runPromise(timePlace(files, format, nanosOf(n * everyMs + 1))))
        const nearest = Math.min(Math.floor(DISORDER_MS / everyMs) * bytesOfLine, DISORDER_BYTES)
        const target = contents[0]!.text.slice(0, bytesOfLine).length * n
        expect(place).toBeGreaterThanOrEqual(Math.max(0, target - nearest - SLACK))
        expect(place).toBeLessThanOrEqual(Math.max(0, target - nearest + bytesOfLine))
      }
    })

    it("is found in packed files by their beginnings", async () => {
      const contents = even(4, 3_000, 1000, true)
      const files = await lay(contents)
      for (const n of [0, 3_000, 3_100, 7_000, 11_900]) {
        const place = await Effect.runPromise(timePlace(files, format, nanosOf(n * 1000 + 1)))
        const file = Math.floor(Math.max(0, n - 60) / 3000)
        // Of one that is packed only the start is a place.
        expect(place.file).toBe(file)
        expect(place.offset === 0).toBe(file < 3)
      }
    })

    it("is behind all of it, or before all, where it is later or earlier by far", async () => {
      const contents = even(3, 2_000, 1000)
      const files = await lay(contents)
      expect(await Effect.runPromise(timePlace(files, format, nanosOf(-1e9)))).toEqual(START)
      const end = await Effect.runPromise(timePlace(files, format, nanosOf(1e9)))
      expect((await from(files, end)).length).toBeLessThan(SLACK / 60)
    })
  })
})

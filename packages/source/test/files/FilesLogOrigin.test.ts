import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Deferred, Effect, Either, Fiber } from "effect"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import type { LogQuery } from "@rdl/core/log/LogQuery"
import { LogTime } from "@rdl/core/log/LogTime"
import { MAX_FILES } from "../../src/files/LogFileSet.ts"
import { TRUNCATED } from "../../src/files/FileFollow.ts"
import { readFolder } from "./FolderReading.ts"
import { RecordingTaker } from "./RecordingTaker.ts"

const id = "ab".repeat(32)
const second = Date.parse("2026-11-22T10:00:00Z") / 1000

/** Line `n` of a log that has one a second. */
const line = (n: number, text = `line ${n}`): string =>
  `{"log":"${text}\\n","stream":"stdout","time":"${new Date((second + n) * 1000).toISOString().replace(".000", "")}"}\n`

const lines = (from: number, to: number): string =>
  Array.from({ length: to - from }, (_, index) => line(from + index)).join("")

describe("FilesLogOrigin", () => {
  let root: string
  let path: string

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "rdl-files-"))
    mkdirSync(join(root, id))
    path = join(root, id, `${id}-json.log`)
  })
  afterEach(() => rmSync(root, { recursive: true }))

  const read = (
    query: Partial<LogQuery>,
    taker: RecordingTaker,
    ended: Effect.Effect<"stopped"> = Effect.never,
    files = 3,
  ) => readFolder({ id, root, kept: files - 1 }, taker, { ...query, ended })
  const run = async (query: Partial<LogQuery>, files?: number) => {
    const taker = new RecordingTaker()
    const reading = Effect.mapError(read(query, taker, Effect.never, files), ({ message }) => message)
    const ended = await Effect.runPromise(Effect.either(reading))
    return { taker, ended }
  }

  it("finds the place of a time in a large log, within and between its files", async () => {
    writeFileSync(`${path}.2`, lines(0, 8_000))
    writeFileSync(`${path}.1`, lines(8_000, 16_000))
    writeFileSync(path, lines(16_000, 24_000))
    for (const n of [0, 1, 7_999, 8_000, 8_001, 15_990, 16_000, 19_123, 23_999, 24_000]) {
      const { taker } = await run({ since: LogTime.make(`${second + n}`) })
      expect(taker.records).toBe(24_000 - n)
      expect(taker.payloads().startsWith(n === 24_000 ? "" : `line ${n}\n`)).toBe(true)
    }
    expect((await run({ tail: 8_001 })).taker.payloads().startsWith("line 15999\n")).toBe(true)
    expect((await run({ tail: 100_000 })).taker.records).toBe(24_000)
  })

  it("gives as many records as asked for of a log that is being written", async () => {
    writeFileSync(path, lines(0, 1_000))
    let written = 1_000
    let isWriting = true
    const write = () => {
      if (!isWriting) return
      appendFileSync(path, line(written++))
      setImmediate(write)
    }
    write()
    try {
      for (let tail = 1; tail <= 60; tail++) {
        const before = written
        const { taker } = await run({ tail })
        expect(taker.records).toBe(tail)
        expect(Number(/line (\d+)\n$/.exec(taker.payloads())?.[1])).toBeGreaterThanOrEqual(before - 1)
      }
    } finally {
      isWriting = false
    }
  })

  it("finds a time in small files whose records do not stand in the order of their times", async () => {
    // It is in the oldest file, and each newer one begins with an earlier time.
    writeFileSync(`${path}.2`, lines(0, 3) + line(50))
    writeFileSync(`${path}.1`, lines(3, 6))
    writeFileSync(path, lines(6, 9))
    const { taker } = await run({ since: LogTime.make(`${second + 50}`) })
    expect(taker.payloads()).toBe("line 50\nline 3\nline 4\nline 5\nline 6\nline 7\nline 8\n")
  })

  it("tells a gap where the file is emptied under a follow, also when it has grown again beyond the place", async () => {
    for (const again of [1, 50]) {
      writeFileSync(path, lines(0, 10))
      const stop = await Effect.runPromise(Deferred.make<"stopped">())
      const taker = new RecordingTaker()
      const fiber = Effect.runFork(read({ follow: true }, taker, Deferred.await(stop)))
      await taker.until(({ records }) => records === 10)
      appendFileSync(path, line(10))
      await taker.until(({ records }) => records === 11)
      truncateSync(path, 0)
      appendFileSync(path, lines(20, 20 + again))
      await taker.until(({ records }) => records === 11 + again)
      await Effect.runPromise(Deferred.succeed(stop, "stopped"))
      expect(await Effect.runPromise(Fiber.join(fiber))).toBe("stopped")
      expect(taker.gaps).toEqual([{ reason: TRUNCATED, at: 11 }])
    }
  })

  it("waits for the rest of a line, and goes on in the next file when the engine has rotated", async () => {
    writeFileSync(path, line(0) + line(1).slice(0, 30))
    const taker = new RecordingTaker()
    const stop = await Effect.runPromise(Deferred.make<"stopped">())
    const fiber = Effect.runFork(read({ follow: true }, taker, Deferred.await(stop)))
    await taker.until(({ records }) => records === 1)
    appendFileSync(path, line(1).slice(30))
    await taker.until(({ records }) => records === 2)
    for (let n = 2; n < 40; n++) {
      appendFileSync(path, line(n))
      rmSync(`${path}.2`, { force: true })
      if (n > 2) renameSync(`${path}.1`, `${path}.2`)
      renameSync(path, `${path}.1`)
      writeFileSync(path, "")
      if (n % 2 === 0) await taker.until(({ records }) => records === n + 1)
    }
    await Effect.runPromise(Deferred.succeed(stop, "stopped"))
    expect(await Effect.runPromise(Fiber.join(fiber))).toBe("stopped")
    expect(taker.payloads()).toBe(Array.from({ length: 40 }, (_, n) => `line ${n}\n`).join(""))
    expect(taker.gaps).toEqual([])
  })

  it("leaves it to the engine where a log has more than 256 files, or a line is over 1 MiB", async () => {
    writeFileSync(path, line(0))
    expect((await run({}, MAX_FILES)).ended).toEqual(Either.right("eof"))
    expect((await run({}, MAX_FILES + 1)).ended).toEqual(Either.left("there are too many files of this log"))
    writeFileSync(path, line(0, "x".repeat(1_000_000)))
    expect((await run({})).ended).toEqual(Either.right("eof"))
    // Its end has not come yet.
    writeFileSync(path, line(0, "x".repeat(1_048_576)).slice(0, -2))
    expect((await run({})).ended).toEqual(Either.left("the log's files are damaged"))
  })

  it("leaves it to the engine where the files are damaged, not there, or behind a link", async () => {
    expect((await run({})).ended).toEqual(Either.left("the log's files are not there, or never the same"))
    writeFileSync(path, `${line(0)}\0\0\0\n`)
    expect((await run({})).ended).toEqual(Either.left("the log's files are damaged"))
    renameSync(path, join(root, "elsewhere"))
    symlinkSync(join(root, "elsewhere"), path)
    expect((await run({})).ended).toEqual(Either.left("the log's files cannot be read: ELOOP"))
    renameSync(join(root, id), join(root, "other"))
    symlinkSync(join(root, "other"), join(root, id))
    expect((await run({})).ended).toEqual(Either.left("a link stands in the way to the log's files"))
  })
})

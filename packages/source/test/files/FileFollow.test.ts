import { appendFileSync, statSync, truncateSync } from "node:fs"
import { join } from "node:path"
import { Deferred, Effect, Fiber } from "effect"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import type { End } from "@rdl/core/link/LinkMessage"
import * as FileChain from "../../src/files/FileChain.ts"
import { follow, ROTATED, TRUNCATED } from "../../src/files/FileFollow.ts"
import * as FileHead from "../../src/files/FileHead.ts"
import { FilePass } from "../../src/files/FilePass.ts"
import * as FilePour from "../../src/files/FilePour.ts"
import { FileWatch } from "../../src/files/FileWatch.ts"
import { JsonFileFormat } from "../../src/files/JsonFileFormat.ts"
import { HeldFiles, openAll } from "../../src/files/LogFileSet.ts"
import { RecordFilter } from "../../src/files/RecordFilter.ts"
import { readFolder, type Reading } from "./FolderReading.ts"
import { lineOf, LogFolder } from "./LogFolder.ts"
import { RecordingTaker, type RecordingOptions } from "./RecordingTaker.ts"

const linesOf = (...numbers: ReadonlyArray<number>): string => numbers.map((n) => `line ${n}\n`).join("")

describe("a follow of files", () => {
  let folder: LogFolder

  beforeEach(() => {
    folder = new LogFolder(1)
    folder.write(0, 1)
  })
  afterEach(() => folder.remove())

  const start = async (reading: Omit<Reading, "ended"> = {}, options: RecordingOptions = {}) => {
    const over = await Effect.runPromise(Deferred.make<End["reason"]>())
    const taker = new RecordingTaker(options)
    const asked = { follow: true, ended: Deferred.await(over), ...reading }
    const fiber = Effect.runFork(readFolder(folder, taker, asked))
    const end = async () => {
      Deferred.unsafeDone(over, Effect.succeed("stopped"))
      return Effect.runPromise(Fiber.join(fiber))
    }
    return { taker, fiber, end }
  }
  const had = (taker: RecordingTaker, count: number) => taker.until(({ records }) => records === count)

  it("gives all that was written before its container stopped, whatever was heard of it", async () => {
    for (let turn = 0; turn < 10; turn++) {
      const own = new LogFolder(1)
      own.write(0)
      const over = await Effect.runPromise(Deferred.make<End["reason"]>())
      const taker = new RecordingTaker()
      const fiber = Effect.runFork(readFolder(own, taker, { follow: true, ended: Deferred.await(over) }))
      await had(taker, 1)
      own.write(1)
      own.rotate(2)
      own.write(3)
      Deferred.unsafeDone(over, Effect.succeed("stopped"))
      expect(await Effect.runPromise(Fiber.join(fiber))).toBe("stopped")
      expect([taker.payloads(), taker.gaps]).toEqual([linesOf(0, 1, 2, 3), []])
      own.remove()
    }
  })

  it("tells one gap, at its place, where files went before anybody could look", async () => {
    const { end, taker } = await start()
    await had(taker, 2)
    for (const n of [2, 3, 4, 5]) folder.rotate(n)
    await had(taker, 4)
    folder.rotate(6)
    await had(taker, 5)
    await end()
    expect(taker.payloads()).toBe(linesOf(0, 1, 4, 5, 6))
    expect(taker.gaps).toEqual([{ reason: ROTATED, at: 2 }])
  })

  it("counts in the new file from its start, which a cursor names", async () => {
    const { end, taker } = await start()
    await had(taker, 2)
    folder.rotate(2, 3)
    await had(taker, 4)
    const { ino, size } = statSync(folder.path, { bigint: true })
    expect(taker.cursor().file).toMatchObject({ inode: ino, offset: Number(size) })
    await end()
  })

  it.each([
    ["from its start", {}, 2],
    ["without history", { tail: 0 }, 0],
  ] as const)("says %s once where it begins, however often it is woken", async (_, query, records) => {
    const { end, taker } = await start(query)
    const settled = (times: number) => taker.until(({ settles }) => settles >= times)
    await settled(2)
    await had(taker, records)
    // Each is heard of, and there is nothing to read.
    for (let n = 0; n < 5; n++) {
      const { settles } = taker
      appendFileSync(join(folder.folder, "other"), "x")
      await settled(settles + 1)
    }
    expect(taker.startedAfter.length).toBe(records === 0 ? 1 : 0)
    folder.write(2)
    await had(taker, records + 1)
    await end()
  })

  it("leaves it to the engine where a file was put aside in the middle of a line", async () => {
    const { fiber, taker } = await start()
    await had(taker, 2)
    appendFileSync(folder.path, lineOf(2).slice(0, 20))
    folder.rotate(3)
    expect(await Effect.runPromise(Effect.flip(Fiber.join(fiber)))).toMatchObject({ _tag: "OriginUnable" })
    expect(taker.payloads()).toBe(linesOf(0, 1))
  })

  it.each([
    ["the first", false],
    ["a later", true],
  ])("tells a gap where %s file is emptied, and has grown again beyond the place", async (_, isLater) => {
    const { end, taker } = await start()
    await had(taker, 2)
    const before = isLater ? 4 : 2
    if (isLater) folder.rotate(2, 3)
    await had(taker, before)
    truncateSync(folder.path)
    folder.write(10, 11, 12, 13, 14)
    await had(taker, before + 5)
    // It is emptied again.
    truncateSync(folder.path)
    folder.write(20, 21, 22, 23, 24, 25, 26)
    await had(taker, before + 12)
    await end()
    expect(taker.gaps).toEqual([
      { reason: TRUNCATED, at: before },
      { reason: TRUNCATED, at: before + 5 },
    ])
  })

  it("tells a gap where half a line that it had read is gone", async () => {
    const { end, taker } = await start()
    await had(taker, 2)
    const { settles } = taker
    appendFileSync(folder.path, lineOf(2).slice(0, 40))
    // It settles before each read, and so once more after one.
    await taker.until((now) => now.settles >= settles + 2)
    truncateSync(folder.path, 2 * lineOf(0).length)
    await had(taker, 4)
    await end()
    expect(taker.payloads()).toBe(linesOf(0, 1, 0, 1))
    expect(taker.gaps).toEqual([{ reason: TRUNCATED, at: 2 }])
  })

  it("gives no file's end for over that was written to after it was read, just before its rotation", async () => {
    const { path } = folder
    const watch = new FileWatch()
    const held = new HeldFiles()
    const format = new JsonFileFormat({ details: false })
    const taker = new RecordingTaker()
    const [first] = await Effect.runPromise(openAll(path, 1, held))
    const chain = FileChain.make({ path, rotated: 1, keeps: true, format, held, watch }, first!, 0)
    const filter = new RecordFilter({ since: undefined, until: undefined, onlyFirst: true })
    const real = FilePour.make({ format, filter, taker })
    let isDone = false
    const meanwhile = Effect.sync(() => {
      if (isDone) return
      isDone = true
      folder.write(2)
      folder.rotate(3)
      watch.renames += 2
      watch.onRename()
      watch.look()
    })
    const pour: FilePour.FilePour = {
      ...real,
      pour: (pass, isGenuine) => Effect.tap(real.pour(pass, isGenuine), meanwhile),
    }
    const over = () => (taker.records === 4 ? "stopped" : undefined)
    const options = { chain, pour, taker, format, held, watch, over, atEnd: () => Effect.void }
    const pass = new FilePass(first!, format, 0)
    const following = follow(options, pass, FileHead.make(first!, format, chain))
    // What is written after this look is looked for by the next.
    const looking = setInterval(() => watch.look(), 20)
    expect(await Effect.runPromise(following)).toBe("stopped")
    clearInterval(looking)
    expect(taker.payloads()).toBe(linesOf(0, 1, 2, 3))
    await Effect.runPromise(held.closeAll)
  })

  it("goes on with the same file where a reader was slow in it, whatever came and went behind it", async () => {
    const { end, taker } = await start({}, { room: 1 })
    for (let n = 2; n < 60; n++) {
      if (n % 3 === 0) folder.rotate(n)
      else folder.write(n)
      if (n % 2 === 0) await new Promise((resolve) => setImmediate(resolve))
    }
    await end()
    const numbers = taker.payloads().match(/\d+/g)!.map(Number)
    expect(numbers.at(-1)).toBe(59)
    const jumps = numbers.flatMap((number, index) => (index > 0 && number !== numbers[index - 1]! + 1 ? [index] : []))
    expect(jumps.filter((index) => !taker.gaps.some(({ at }) => at === index))).toEqual([])
  })
})

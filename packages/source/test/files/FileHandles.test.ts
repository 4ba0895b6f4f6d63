import { appendFileSync } from "node:fs"
import { Deferred, Effect, Exit, Fiber, Scope } from "effect"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import type { End } from "@rdl/core/link/LinkMessage"
import { MAX_WAITING } from "../../src/files/FileChain.ts"
import { readFolder, type Reading } from "./FolderReading.ts"
import { lineOf, LogFolder } from "./LogFolder.ts"
import { RecordingTaker, type RecordingOptions } from "./RecordingTaker.ts"

const NOTHING = { files: 0, watches: 0 }

describe("a log that was read from files", () => {
  let folder: LogFolder

  beforeEach(() => {
    folder = new LogFolder(2)
    folder.write(0, 1, 2)
  })
  afterEach(() => folder.remove())

  const start = (reading: Reading, options: RecordingOptions = {}) => {
    const taker = new RecordingTaker(options)
    return { taker, fiber: Effect.runFork(readFolder(folder, taker, reading)) }
  }
  const holds = (files: number, watches: number) =>
    expect.poll(() => folder.held(), { timeout: 10_000, interval: 5 }).toEqual({ files, watches })
  const holdsNothing = () => holds(NOTHING.files, NOTHING.watches)

  /** Follows over `turns` rotations, never behind. */
  const followOver = async (turns: number, ended?: Effect.Effect<End["reason"]>) => {
    const { fiber, taker } = start({ follow: true, ...(ended === undefined ? {} : { ended }) })
    await taker.until(({ records }) => records === 3)
    for (let turn = 0; turn < turns; turn++) {
      folder.rotate(3 + turn)
      await taker.until(({ records }) => records === 4 + turn)
    }
    return { fiber, taker }
  }

  it("leaves nothing open where it was not followed", async () => {
    folder.rotate(3)
    folder.rotate(4)
    const { fiber } = start({})
    expect(await Effect.runPromise(Fiber.join(fiber))).toBe("eof")
    await holdsNothing()
  })

  it("is one open file and one watch while it is followed, however often it is rotated", async () => {
    const { fiber, taker } = await followOver(8)
    await holds(1, 1)
    await Effect.runPromise(Fiber.interrupt(fiber))
    await holdsNothing()
    expect(taker.gaps).toEqual([])
  })

  it.each(["stopped", "removed"] as const)("leaves nothing open where its container was %s", async (reason) => {
    const over = await Effect.runPromise(Deferred.make<End["reason"]>())
    const { fiber } = await followOver(3, Deferred.await(over))
    if (reason === "removed") folder.removeFolder()
    await Effect.runPromise(Deferred.succeed(over, reason))
    expect(await Effect.runPromise(Fiber.join(fiber))).toBe(reason)
    await holdsNothing()
  })

  it("leaves nothing open where its user leaves while it waits for room, files waiting behind it", async () => {
    const { fiber, taker } = start({ follow: true }, { stopAfter: 2 })
    await taker.until(({ records }) => records === 2)
    for (let waiting = 1; waiting < MAX_WAITING + 9; waiting++) {
      folder.rotate(waiting + 2)
      await expect.poll(() => folder.isNewestHeld(), { timeout: 10_000, interval: 5 }).toBe(true)
      await holds(1 + Math.min(waiting, MAX_WAITING), 1)
    }
    await Effect.runPromise(Fiber.interrupt(fiber))
    await holdsNothing()
  })

  it("leaves nothing open where its user leaves at any moment", async () => {
    for (let turns = 0; turns < 40; turns++) {
      const { fiber } = start({ follow: true })
      for (let turn = 0; turn < turns; turn++) {
        if (turn % 5 === 4) folder.rotate(turn)
        await new Promise((resolve) => setImmediate(resolve))
      }
      await Effect.runPromise(Fiber.interrupt(fiber))
    }
    await holdsNothing()
  })

  it("leaves nothing open where the source stops", async () => {
    const scope = await Effect.runPromise(Scope.make())
    const takers = [new RecordingTaker(), new RecordingTaker({ stopAfter: 1 }), new RecordingTaker()]
    for (const taker of takers)
      await Effect.runPromise(Effect.forkIn(readFolder(folder, taker, { follow: true }), scope))
    await Promise.all(takers.map((taker, index) => taker.until(({ records }) => records >= (index === 1 ? 1 : 3))))
    folder.rotate(3)
    await takers[0]!.until(({ records }) => records === 4)
    await Effect.runPromise(Scope.close(scope, Exit.void))
    await holdsNothing()
  })

  it("leaves nothing open where its files are damaged", async () => {
    const { fiber, taker } = start({ follow: true })
    await taker.until(({ records }) => records === 3)
    appendFileSync(folder.path, `${lineOf(3)}no line of a log\n`)
    expect(await Effect.runPromise(Effect.flip(Fiber.join(fiber)))).toMatchObject({ _tag: "OriginUnable" })
    await holdsNothing()
  })

  it("leaves nothing open where it is not there", async () => {
    folder.removeFolder()
    const { fiber } = start({ follow: true })
    expect(await Effect.runPromise(Effect.flip(Fiber.join(fiber)))).toMatchObject({ _tag: "OriginUnable" })
    await holdsNothing()
  })
})

import { truncateSync } from "node:fs"
import { Effect } from "effect"
import { afterEach, describe, expect, it } from "vitest"
import * as FileChain from "../../src/files/FileChain.ts"
import { recordFrom } from "../../src/files/FileScan.ts"
import { FileWatch } from "../../src/files/FileWatch.ts"
import { JsonFileFormat } from "../../src/files/JsonFileFormat.ts"
import type { LogFile } from "../../src/files/LogFile.ts"
import { HeldFiles, openAll } from "../../src/files/LogFileSet.ts"
import { LogFolder } from "./LogFolder.ts"

/** The file goes, and another one comes. */
const ROTATION = 2

const format = new JsonFileFormat({ details: false })

/** The number of a file's first line. */
const firstLine = async (file: LogFile): Promise<number> => {
  const found = await Effect.runPromise(recordFrom(file, format, 0, Number.POSITIVE_INFINITY))
  const { bytes, start, end } = found!.record
  return Number(Buffer.from(bytes.subarray(start, end)).toString().trim().split(" ").at(-1))
}

/** A follow that has opened the log, and hears of names as the test says. */
class World {
  readonly folder: LogFolder
  readonly watch = new FileWatch()
  readonly held = new HeldFiles()
  first!: LogFile
  /** Taken last, and open until the next one is. */
  private current!: LogFile
  chain!: FileChain.FileChain

  private constructor(kept: number) {
    this.folder = new LogFolder(kept)
    this.folder.write(0)
  }

  static async begin(kept: number, heardBefore = 0): Promise<World> {
    const world = new World(kept)
    const rotated = Math.max(kept, 1)
    const { path } = world.folder
    const files = await Effect.runPromise(openAll(path, rotated, world.held))
    world.first = world.current = files.at(-1)!
    const { held, watch } = world
    world.chain = FileChain.make({ path, rotated, keeps: kept > 0, format, held, watch }, world.first, heardBefore)
    return world
  }

  /** So many names have come or gone. */
  hear(names: number = ROTATION): void {
    for (let name = 0; name < names; name++) {
      this.watch.renames++
      this.watch.onRename()
    }
  }

  readonly refresh = (): Promise<void> => Effect.runPromise(this.chain.refresh)

  async next(): Promise<string> {
    const { afterLoss, file } = await Effect.runPromise(this.chain.next)
    const line = await firstLine(file)
    await Effect.runPromise(this.held.drop(this.current))
    this.current = file
    return afterLoss ? `lost, ${line}` : `${line}`
  }

  /** The first lines of all files that come after the one taken last. */
  async rest(): Promise<ReadonlyArray<string>> {
    const found: Array<string> = []
    while (this.chain.hasNext()) found.push(await this.next())
    return found
  }

  /** Afterwards nothing is open. */
  async end(): Promise<void> {
    await Effect.runPromise(this.held.closeAll)
    await expect.poll(() => this.folder.held().files, { timeout: 10_000 }).toBe(0)
    this.folder.remove()
  }
}

const numbers = (from: number, to: number) => Array.from({ length: to - from }, (_, index) => `${from + index}`)

describe("the files of a log that is followed", () => {
  const worlds: Array<World> = []
  const begin = async (kept: number, heardBefore?: number): Promise<World> => {
    const world = await World.begin(kept, heardBefore)
    worlds.push(world)
    return world
  }

  afterEach(async () => {
    for (const world of worlds.splice(0)) await world.end()
  })

  it("come in the order they were begun, none missing, although the engine has removed them", async () => {
    const world = await begin(2)
    for (let n = 1; n <= 6; n++) {
      world.folder.rotate(n)
      world.hear()
      if (n % 3 === 0) await world.refresh()
    }
    expect(world.folder.held().files).toBe(7)
    expect(await world.rest()).toEqual(numbers(1, 7))
  })

  it.each(["heard", "looked for"])("come in their order where several are %s at once", async (how) => {
    const world = await begin(3)
    for (const n of [1, 2, 3]) world.folder.rotate(n)
    if (how === "heard") world.hear(1)
    else await world.refresh()
    expect(world.chain.isNewest(world.first)).toBe(false)
    // None is open twice.
    await expect.poll(() => world.folder.held().files, { timeout: 10_000 }).toBe(4)
    expect(await world.rest()).toEqual(["1", "2", "3"])
  })

  it.each(["heard", "looked for"])("come after a loss where the one before them is not there, %s", async (how) => {
    const world = await begin(2)
    for (const n of [1, 2, 3, 4, 5]) world.folder.rotate(n)
    if (how === "heard") world.hear()
    await world.refresh()
    expect(await world.rest()).toEqual(["lost, 3", "4", "5"])
  })

  it("know which one the engine writes to", async () => {
    const world = await begin(1)
    expect(world.chain.isNewest(world.first)).toBe(true)
    world.folder.rotate(1)
    world.hear()
    expect(world.chain.isNewest(world.first)).toBe(false)
    const { file } = await Effect.runPromise(world.chain.next)
    expect(world.chain.isNewest(file)).toBe(true)
  })

  it.each([[[2, 3]], [[1, 2, 3]]])("are found again after those of numbers %j were packed", async (packed) => {
    const world = await begin(4)
    world.folder.rotate(1)
    world.folder.rotate(2)
    world.folder.rotate(3)
    for (const number of packed) world.folder.pack(number)
    world.hear()
    await world.refresh()
    expect(await world.rest()).toEqual(["1", "2", "3"])
  })

  it("come after a loss where only packed ones of others are there", async () => {
    const world = await begin(2)
    for (const n of [1, 2, 3]) world.folder.rotate(n)
    for (const number of [1, 2]) world.folder.pack(number)
    await world.refresh()
    expect(await world.rest()).toEqual(["lost, 1", "2", "3"])
  })

  it("are each there once, however a look and what is heard meet", async () => {
    for (let turns = 0; turns < 12; turns++) {
      const world = await begin(2)
      world.folder.rotate(1)
      const looks = [world.refresh(), world.refresh()]
      for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => setImmediate(resolve))
      world.folder.rotate(2)
      world.hear()
      await Promise.all(looks)
      await world.refresh()
      expect(await world.rest()).toEqual(["1", "2"])
    }
  })

  it("stay as they are while there is no log of the name", async () => {
    const world = await begin(1)
    world.folder.removeFolder()
    world.hear()
    await world.refresh()
    expect(world.chain.hasNext()).toBe(false)
  })

  describe("of which the engine keeps one", () => {
    it("follow each other as long as no name was heard that none of them had", async () => {
      const world = await begin(0)
      for (const n of [1, 2, 3]) {
        world.folder.rotate(n)
        world.hear()
        expect(await world.rest()).toEqual([`${n}`])
      }
    })

    it("come after a loss where more names were heard", async () => {
      const world = await begin(0)
      world.folder.rotate(1)
      world.folder.rotate(2)
      world.hear(2 * ROTATION)
      expect(await world.rest()).toEqual(["lost, 2"])
      world.folder.rotate(3)
      world.hear()
      expect(await world.rest()).toEqual(["3"])
    })

    it("come after a loss of which is heard only when their turn comes", async () => {
      const world = await begin(0)
      world.folder.rotate(1)
      world.folder.rotate(2)
      world.hear(1)
      setImmediate(() => world.hear(2 * ROTATION - 1))
      expect(await world.next()).toBe("lost, 2")
    })

    it("come after a loss also where another one comes before that is heard of", async () => {
      const world = await begin(0)
      for (const n of [1, 2, 3]) world.folder.rotate(n)
      world.hear(1)
      world.folder.rotate(4)
      world.hear(4 * ROTATION - 1)
      // Which of the two the lost ones were before is not known.
      expect(await world.rest()).toEqual(["lost, 3", "lost, 4"])
      for (const n of [5, 6]) {
        world.folder.rotate(n)
        world.hear()
        expect(await world.rest()).toEqual([`${n}`])
      }
    })

    it("come after no loss where each is heard of only when the next one is there", async () => {
      const world = await begin(0)
      world.folder.rotate(1)
      world.hear(1)
      world.folder.rotate(2)
      world.hear(2 * ROTATION - 1)
      expect(await world.rest()).toEqual(["1", "2"])
    })

    it("come after no loss where the next one comes while that is found out", async () => {
      const world = await begin(0)
      world.folder.rotate(1)
      world.hear()
      setImmediate(() => {
        world.folder.rotate(2)
        world.hear()
      })
      expect([await world.next(), await world.next()]).toEqual(["1", "2"])
    })

    it("come after what may be a loss where they keep coming while that is found out", async () => {
      const world = await begin(0)
      let last = 0
      const rotate = () => {
        world.folder.rotate(++last)
        world.hear()
        if (last < 30) setImmediate(rotate)
      }
      rotate()
      expect(await world.next()).toBe("lost, 1")
      expect(last).toBeLessThan(30)
      await expect.poll(() => last, { timeout: 10_000 }).toBe(30)
    })

    it("take no name for a loss that was heard while the first of them was opened, or is heard late", async () => {
      const early = await begin(0)
      early.watch.renames += ROTATION
      await early.refresh()
      early.folder.rotate(1)
      early.hear()
      expect(await early.rest()).toEqual(["1"])
      const late = await begin(0)
      setImmediate(() => late.hear())
      await late.refresh()
      late.folder.rotate(1)
      late.hear()
      expect(await late.rest()).toEqual(["1"])
    })
  })

  describe("that wait for a reader", () => {
    const { MAX_REMOVED_BYTES, MAX_WAITING } = FileChain

    it.each([MAX_WAITING, MAX_WAITING + 1, MAX_WAITING + 9])(
      "are the newest 32 of %i, heard one by one",
      async (count) => {
        const world = await begin(1)
        for (let n = 1; n <= count; n++) {
          world.folder.rotate(n)
          world.hear()
          await world.refresh()
        }
        // The one that is being read is not let go of.
        expect(world.folder.held().files).toBe(MAX_WAITING + 1)
        const [first, ...rest] = numbers(count - MAX_WAITING + 1, count + 1)
        expect(await world.rest()).toEqual([count === MAX_WAITING ? first : `lost, ${first}`, ...rest])
      },
    )

    it("are the newest 32 where they are found at one look", async () => {
      const world = await begin(MAX_WAITING + 9)
      for (let n = 1; n <= MAX_WAITING + 5; n++) world.folder.rotate(n)
      await world.refresh()
      const [first, ...rest] = numbers(6, MAX_WAITING + 6)
      expect(await world.rest()).toEqual([`lost, ${first}`, ...rest])
    })

    /** Files with holes in them, as long as is said: the newest last. */
    const grown = async (kept: number, sizes: ReadonlyArray<number>): Promise<World> => {
      const world = await begin(kept)
      for (const [index, size] of sizes.entries()) {
        world.folder.rotate(index + 1)
        truncateSync(world.folder.path, size)
        world.hear()
        await world.refresh()
      }
      return world
    }
    const third = MAX_REMOVED_BYTES / 4

    it.each([
      ["all", [third, third, third, third, 1000, 1000], numbers(1, 7)],
      ["the newest", [third, third, third, third + 1, 1000, 1000], ["lost, 2", ...numbers(3, 7)]],
      ["the newest", [third, third, third, third, third, third, 1000, 1000], ["lost, 3", ...numbers(4, 9)]],
      ["the newest", [1000, 1000, MAX_REMOVED_BYTES + 1, 1000, 1000], ["lost, 4", "5"]],
    ] as const)("are %s of removed ones up to 256 MiB: %o", async (_, sizes, expected) => {
      expect(await (await grown(1, sizes)).rest()).toEqual(expected)
    })

    it("may be taken while they are counted", async () => {
      for (let taken = 1; taken < 8; taken++) {
        const world = await grown(1, [third, third, 1000, 1000, 1000, 1000, 1000, 1000])
        world.folder.rotate(9)
        world.hear()
        truncateSync(world.folder.path, MAX_REMOVED_BYTES)
        world.folder.rotate(10)
        world.hear()
        const looking = world.refresh()
        const found: Array<string> = []
        while (found.length < taken) found.push(await world.next())
        await looking
        found.push(...(await world.rest()))
        let before = 0
        for (const text of found) {
          const number = Number(text.replace("lost, ", ""))
          expect(text).toBe(number === before + 1 ? `${number}` : `lost, ${number}`)
          before = number
        }
        expect(before).toBe(10)
      }
    })

    it("may be of any size as long as the engine keeps them itself, and the last one may be removed too", async () => {
      const kept = await grown(4, [MAX_REMOVED_BYTES, MAX_REMOVED_BYTES, MAX_REMOVED_BYTES])
      expect(await kept.rest()).toEqual(["1", "2", "3"])
      const last = await grown(1, [1000, MAX_REMOVED_BYTES + 1])
      last.folder.removeFolder()
      await last.refresh()
      expect((await last.rest()).length).toBeGreaterThan(0)
    })
  })
})

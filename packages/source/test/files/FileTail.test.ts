import { appendFileSync, closeSync, openSync, statSync, truncateSync } from "node:fs"
import { Effect, FastCheck as fc, Fiber } from "effect"
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest"
import { LogTime } from "@rdl/core/log/LogTime"
import * as FileChain from "../../src/files/FileChain.ts"
import { follow } from "../../src/files/FileFollow.ts"
import * as FileHead from "../../src/files/FileHead.ts"
import { FilePass } from "../../src/files/FilePass.ts"
import * as FilePour from "../../src/files/FilePour.ts"
import { FileTail } from "../../src/files/FileTail.ts"
import { FileWatch } from "../../src/files/FileWatch.ts"
import { JsonFileFormat } from "../../src/files/JsonFileFormat.ts"
import { type LogFile, MAX_NOW_BYTES } from "../../src/files/LogFile.ts"
import { HeldFiles, openAll } from "../../src/files/LogFileSet.ts"
import { RecordFilter } from "../../src/files/RecordFilter.ts"
import { lineOf, LogFolder, stampOf } from "./LogFolder.ts"
import { RecordingTaker, type RecordingOptions } from "./RecordingTaker.ts"

const linesOf = (...numbers: ReadonlyArray<number>): string => numbers.map((n) => `line ${n}\n`).join("")

interface Reading extends RecordingOptions {
  readonly until?: LogTime
}

/** A log that was read to its end, of one line. */
class World {
  readonly folder = new LogFolder(1)
  readonly held = new HeldFiles()
  readonly watch = new FileWatch()
  taker!: RecordingTaker
  file!: LogFile
  pour!: FilePour.FilePour
  pass!: FilePass
  head!: FileHead.FileHead
  tail!: FileTail
  chain!: FileChain.FileChain
  readonly format = new JsonFileFormat({ details: false })

  async begin({ until, ...options }: Reading = {}): Promise<this> {
    const { folder, format, held, watch } = this
    folder.write(0)
    const { path } = folder
    const [file] = await Effect.runPromise(openAll(path, 1, held))
    const filter = new RecordFilter({ since: undefined, until, onlyFirst: true })
    this.taker = new RecordingTaker(options)
    this.pour = FilePour.make({ format, filter, taker: this.taker })
    this.chain = FileChain.make({ path, rotated: 1, keeps: true, format, held, watch }, file!, 0)
    this.follow(file!)
    await Effect.runPromise(this.head.isSame)
    await this.readOn()
    this.pass.release()
    return this
  }

  follow(file: LogFile): void {
    this.file = file
    this.pass = new FilePass(file, this.format, 0)
    this.head = FileHead.make(file, this.format, this.chain)
    this.tail = new FileTail(this.pour, this.format)
  }

  readonly give = (): boolean => this.tail.give(this.pass, this.head)

  /** As a follow does that is woken. */
  readonly readOn = () => Effect.runPromise(this.pour.pour(this.pass, this.head.isSame))

  async end(): Promise<void> {
    await Effect.runPromise(this.held.closeAll)
    this.folder.remove()
  }
}

describe("the tail of a followed file", () => {
  let world: World

  beforeEach(() => {
    // How long a look takes on a busy machine is not what is asked here.
    vi.useFakeTimers({ toFake: ["performance"] })
    world = new World()
  })
  afterEach(async () => {
    vi.useRealTimers()
    await world.end()
  })

  it("is given as it is written, in whatever pieces, and nothing of it twice", async () => {
    await world.begin()
    const { folder, give, pass, taker } = world
    const texts = fc.array(fc.constantFrom("a", "\\n", "\\u00e9", "é", "\\\\", 'x\\"'), { maxLength: 6 })
    const writing = fc.record({
      lines: fc.array(texts, { maxLength: 5 }),
      cuts: fc.array(fc.nat(400), { maxLength: 5 }),
    })
    let number = 1
    fc.assert(
      fc.property(writing, ({ cuts, lines }) => {
        const before = taker.payloads()
        const bytes = Buffer.from(lines.map((text) => lineOf(number++, text.join(""))).join(""))
        const places = [...cuts.filter((cut) => cut < bytes.length), bytes.length].sort((a, b) => a - b)
        for (const [index, place] of places.entries()) {
          appendFileSync(folder.path, bytes.subarray(places[index - 1] ?? 0, place))
          expect(give()).toBe(true)
        }
        const wanted = lines.map((text) => `${JSON.parse(`"${text.join("")}"`) as string}\n`).join("")
        expect(taker.payloads()).toBe(before + wanted)
        expect([pass.position, pass.bytes.length]).toEqual([statSync(folder.path).size, 0])
      }),
    )
  })

  it("settles what it gives, and leaves what was written for nothing alone", async () => {
    const { folder, give, taker } = await world.begin()
    const { settles } = taker
    expect(give()).toBe(true)
    expect(taker.settles).toBe(settles)
    folder.write(1)
    expect(give()).toBe(true)
    expect(taker.settles).toBe(settles + 1)
  })

  it.each([
    ["is emptied", () => truncateSync(world.folder.path), "end"],
    [
      "was emptied, and has grown beyond the place",
      () => {
        truncateSync(world.folder.path)
        world.folder.write(5, 6, 7)
      },
      "replaced",
    ],
  ] as const)("is nothing that can be given where the file %s", async (_, change, then) => {
    const { give, readOn, taker } = await world.begin()
    change()
    expect(give()).toBe(false)
    expect(await readOn()).toBe(then)
    expect(taker.payloads()).toBe(linesOf(0))
  })

  it("takes its time where it is long, and comes whole all the same", async () => {
    const { folder, give, readOn, taker } = await world.begin()
    const line = lineOf(1)
    const fits = Math.ceil(MAX_NOW_BYTES / line.length) - 1
    appendFileSync(folder.path, line.repeat(fits))
    expect(give()).toBe(true)
    appendFileSync(folder.path, line.repeat(fits + 1))
    expect(give()).toBe(false)
    expect(taker.records).toBe(1 + fits)
    await readOn()
    expect(taker.records).toBe(1 + 2 * fits + 1)
    // A line that is begun and long is read as a whole, too.
    appendFileSync(folder.path, lineOf(2, "x".repeat(MAX_NOW_BYTES - 500)).slice(0, -20))
    expect(give()).toBe(true)
    appendFileSync(folder.path, lineOf(2, "x".repeat(MAX_NOW_BYTES + 500)).slice(MAX_NOW_BYTES - 500))
    expect(give()).toBe(false)
  })

  it("is read again by who is woken for what cannot be given: what is damaged, and what is too late", async () => {
    const { folder, give, readOn, taker } = await world.begin({ until: LogTime.make("1795341601") })
    appendFileSync(folder.path, `${lineOf(1)}${lineOf(2, "\\u00e9 late")}`)
    expect(stampOf(1)).toBe("2026-11-22T10:00:01Z")
    expect(give()).toBe(false)
    expect(taker.payloads()).toBe(linesOf(0, 1))
    expect(await readOn()).toBe("late")
    expect(taker.payloads()).toBe(linesOf(0, 1))
  })

  it.each([
    // Nothing is to be believed that stands before them.
    ["zeros", Buffer.alloc(100), linesOf(0)],
    ["what is no line", Buffer.from("oops\n"), linesOf(0, 1)],
  ])("is left to the engine where there are %s", async (_, bytes, given) => {
    const { folder, give, readOn, taker } = await world.begin()
    folder.write(1)
    appendFileSync(folder.path, Buffer.concat([bytes, Buffer.from("\n")]))
    expect(give()).toBe(false)
    await expect(readOn()).rejects.toThrow("damaged")
    expect(taker.payloads()).toBe(given)
  })

  it("waits for room where there is none, and goes on with the next record", async () => {
    const { folder, give, readOn, taker } = await world.begin({ room: 2 })
    folder.write(1, 2, 3)
    expect(give()).toBe(false)
    expect(taker.payloads()).toBe(linesOf(0, 1))
    await readOn()
    expect(taker.payloads()).toBe(linesOf(0, 1, 2, 3))
  })

  it("is not read at once again for twenty times as long as a slow look took", async () => {
    await world.begin()
    const now = world.file.now!
    let lasts = 0
    const read: typeof now.read = (...range) => {
      vi.advanceTimersByTime(lasts)
      return now.read(...range)
    }
    world.pass = new FilePass({ ...world.file, now: { ...now, read } }, world.format, world.pass.position)
    lasts = 5
    world.folder.write(1)
    expect(world.give()).toBe(true)
    world.folder.write(2)
    lasts = 6
    expect(world.give()).toBe(true)
    world.folder.write(3)
    lasts = 0
    vi.advanceTimersByTime(6 * 20 - 6 - 1)
    expect(world.give()).toBe(false)
    vi.advanceTimersByTime(1)
    expect(world.give()).toBe(true)
    expect(world.taker.payloads()).toBe(linesOf(0, 1, 2, 3))
  })

  it.each(["opened", "pinned"])("is not read of a file that was %s and is closed", async (how) => {
    await world.begin()
    if (how === "pinned") {
      world.folder.rotate(1)
      world.watch.renames += 2
      world.watch.onRename()
      const { file } = await Effect.runPromise(world.chain.next)
      world.follow(file)
      await Effect.runPromise(world.head.isSame)
    }
    await Effect.runPromise(world.held.closeAll)
    world.folder.write(2)
    // One of them has the number that the closed one had.
    const others = Array.from({ length: 20 }, () => openSync(world.folder.path, "r"))
    expect(world.give()).toBe(false)
    for (const other of others) closeSync(other)
  })

  describe("in a follow", () => {
    /** Follows with no watch but the test, and counts what is read by way of the pool. */
    const begin = async (options: RecordingOptions = {}) => {
      const { chain, file, format, held, taker, watch } = await world.begin(options)
      let reads = 0
      const read: LogFile["read"] = (...range) => Effect.tap(file.read(...range), () => reads++)
      const counted = { ...file, read }
      let why: "stopped" | undefined
      const over = () => why
      const { pour } = world
      const given = { chain, pour, taker, format, held, watch, over, atEnd: () => Effect.void }
      const pass = new FilePass(counted, format, statSync(world.folder.path).size)
      const isNewest = (asked: LogFile) => chain.isNewest(asked === counted ? file : asked)
      const fiber = Effect.runFork(
        follow({ ...given, chain: { ...chain, isNewest } }, pass, world.head) as Effect.Effect<string>,
      )
      const written = async (): Promise<void> => {
        watch.written()
        await new Promise((resolve) => setImmediate(resolve))
      }
      const { settles } = taker
      // It reads, finds nothing, and waits.
      await taker.until((now) => now.settles > settles)
      await expect.poll(() => reads, { timeout: 10_000 }).toBe(1)
      await new Promise((resolve) => setImmediate(resolve))
      const end = () => {
        why = "stopped"
        watch.look()
        return Effect.runPromise(Fiber.join(fiber))
      }
      return { end, fiber, pool: () => reads, taker, written }
    }

    it("needs nothing from the pool", async () => {
      const { end, pool, taker, written } = await begin()
      for (const n of [1, 2, 3]) {
        world.folder.write(n)
        await written()
        expect(taker.payloads()).toBe(linesOf(...Array.from({ length: n + 1 }, (_, at) => at)))
      }
      expect(pool()).toBe(1)
      expect(await end()).toBe("stopped")
    })

    it("comes after the names that were heard of in the same turn", async () => {
      const { end, taker } = await begin()
      world.folder.write(1)
      world.watch.written()
      world.folder.rotate(2)
      world.watch.renames += 2
      world.watch.onRename()
      await taker.until(({ records }) => records === 3)
      expect([taker.payloads(), taker.gaps]).toEqual([linesOf(0, 1, 2), []])
      await end()
    })

    it("is for who is woken while there is no room", async () => {
      const { end, pool, taker, written } = await begin()
      const blocked = vi.spyOn(taker, "blocked").mockReturnValueOnce(true)
      world.folder.write(1)
      await written()
      await taker.until(({ records }) => records === 2)
      expect(pool()).toBeGreaterThan(1)
      blocked.mockRestore()
      await end()
    })

    it("is nobody's any more once the follow was interrupted", async () => {
      const { fiber, taker, written } = await begin()
      await Effect.runPromise(Fiber.interrupt(fiber))
      world.folder.write(1)
      await written()
      expect(taker.payloads()).toBe(linesOf(0))
    })
  })
})

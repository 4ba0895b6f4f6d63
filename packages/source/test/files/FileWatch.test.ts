import { appendFileSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Effect, Exit, Fiber, Scope } from "effect"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { FileWatch, open } from "../../src/files/FileWatch.ts"

describe("a watch of a log's files", () => {
  let directory: string
  let path: string
  let scope: Scope.CloseableScope

  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), "rdl-watch-"))
    path = join(directory, "log")
    writeFileSync(path, "")
    scope = await Effect.runPromise(Scope.make())
  })
  afterEach(async () => {
    await Effect.runPromise(Scope.close(scope, Exit.void))
    rmSync(directory, { recursive: true, force: true })
  })

  const begin = (of = directory) => Effect.runPromise(Scope.extend(open(of, "log"), scope))
  const heard = (watch: FileWatch, bell: "anything" | "names") => Effect.runPromise(watch[bell].heard)
  const waits = async (fiber: Fiber.Fiber<void>): Promise<boolean> => {
    await new Promise((resolve) => setImmediate(resolve))
    return (await Effect.runPromise(Fiber.poll(fiber)))._tag === "None"
  }

  it("lets one through for what it heard while nobody waited, and then no more", async () => {
    const watch = new FileWatch()
    watch.look()
    watch.look()
    for (const bell of [watch.anything, watch.names]) {
      await Effect.runPromise(bell.heard)
      const next = Effect.runFork(bell.heard)
      expect(await waits(next)).toBe(true)
      watch.look()
      await Effect.runPromise(Fiber.join(next))
    }
  })

  it("keeps for the next what one does not wait for any more", async () => {
    const { anything } = new FileWatch()
    await Effect.runPromise(Fiber.interrupt(Effect.runFork(anything.heard)))
    anything.ring()
    await Effect.runPromise(anything.heard)
  })

  it("tells the next one who waits only of what came since", async () => {
    const { anything } = new FileWatch()
    const first = Effect.runFork(anything.heard)
    await waits(first)
    anything.ring()
    await Effect.runPromise(Fiber.join(first))
    anything.ring()
    await Effect.runPromise(anything.heard)
    const next = Effect.runFork(anything.heard)
    expect(await waits(next)).toBe(true)
    anything.ring()
    await Effect.runPromise(Fiber.join(next))
  })

  it("hears of names that come and go, and counts those of the log itself, at once", async () => {
    const watch = await begin()
    expect(watch.hears).toBe(true)
    const counts: Array<number> = []
    watch.onRename = () => counts.push(watch.renames)
    renameSync(path, `${path}.1`)
    writeFileSync(path, "")
    await expect.poll(() => watch.renames, { timeout: 10_000 }).toBe(2)
    expect(counts).toEqual([1, 2])
    await heard(watch, "names")
    await heard(watch, "anything")
    // The other names are counted by nobody, and heard of all the same.
    renameSync(`${path}.1`, `${path}.2`)
    writeFileSync(`${path}.3`, "")
    await heard(watch, "names")
    renameSync(path, `${path}.1`)
    await expect.poll(() => watch.renames, { timeout: 10_000 }).toBe(3)
    expect(counts).toEqual([1, 2, 3])
  })

  it.each(["anything", "names"] as const)("hears of %s well before it would look by itself", async (bell) => {
    const watch = await begin()
    await heard(watch, bell)
    const begun = performance.now()
    for (let n = 0; n < 25; n++) {
      if (bell === "anything") appendFileSync(path, `${n}\n`)
      else writeFileSync(`${path}.${n}`, "")
      await heard(watch, bell)
    }
    // By looks alone, one a second, it would have taken 24 s at least.
    expect(performance.now() - begun).toBeLessThan(20_000)
  })

  it.each(["heard of", "not heard of"])("looks by itself, where names are %s", async (how) => {
    const missing = join(directory, "none")
    const watch = await begin(how === "heard of" ? directory : missing)
    expect(watch.hears).toBe(how === "heard of")
    // Nothing happens there.
    for (const bell of ["anything", "names", "anything"] as const) await heard(watch, bell)
  })

  it("hears and looks no more once it is closed", async () => {
    const timers = () => process.getActiveResourcesInfo().filter((name) => name === "Timeout").length
    const before = timers()
    const closed: Array<FileWatch> = []
    for (let n = 0; n < 20; n++)
      closed.push(
        await Effect.runPromise(Effect.scoped(open(n % 2 === 0 ? directory : join(directory, "none"), "log"))),
      )
    expect(timers() - before).toBeLessThan(10)
    const watch = await begin()
    renameSync(path, `${path}.1`)
    await expect.poll(() => watch.renames, { timeout: 10_000 }).toBe(1)
    expect(closed.map(({ renames }) => renames)).toEqual(closed.map(() => 0))
  })
})

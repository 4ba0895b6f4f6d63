import { describe, expect, it } from "@effect/vitest"
import { Effect, Fiber, TestClock } from "effect"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as LogFileSet from "../../src/files/LogFileSet.ts"

const folder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "rdl-set-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true })),
)

/** Opens the log, and tells how often it had to wait for 2 ms; each time `meanwhile` happens. */
const opened = (path: string, meanwhile: (waits: number) => void) =>
  Effect.gen(function* () {
    const held = new LogFileSet.HeldFiles()
    const opening = yield* Effect.fork(Effect.either(LogFileSet.openAll(path, 1, held)))
    let waits = 0
    while (opening.unsafePoll() === null) {
      yield* Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))
      if (Array.from(yield* TestClock.sleeps()).length === 0) continue
      waits += 1
      meanwhile(waits)
      yield* TestClock.adjust("2 millis")
    }
    const { _tag } = yield* Fiber.join(opening)
    yield* held.closeAll
    return { _tag, waits }
  })

describe("The files of a log", () => {
  it.scoped("are looked for 20 times, 2 ms apart, while the engine puts one aside", () =>
    Effect.gen(function* () {
      const path = join(yield* folder, "a-json.log")
      expect(yield* opened(path, () => {})).toEqual({ _tag: "Left", waits: 19 })
      const late = (waits: number) => void (waits === 19 && writeFileSync(path, ""))
      expect(yield* opened(path, late)).toEqual({ _tag: "Right", waits: 19 })
    }),
  )
})

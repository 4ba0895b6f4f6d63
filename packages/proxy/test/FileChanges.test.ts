import { describe, expect, it } from "@effect/vitest"
import { Effect, Stream, TestClock } from "effect"
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as FileChanges from "../src/FileChanges.ts"

const directory = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "rdl-changes-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true })),
)

describe("A change that no event tells of", () => {
  it.scoped("is seen within 10 s, and told once the file has been at rest for 300 ms", () =>
    Effect.gen(function* () {
      const root = yield* directory
      const [file, link] = [join(root, "elsewhere", "file"), join(root, "watched", "file")]
      for (const name of ["elsewhere", "watched"]) mkdirSync(join(root, name))
      writeFileSync(file, "one")
      symlinkSync(file, link)
      let told = 0
      const changes = FileChanges.changes([link], FileChanges.stampOf([link]))
      yield* Effect.forkScoped(Stream.runForEach(changes, () => Effect.sync(() => void told++)))
      yield* TestClock.adjust("1 second")
      // The directory of the link is watched, not the one that it leads to.
      writeFileSync(file, "another")
      yield* TestClock.adjust("8999 millis")
      expect(told).toBe(0)
      yield* TestClock.adjust("300 millis")
      expect(told).toBe(0)
      yield* TestClock.adjust("1 millis")
      expect(told).toBe(1)
      yield* TestClock.adjust("1 minute")
      expect(told).toBe(1)
    }),
  )
})

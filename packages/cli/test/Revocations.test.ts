import { afterAll, describe, expect, it } from "@effect/vitest"
import { Effect, TestClock } from "effect"
import { mkdirSync, mkdtempSync, renameSync, rmdirSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Revocations from "../src/Revocations.ts"

const directory = mkdtempSync(join(tmpdir(), "rdl-revoked-"))
afterAll(() => rmSync(directory, { recursive: true }))

const path = (name: string): string => join(directory, name)

describe("Revocations", () => {
  it.effect("notices what is added within a second, and looks no more often", () =>
    Effect.gen(function* () {
      const file = path("added")
      const { isRevoked } = yield* Revocations.watch(file)
      yield* Revocations.add(file, "one")
      expect(yield* isRevoked("one")).toBe(false)
      yield* TestClock.adjust(Revocations.LOOK_EVERY)
      expect(yield* isRevoked("one")).toBe(true)
      expect(yield* isRevoked("on")).toBe(false)
      expect(statSync(file).mode & 0o777).toBe(0o600)
    }),
  )

  it.effect("notices a file put in its place, and takes comments and empty lines for nothing", () =>
    Effect.gen(function* () {
      const file = path("replaced")
      writeFileSync(file, "one\n")
      const { isRevoked } = yield* Revocations.watch(file)
      writeFileSync(`${file}.new`, "# two were lost\n\n  two  \r\n")
      renameSync(`${file}.new`, file)
      yield* TestClock.adjust(Revocations.LOOK_EVERY)
      expect(yield* isRevoked("two")).toBe(true)
      expect(yield* isRevoked("one")).toBe(false)
      expect(yield* isRevoked("")).toBe(false)
      expect(yield* isRevoked("# two were lost")).toBe(false)
    }),
  )

  it.effect("keeps what it knows when the file can no longer be read", () =>
    Effect.gen(function* () {
      const file = path("broken")
      writeFileSync(file, "one\n")
      const { isRevoked, problem } = yield* Revocations.watch(file)
      expect(yield* problem).toBeUndefined()
      rmSync(file)
      mkdirSync(file)
      yield* TestClock.adjust(Revocations.LOOK_EVERY)
      expect(yield* isRevoked("one")).toBe(true)
      expect(yield* problem).toMatch(/^the file of revoked tokens cannot be read/)
      yield* TestClock.adjust(Revocations.LOOK_EVERY)
      expect(yield* problem).toMatch(/cannot be read/)
      rmdirSync(file)
      writeFileSync(file, "two\n")
      yield* TestClock.adjust(Revocations.LOOK_EVERY)
      expect(yield* problem).toBeUndefined()
      expect(yield* isRevoked("two")).toBe(true)
    }),
  )

  it.effect("does not start on a file that cannot be read, or is too large", () =>
    Effect.gen(function* () {
      expect((yield* Effect.flip(Revocations.watch(directory))).message).toContain("it is a directory")
      writeFileSync(path("large"), "")
      truncateSync(path("large"), Revocations.MAX_BYTES + 1)
      expect((yield* Effect.flip(Revocations.watch(path("large")))).message).toContain("larger than 64 MiB")
    }),
  )
})

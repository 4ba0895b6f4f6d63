import { afterAll, describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { existsSync, mkdtempSync, rmSync, utimesSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as HealthFile from "../src/HealthFile.ts"

const directory = mkdtempSync(join(tmpdir(), "rdl-health-"))
afterAll(() => rmSync(directory, { recursive: true, force: true }))

describe("a health file", () => {
  const path = join(directory, "health")
  const said = Effect.match(HealthFile.check(path), { onFailure: ({ detail }) => detail, onSuccess: (text) => text })

  it.scoped("is good only while the source is linked and alive, and gone when it has stopped", () =>
    Effect.gen(function* () {
      yield* Effect.scoped(
        Effect.gen(function* () {
          const tell = yield* HealthFile.keep(path)
          expect(yield* said).toBe("the source is dialling its proxy")
          yield* tell({ _tag: "connected", transport: "ws", since: 0 })
          expect(yield* HealthFile.check(path)).toBe("linked to its proxy over ws")
          yield* tell({ _tag: "waiting", until: 0, why: "nobody listens" })
          expect(yield* said).toBe("the source is waiting to dial its proxy again: nobody listens")
          yield* tell({ _tag: "connected", transport: "ws", since: 0 })
          const old = new Date(Date.now() - HealthFile.STALE_AFTER - 1_000)
          utimesSync(path, old, old)
          expect(yield* said).toMatch(/^the source has not been heard of for \d+ s$/)
        }),
      )
      expect(existsSync(path)).toBe(false)
      expect(yield* said).toContain("there is no such file")
    }),
  )

  it.scoped("that cannot be written stops nothing", () =>
    Effect.gen(function* () {
      const tell = yield* HealthFile.keep(join(directory, "nowhere", "health"))
      yield* tell({ _tag: "connecting" })
    }),
  )
})

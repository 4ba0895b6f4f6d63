import { describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import * as ServerSettings from "../src/ServerSettings.ts"

describe.each([
  ["resume", ServerSettings.resumeWindow],
  ["restart", ServerSettings.restartWindow],
])("A %s window", (_, { resolve }) => {
  it.effect("is 10 minutes at most, and may be none at all", () =>
    Effect.gen(function* () {
      expect(yield* resolve(["0"], undefined)).toBe(0)
      expect(yield* resolve(["600s"], undefined)).toBe(600)
      const { detail } = yield* Effect.flip(resolve(["601s"], undefined))
      expect(detail).toMatch(/601s.* is out of range: at most 10m/)
    }),
  )
})

import { describe, expect, it } from "@effect/vitest"
import { Effect, TestClock } from "effect"
import { LinkDialError } from "@rdl/core/link/Link"
import { kept, type Step } from "./KeeperWorld.ts"

/** How often the first of so many failures was logged that follow each other in turn, all within a minute. */
const toldOf = (different: number) =>
  Effect.gen(function* () {
    const steps = Array.from({ length: 4 * different }, (_, n): Step => ({
      fails: new LinkDialError({ reason: "unavailable", url: "the proxy", detail: `failure ${n % different}` }),
    }))
    const { logs } = yield* kept(steps, 1e-4)
    yield* TestClock.adjust("30 seconds")
    return logs.filter(([, , message]) => message.endsWith("failure 0")).length
  })

describe("what a keeper has logged", () => {
  it.effect("is remembered of 16 different failures, so that what each says takes little room", () =>
    Effect.gen(function* () {
      expect(yield* toldOf(16)).toBe(1)
      expect(yield* toldOf(17)).toBe(4)
    }),
  )
})

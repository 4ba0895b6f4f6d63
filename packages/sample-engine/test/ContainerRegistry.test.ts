import { describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import * as SampleEngine from "@rdl/sample-engine/SampleEngine"

describe("ContainerRegistry", () => {
  it.scoped("holds no more than 10,000 containers", () =>
    Effect.gen(function* () {
      const engine = yield* SampleEngine.make()
      for (let i = 0; i < 10_000; i++) engine.createContainer({ name: `web-${i}`, state: "created" })
      expect(() => engine.createContainer()).toThrow("more than 10000 containers")
      engine.containers[0]?.remove()
      expect(engine.createContainer().running).toBe(true)
    }),
  )
})

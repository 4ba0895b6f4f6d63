import { ContainerId, Container, SourceContainer } from "@rdl/core/model/Container"
import { describe, expect, it } from "@effect/vitest"
import { Arbitrary, Effect, FastCheck, Schema, TestClock } from "effect"
import * as ContainerJson from "../src/ContainerJson.ts"
import * as Fleet from "./Fleet.ts"

/** What the platform would answer by the API's description. */
const encoded = (containers: ReadonlyArray<SourceContainer>): string =>
  JSON.stringify(Schema.encodeSync(Schema.Array(SourceContainer))(containers))

describe("The JSON of containers", () => {
  it("is what their schema gives, to the byte, the first time and ever after", () => {
    FastCheck.assert(
      FastCheck.property(FastCheck.array(Arbitrary.make(SourceContainer), { maxLength: 5 }), (containers) => {
        const write = ContainerJson.make()
        const [, ...rest] = containers
        for (const list of [[], containers, [...containers], containers.toReversed(), rest, [], containers])
          expect(Buffer.from(write(list)).toString()).toBe(encoded(list))
      }),
    )
  })

  it.scoped("is what the API answers, for any inventories, while they grow old", () =>
    Effect.gen(function* () {
      const containers = FastCheck.sample(Arbitrary.make(Container), { numRuns: 60, seed: 7 }).map((container, at) => ({
        ...container,
        id: ContainerId.make(at.toString(16).padStart(64, "0")),
        state: at % 4 === 0 ? "exited" : "running",
        status: ["Up 50 seconds", "Up About a minute (healthy)", "Exited (0) 3 days ago"][at % 3] ?? "",
      }))
      const fleet = yield* Fleet.start()
      const edge = yield* fleet.link("edge-1", containers.slice(0, 30))
      yield* fleet.link("edge-2", containers.slice(30))
      const token = yield* fleet.token()
      const answers: Array<string> = []
      const check = Effect.gen(function* () {
        const answer = yield* Fleet.ask(`${fleet.url}/containers?all=1`, { token })
        const list = yield* Schema.decodeUnknown(Schema.Array(SourceContainer))(yield* answer.json)
        expect(list).toHaveLength(60)
        expect(answer.text()).toBe(encoded(list))
        expect(answer.headers).toMatchObject({
          "content-type": "application/json",
          "content-length": String(answer.bytes()),
        })
        answers.push(answer.text())
      })
      yield* check
      yield* check
      yield* TestClock.adjust("20 seconds")
      yield* check
      edge.link.destroy("cable cut")
      yield* Fleet.until(Effect.map(fleet.registry.statuses, ([status]) => status?.connected === false))
      yield* check
      expect(answers[1]).toBe(answers[0])
      expect(new Set(answers).size).toBe(3)
      expect(answers[2]).toContain("Up About a minute")
    }),
  )
})

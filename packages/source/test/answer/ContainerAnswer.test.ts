import { describe, expect, it } from "@effect/vitest"
import { ContainerId } from "@rdl/core/model/Container"
import type { ContainerInspection } from "@rdl/core/model/ContainerInspection"
import { SourceName } from "@rdl/core/model/SourceName"
import * as SampleEngine from "@rdl/sample-engine/SampleEngine"
import { Effect, Option } from "effect"
import * as ContainerAnswer from "../../src/answer/ContainerAnswer.ts"
import * as EngineClient from "../../src/engine/EngineClient.ts"
import { Inventory } from "../../src/inventory/Inventory.ts"
import { CollectingWriter } from "../log/CollectingWriter.ts"

/** The inspection of a container whose one label has so many characters. */
const inspected = (length: number, change: (told: ContainerInspection) => ContainerInspection = (told) => told) =>
  Effect.gen(function* () {
    const engine = yield* SampleEngine.make()
    const { id } = engine.createContainer({ name: "web", labels: { a: "x".repeat(length) } })
    const real = yield* EngineClient.make({ engine: engine.url, env: {} })
    // Times are of different lengths, the zeros at their ends being left out.
    const timeless = (told: ContainerInspection) => ({ ...told, Created: "", State: { ...told.State, StartedAt: "" } })
    const inspection = (of: ContainerId) => Effect.map(real.inspection(of), (told) => change(timeless(told)))
    const client = { ...real, inspection }
    const { containers } = yield* client.list()
    const inventory = Inventory.of({
      get: () => Effect.succeed(Option.fromNullable(containers[0])),
      engine: Effect.succeed(null),
      changes: undefined as never,
    })
    const writer = new CollectingWriter()
    const request = { op: "inspect", containerId: ContainerId.make(id), scope: {} } as const
    const answer = ContainerAnswer.write(client, inventory, SourceName.make("edge-1"), request, writer)
    return { outcome: yield* Effect.either(answer), bytes: writer.bytes().length, text: writer.text() }
  })

describe("A document about a container", () => {
  it.scopedLive("leaves its host up to 1 MiB, and not at all beyond", () =>
    Effect.gen(function* () {
      const { bytes } = yield* inspected(0)
      const room = ContainerAnswer.MAX_DOCUMENT - bytes
      expect(yield* inspected(room)).toMatchObject({ outcome: { _tag: "Right" }, bytes: ContainerAnswer.MAX_DOCUMENT })
      const longer = yield* inspected(room + 1)
      expect(longer).toMatchObject({ outcome: { _tag: "Left", left: { reason: "engine-error" } }, bytes: 0 })
    }),
  )

  it.scopedLive("says nothing of another container, whose network this one shares", () =>
    Effect.gen(function* () {
      const other = "5ec".padEnd(64, "0")
      const { outcome, text } = yield* inspected(0, (told) => ({
        ...told,
        Config: { ...told.Config, Hostname: other.slice(0, 12) },
        HostConfig: { ...told.HostConfig, NetworkMode: `container:${other}` },
      }))
      expect(outcome).toMatchObject({ _tag: "Right" })
      expect(JSON.parse(text)).toMatchObject({ HostConfig: { NetworkMode: "container" }, Config: { Hostname: "" } })
      expect(text).not.toContain("5ec0")
      const own = yield* inspected(0)
      expect(JSON.parse(own.text)).toMatchObject({
        HostConfig: { NetworkMode: "none" },
        Config: { Hostname: expect.stringMatching(/^[0-9a-f]{12}$/) },
      })
    }),
  )
})

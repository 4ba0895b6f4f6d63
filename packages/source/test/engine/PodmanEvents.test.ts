import { describeEachEngine, type EngineFacts } from "@rdl/test-kit/Engines"
import { RealEngine } from "@rdl/test-kit/RealEngine"
import { fromNanos, LogTime } from "@rdl/core/log/LogTime"
import { SourceName } from "@rdl/core/model/SourceName"
import { Effect } from "effect"
import { afterAll, describe, expect, it } from "vitest"
import { writeEvents } from "../../src/answer/EventsStream.ts"
import * as EngineClient from "../../src/engine/EngineClient.ts"
import * as EngineRequest from "../../src/engine/EngineRequest.ts"
import * as PodmanEvents from "../../src/engine/PodmanEvents.ts"
import { Inventory } from "../../src/inventory/Inventory.ts"
import { CollectingWriter } from "../log/CollectingWriter.ts"

const [since, until] = [LogTime.make("1700000000"), LogTime.make("1700000010.5")]

describe("PodmanEvents", () => {
  it("are asked for from a little earlier, without an end that has passed, and never without a beginning for an end", () => {
    const before = 1_700_000_010_499
    const from = "1699999999"
    expect(PodmanEvents.spanFor({}, before)).toEqual({})
    expect(PodmanEvents.spanFor({ since }, before)).toEqual({ since: from })
    expect(PodmanEvents.spanFor({ since, until }, before)).toEqual({ since: from, until })
    expect(PodmanEvents.spanFor({ until }, before)).toEqual({ since: "1", until })
    expect(PodmanEvents.spanFor({ since, until }, before + 1)).toEqual({ since: from, isOver: true })
    expect(PodmanEvents.spanFor({ until }, before + 1)).toEqual({ since: "1", isOver: true })
    for (const early of ["-5", "0", "1.5", "2"])
      expect(PodmanEvents.spanFor({ since: LogTime.make(early) }, before)).toEqual({ since: "1" })
    expect(EngineRequest.events("1.41", { since, isOver: true })).toMatch(/since=1700000000&stream=0$/)
    expect(EngineRequest.events("1.41", { since })).not.toContain("stream")
  })
})

interface Event {
  readonly id: string
  readonly action: string
  readonly timeNano: string
}

const suite = ({ socket }: EngineFacts) => {
  const engine = new RealEngine(socket)
  afterAll(() => engine.close())

  it("are those of the span, neither fewer nor more", { timeout: 120_000 }, async () => {
    const now = () => fromNanos(BigInt(Date.now()) * 1_000_000n)
    const begun = now()
    const container = await engine.runToEnd({ script: "true" })
    const told = async (span: EngineRequest.EventSpan) => {
      const writer = new CollectingWriter()
      const inventory = Inventory.of({
        get: () => Effect.succeedNone,
        engine: Effect.succeed(null),
        changes: undefined as never,
      })
      await EngineClient.make({ engine: `unix://${socket}`, env: {} }).pipe(
        Effect.flatMap((client) =>
          writeEvents(client, inventory, SourceName.make("edge-1"), { op: "events", scope: {}, ...span }, writer),
        ),
        Effect.scoped,
        Effect.runPromise,
      )
      const lines = writer.text().split("\n")
      const events = lines.filter((line) => line !== "").map((line) => JSON.parse(line) as Event)
      return events.filter(({ id }) => id === container.id)
    }
    try {
      // An engine may tell of an end a little later than who waited for it.
      let all: ReadonlyArray<Event> = []
      while (!all.some(({ action }) => action === "die")) all = await told({ since: begun, until: now() })
      expect(all.map(({ action }) => action)).toEqual(["create", "start", "die"])
      expect(await told({ until: now() })).toEqual(all)
      const [, start, die] = all.map(({ timeNano }) => BigInt(timeNano))
      const from = fromNanos(start!)
      expect(await told({ since: from, until: fromNanos(die! - 1n) })).toEqual(all.slice(1, 2))
      expect(await told({ since: from, until: fromNanos(die!) })).toEqual(all.slice(1))
    } finally {
      await container.remove()
    }
  })
}

await describeEachEngine("past events at Podman", suite, ({ kind }) => kind === "podman")

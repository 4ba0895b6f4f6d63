import { describe, expect, it } from "@effect/vitest"
import { processBudget } from "@rdl/core/mux/CreditBudget"
import * as Source from "@rdl/source/Source"
import { Effect, Layer } from "effect"
import { createHash } from "node:crypto"
import * as FaultWorld from "./FaultWorld.ts"
import { brisk, type Carrier, carriers, until } from "./FaultWorld.ts"

const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex")

/** Cuts of one run; the long form is run by hand. A source's goodbye over HTTP takes a second where its connection was cut. */
const ALL_CUTS = Number(process.env["RDL_CUTS"] ?? 50)
const cutsOver = (carrier: Carrier): number => (carrier === "ws" ? ALL_CUTS : Math.ceil(ALL_CUTS / 5))

/** Lines of all lengths that tell where they stand. */
const lines = (from: number, count: number): string =>
  Array.from({ length: count }, (_, n) => `${from + n} ${"x".repeat((n * 37) % 400)}\n`).join("")

const follow = (format: string) => `/containers/edge/web/logs?follow=1&host=none&format=${format}`

/** Another process, as it were, of the source on the same engine, over the same relay. */
const startAgain = (carrier: Carrier, world: FaultWorld.World, edge: FaultWorld.Edge) =>
  Effect.gen(function* () {
    const dialer = FaultWorld.dialerLayer(carrier, edge.relay.url, yield* world.token("source", "edge"))
    const terms = { engine: edge.engine.url, env: {}, agent: "rdl/test" }
    const started = yield* FaultWorld.startable(Source.layer(terms).pipe(Layer.provide(dialer)))
    yield* until(() => FaultWorld.isLinked(world.registry, "edge"))
    return started
  })

describe.each(carriers)("a follow over %s", (carrier) => {
  it.scopedLive(
    "is the log, byte for byte, over cuts at random places and sources that start again, while it is written",
    () =>
      Effect.gen(function* () {
        const cuts = cutsOver(carrier)
        const world = yield* FaultWorld.start(carrier, { links: brisk, router: { restartWindow: 0 } })
        const edge = yield* world.source("edge")
        const web = yield* edge.container({ name: "web", maxLogBytes: 256 * 1024 * 1024 })
        const text = yield* world.ask(follow("text"))
        const framed = yield* world.ask(follow("multiplexed"))
        let log = ""
        let source = { stop: edge.stop }
        for (let n = 0; n < cuts; n++) {
          const piece = lines(n * 100, 100)
          log += piece
          let isCut = false
          const how = n % 2 === 0 ? "rst" : "fin"
          void edge.relay.up.cutAfter(1 + Math.floor(Math.random() * 3 * piece.length), how).then(() => (isCut = true))
          web.log("stdout", piece)
          yield* until(() => isCut || text.bytes() === log.length)
          // Another one each time: a source that has lost many links dials less and less often.
          yield* source.stop
          edge.relay.heal()
          yield* until(() => !FaultWorld.isLinked(world.registry, "edge"))
          source = yield* startAgain(carrier, world, edge)
        }
        yield* until(() => text.bytes() === log.length)
        yield* until(() => framed.bytes() === log.length + 8 * cuts * 100)
        web.exit()
        expect([yield* text.ended, text.sha256()]).toEqual(["whole", sha256(Buffer.from(log))])
        expect([yield* framed.ended, framed.bytes()]).toEqual(["whole", log.length + 8 * cuts * 100])
      }),
    60_000 + ALL_CUTS * 1_000,
  )

  it.scopedLive.each(["text", "ndjson", "sse", "multiplexed"])(
    "goes on over the other transport where the next link takes that, as %s",
    (format) =>
      Effect.gen(function* () {
        const world = yield* FaultWorld.start(carrier, { links: brisk, router: { restartWindow: 0 } })
        const edge = yield* world.source("edge")
        const web = yield* edge.container({ name: "web" })
        const reader = yield* world.ask(follow(format))
        web.log("stdout", lines(0, 100))
        yield* until(() => reader.text().includes("99 x"))
        edge.relay.dropAll("rst")
        yield* edge.stop
        web.log("stdout", lines(100, 100))
        yield* startAgain(carrier === "ws" ? "http" : "ws", world, edge)
        expect(FaultWorld.status(world.registry, "edge")?.transport).toBe(carrier === "ws" ? "http" : "ws")
        web.log("stdout", lines(200, 100))
        web.exit()
        expect(yield* reader.ended).toBe("whole")
        const whole = yield* world.ask(follow(format))
        expect(yield* whole.ended).toBe("whole")
        expect(reader.text()).toBe(whole.text())
      }),
  )

  it.scopedLive("leaves nothing behind of a user who left while the link was down", () =>
    Effect.gen(function* () {
      const world = yield* FaultWorld.start(carrier, { links: brisk })
      const edge = yield* world.source("edge")
      const web = yield* edge.container({ name: "web" })
      web.log("stdout", "line\n")
      const lent = processBudget.taken
      const reader = yield* world.ask(follow("text"))
      yield* until(() => reader.text() === "line\n")
      yield* Effect.promise(() => edge.relay.refuse())
      edge.relay.dropAll("rst")
      yield* until(() => !FaultWorld.isLinked(world.registry, "edge"))
      yield* until(() => edge.openLogs() === 0)
      reader.leave()
      yield* reader.ended
      yield* Effect.promise(() => edge.relay.admit())
      yield* edge.linked
      const again = yield* world.ask(follow("text"))
      yield* until(() => again.text() === "line\n")
      expect(edge.openLogs()).toBe(1)
      again.leave()
      yield* until(() => edge.openLogs() === 0)
      yield* until(() => processBudget.taken === lent)
    }),
  )

  it.scopedLive("ends as broken once its source has been away for longer than the window", () =>
    Effect.gen(function* () {
      const world = yield* FaultWorld.start(carrier, { links: brisk, router: { resumeWindow: "300 millis" } })
      const edge = yield* world.source("edge")
      const web = yield* edge.container({ name: "web" })
      web.log("stdout", "line\n")
      const reader = yield* world.ask(follow("ndjson"))
      yield* until(() => reader.text().includes("line"))
      yield* Effect.promise(() => edge.relay.refuse())
      edge.relay.dropAll("rst")
      expect(yield* reader.ended).toBe("broken")
      expect(reader.text()).not.toContain('"end"')
    }),
  )
})

import { describe, expect, it } from "@effect/vitest"
import { Effect, Fiber, TestClock } from "effect"
import { LinkLost } from "../../src/link/LinkSession.ts"
import { SessionCode } from "../../src/link/SessionCode.ts"
import * as SourceRegistry from "../../src/routing/SourceRegistry.ts"
import { StreamError } from "../../src/link/StreamError.ts"
import * as FakeSession from "./FakeSession.ts"

const name = FakeSession.sourceName("edge-1")
const web = FakeSession.container("a", "web")
const db = FakeSession.container("b", "db")

/** Serves in the background, far enough for the inventory to have come. */
const serve = (registry: SourceRegistry.SourceRegistry["Type"], session: FakeSession.FakeSession) =>
  registry.serve({ name, session, clockSkewMs: 5 }).pipe(Effect.fork, Effect.tap(settle))

const settle = Effect.yieldNow().pipe(Effect.repeatN(20))

const seen = (registry: SourceRegistry.SourceRegistry["Type"]) =>
  Effect.map(registry.inventories, (all) =>
    all.map(({ source, stale, containers }) => ({
      source,
      stale,
      names: Array.from(containers.values(), (c) => c.name),
    })),
  )

describe("SourceRegistry", () => {
  it.scoped("lists what a linked source has, and after the link is lost the same as stale", () =>
    Effect.gen(function* () {
      const registry = yield* SourceRegistry.make()
      const session = FakeSession.make({ name, inventory: FakeSession.snapshot(web, db) })
      const served = yield* serve(registry, session)
      expect(yield* seen(registry)).toEqual([{ source: name, stale: false, names: ["web", "db"] }])
      session.lose("cable cut")
      expect((yield* Fiber.join(served)).detail).toBe("cable cut")
      expect(yield* seen(registry)).toEqual([{ source: name, stale: true, names: ["web", "db"] }])
      const [status] = yield* registry.statuses
      expect(status).toMatchObject({ connected: false, transport: null, rttMs: null, clockSkewMs: null, containers: 2 })
    }),
  )

  it.scoped("is stale and loading until the first snapshot of a link is whole", () =>
    Effect.gen(function* () {
      const registry = yield* SourceRegistry.make()
      const session = FakeSession.make({ name, inventory: FakeSession.line({ _tag: "Begin" }) })
      yield* serve(registry, session)
      expect(yield* registry.inventories).toMatchObject([{ stale: true, loading: true }])
      session.streams[0]?.send(FakeSession.line({ _tag: "Ready" }))
      expect(yield* registry.inventories).toMatchObject([{ stale: false, loading: false }])
    }),
  )

  it.scoped("lets who watches a source look at once, then at every news of it, and no more after the answer", () =>
    Effect.gen(function* () {
      const registry = yield* SourceRegistry.make()
      const looks: Array<readonly [linked: boolean, names: ReadonlyArray<string>]> = []
      const session = FakeSession.make({ name, inventory: FakeSession.snapshot(web) })
      const served = yield* serve(registry, session)
      const watching = yield* Effect.fork(
        registry.watch(name, ({ containers }, linked) => {
          looks.push([linked, Array.from(containers.values(), (one) => one.name)])
          return Array.from(containers.values()).find((one) => one.name === "db")?.id
        }),
      )
      yield* settle
      expect(looks).toEqual([[true, ["web"]]])
      session.lose("cable cut")
      yield* Fiber.join(served)
      const again = FakeSession.make({ name, inventory: FakeSession.snapshot(web, db) })
      yield* serve(registry, again)
      expect(yield* Fiber.join(watching)).toBe(db.id)
      const told = looks.length
      again.streams[0]?.send(FakeSession.line({ _tag: "Remove", id: db.id }))
      yield* settle
      expect(looks).toHaveLength(told)
    }),
  )

  it.scoped("asks a watcher nothing of a source it does not know, nor one who has gone away", () =>
    Effect.gen(function* () {
      const registry = yield* SourceRegistry.make()
      let looks = 0
      const look = () => {
        looks++
        return undefined
      }
      const watching = yield* Effect.fork(registry.watch(name, look))
      yield* settle
      expect(looks).toBe(0)
      yield* serve(registry, FakeSession.make({ name, inventory: FakeSession.snapshot(web) }))
      expect(looks).toBeGreaterThan(0)
      yield* Fiber.interrupt(watching)
      const before = looks
      yield* serve(registry, FakeSession.make({ name, inventory: FakeSession.snapshot(web, db) }))
      expect(looks).toBe(before)
    }),
  )

  it.scoped("forgets a source 24 hours after its link was lost, and not before", () =>
    Effect.gen(function* () {
      const registry = yield* SourceRegistry.make()
      const first = FakeSession.make({ name, inventory: FakeSession.snapshot(web) })
      yield* serve(registry, first)
      first.lose("x")
      yield* settle
      yield* TestClock.adjust("23 hours")
      const second = FakeSession.make({ name, inventory: FakeSession.snapshot(web) })
      yield* serve(registry, second)
      yield* TestClock.adjust("10 hours")
      expect(yield* registry.statuses).toHaveLength(1)
      second.lose("x")
      yield* settle
      yield* TestClock.adjust("23 hours")
      expect(yield* registry.statuses).toHaveLength(1)
      yield* TestClock.adjust("61 minutes")
      expect(yield* registry.statuses).toHaveLength(0)
    }),
  )

  it.scopedLive("leaves one timer behind of a source whose link comes and goes, however often", () =>
    Effect.gen(function* () {
      const registry = yield* SourceRegistry.make()
      const timers = () => process.getActiveResourcesInfo().filter((kind) => kind === "Timeout").length
      const before = timers()
      for (let n = 0; n < 20; n++) {
        const session = FakeSession.make({ name, inventory: FakeSession.snapshot(web) })
        yield* serve(registry, session)
        session.lose("x")
        yield* settle
      }
      expect(timers() - before).toBe(1)
    }),
  )

  it.scoped("lets a newer link of the same process take over, and closes the older one as replaced", () =>
    Effect.gen(function* () {
      const registry = yield* SourceRegistry.make()
      const older = FakeSession.make({ name, inventory: FakeSession.snapshot(web) })
      const newer = FakeSession.make({ name, inventory: FakeSession.snapshot(db) })
      yield* serve(registry, older)
      yield* registry.admit(name, newer.hello)
      yield* serve(registry, newer)
      expect(older.closes).toMatchObject([{ code: SessionCode.replaced }])
      expect(newer.closes).toEqual([])
      expect(yield* seen(registry)).toEqual([{ source: name, stale: false, names: ["db"] }])
    }),
  )

  it.scoped("lets a newer link take over from the one it names: that one is drained, and only the newer feeds on", () =>
    Effect.gen(function* () {
      const registry = yield* SourceRegistry.make()
      const older = FakeSession.make({ name, inventory: FakeSession.snapshot(web) })
      const newer = FakeSession.make({
        name,
        inventory: FakeSession.snapshot(web, db),
        hello: { handOver: older.welcome.sessionId },
      })
      const left = yield* serve(registry, older)
      yield* serve(registry, newer)
      expect([older.closes, older.drains]).toEqual([[], [0]])
      expect(left.unsafePoll()).toBeNull()
      expect(older.streams.map(({ cancelled }) => cancelled)).toEqual([true])
      yield* registry.open(name, { op: "inventory" })
      expect([older.streams.length, newer.streams.length]).toEqual([1, 2])
      older.lose("its last stream has ended")
      yield* Fiber.join(left)
      expect(yield* seen(registry)).toEqual([{ source: name, stale: false, names: ["web", "db"] }])
    }),
  )

  it.scoped("replaces an older link that is not the one the newer takes over from", () =>
    Effect.gen(function* () {
      const registry = yield* SourceRegistry.make()
      const older = FakeSession.make({ name, inventory: FakeSession.snapshot(web) })
      yield* serve(registry, older)
      yield* serve(registry, FakeSession.make({ name, hello: { handOver: "of another proxy" } }))
      expect([older.closes.map(({ code }) => code), older.drains]).toEqual([[SessionCode.replaced], []])
    }),
  )

  it.scoped("sends every source away, spread by 2 ms for each and by 5 s at most, and opens no inventory again", () =>
    Effect.gen(function* () {
      for (const [count, most] of [
        [1, 2],
        [400, 800],
        [3000, 5000],
      ] as const) {
        const registry = yield* SourceRegistry.make()
        const sessions = Array.from({ length: count }, (_, n) => FakeSession.make({ name: `edge-${n}`, inventory: "" }))
        for (const session of sessions)
          yield* Effect.fork(registry.serve({ name: session.welcome.source, session, clockSkewMs: 0 }))
        yield* settle
        yield* registry.drain(1000)
        yield* settle
        const away = sessions.flatMap(({ drains }) => drains.map((ms) => ms - 1000))
        expect(away).toHaveLength(count)
        expect(Math.min(...away)).toBeGreaterThanOrEqual(0)
        expect(Math.max(...away)).toBeLessThanOrEqual(most)
        if (count > 1) expect(Math.max(...away) - Math.min(...away)).toBeGreaterThan(most / 2)
        yield* TestClock.adjust("1 minute")
        expect(sessions.every(({ streams }) => streams.length === 1)).toBe(true)
      }
    }),
  )

  it.scoped(
    "shows why a link travels as it does in 200 characters and a release in 64, none of which controls a terminal",
    () =>
      Effect.gen(function* () {
        const registry = yield* SourceRegistry.make()
        const transportWhy = `\u001b[31mWebSocket:\n ${"x".repeat(400)}`
        yield* serve(
          registry,
          FakeSession.make({ name, hello: { transportWhy, agent: `rdl/\u001b[31m${"1".repeat(100)}` } }),
        )
        const [status] = yield* registry.statuses
        expect(status?.version).toMatch(/^rdl\/\[31m1{50,}$/)
        expect(status?.version.length).toBeLessThanOrEqual(64)
        expect(status?.transportWhy).toMatch(/^\[31mWebSocket: x{100,}$/)
        expect(status?.transportWhy?.length).toBeLessThanOrEqual(200)
      }),
  )

  it.scoped("refuses another process under a name whose owner answers, be it with an error", () =>
    Effect.gen(function* () {
      for (const answer of [undefined, new StreamError({ reason: "engine-unavailable", detail: "" })]) {
        const registry = yield* SourceRegistry.make()
        let ask = 0
        const owner = FakeSession.make({
          name,
          inventory: FakeSession.snapshot(web),
          answer: () => (ask++ === 0 || answer === undefined ? Effect.void : answer),
        })
        yield* serve(registry, owner)
        const refused = yield* Effect.flip(registry.admit(name, FakeSession.hello("another")))
        expect(refused.code).toBe(SessionCode.conflict)
        expect(owner.closes).toEqual([])
      }
    }),
  )

  it.scoped("gives the name to another process once the owner shows no sign of life for 3 s", () =>
    Effect.gen(function* () {
      const registry = yield* SourceRegistry.make()
      let ask = 0
      const owner = FakeSession.make({
        name,
        inventory: FakeSession.snapshot(web),
        answer: () => (ask++ === 0 ? Effect.void : Effect.never),
      })
      yield* serve(registry, owner)
      const admitted = yield* Effect.fork(registry.admit(name, FakeSession.hello("another")))
      yield* settle
      yield* TestClock.adjust("2900 millis")
      expect(admitted.unsafePoll()).toBeNull()
      yield* TestClock.adjust("200 millis")
      yield* Fiber.join(admitted)
      yield* settle
      expect(owner.closes).toHaveLength(1)
      yield* serve(registry, FakeSession.make({ name, instanceId: "another", inventory: FakeSession.snapshot(db) }))
      expect(yield* seen(registry)).toEqual([{ source: name, stale: false, names: ["db"] }])
    }),
  )

  it.scoped("gives the name to the first of two processes that were admitted at once", () =>
    Effect.gen(function* () {
      const registry = yield* SourceRegistry.make()
      const one = FakeSession.make({ name, instanceId: "one", inventory: FakeSession.snapshot(web) })
      const two = FakeSession.make({ name, instanceId: "two", inventory: FakeSession.snapshot(db) })
      yield* registry.admit(name, one.hello)
      yield* registry.admit(name, two.hello)
      yield* serve(registry, one)
      const lost = yield* registry.serve({ name, session: two, clockSkewMs: 0 })
      expect(lost.code).toBe(SessionCode.conflict)
      expect(two.closes).toMatchObject([{ code: SessionCode.conflict }])
      expect(yield* seen(registry)).toEqual([{ source: name, stale: false, names: ["web"] }])
    }),
  )

  it.scoped("closes the session of a source whose inventory cannot be right, and keeps the rest of the sources", () =>
    Effect.gen(function* () {
      const registry = yield* SourceRegistry.make()
      const good = FakeSession.make({ name, inventory: FakeSession.snapshot(web) })
      yield* serve(registry, good)
      const bad = FakeSession.make({ name: "bad", inventory: '{"_tag":"Put","container":{"id":"../.."}}\n' })
      const lost = yield* registry.serve({ name: FakeSession.sourceName("bad"), session: bad, clockSkewMs: 0 })
      expect(lost.code).toBe(SessionCode.protocol)
      expect(good.closes).toEqual([])
      expect((yield* seen(registry))[0]).toEqual({ source: name, stale: false, names: ["web"] })
    }),
  )

  it.scoped("asks again for an inventory that broke off, ever more slowly, up to every 30 s", () =>
    Effect.gen(function* () {
      const registry = yield* SourceRegistry.make()
      const session = FakeSession.make({ name })
      yield* serve(registry, session)
      const fail = Effect.suspend(() => {
        session.streams.at(-1)?.end(new StreamError({ reason: "engine-unavailable", detail: "no engine" }))
        return settle
      })
      yield* fail
      expect(session.streams).toHaveLength(1)
      yield* TestClock.adjust("1 second")
      expect(session.streams).toHaveLength(2)
      for (let i = 2; i < 10; i++) {
        yield* fail
        yield* TestClock.adjust("30 seconds")
        expect(session.streams).toHaveLength(i + 1)
      }
      expect(session.closes).toEqual([])
    }),
  )

  it.scoped("bounds the streams of a source, and gives a place back when one is closed", () =>
    Effect.gen(function* () {
      const registry = yield* SourceRegistry.make({ maxStreamsPerSource: 2 })
      yield* serve(registry, FakeSession.make({ name, inventory: FakeSession.snapshot(web) }))
      const open = registry.open(name, { op: "inventory" })
      yield* open
      yield* Effect.scoped(open)
      yield* open
      expect(yield* Effect.flip(open)).toMatchObject({ _tag: "SourceUnavailable", reason: "busy" })
    }),
  )

  it.scoped("refuses one name more than it may know, but not a name it knows", () =>
    Effect.gen(function* () {
      const registry = yield* SourceRegistry.make({ maxSources: 1 })
      const session = FakeSession.make({ name, inventory: FakeSession.snapshot(web) })
      yield* serve(registry, session)
      session.lose("x")
      yield* settle
      yield* registry.admit(name, session.hello)
      const refused = yield* Effect.flip(registry.admit(FakeSession.sourceName("edge-2"), FakeSession.hello("two")))
      expect(refused._tag).toBe("LinkLost")
    }),
  )

  it.scoped("says how a linked source is, in its own order of names", () =>
    Effect.gen(function* () {
      const registry = yield* SourceRegistry.make()
      const engine = { kind: "docker", version: "26", apiVersion: "1.45", os: "linux", arch: "amd64" } as const
      yield* TestClock.setTime(1000)
      yield* serve(
        registry,
        FakeSession.make({
          name,
          hello: { readers: ["files", "engine"] },
          inventory: FakeSession.snapshot(web) + FakeSession.line({ _tag: "EngineChanged", engine }),
        }),
      )
      expect(yield* registry.statuses).toEqual([
        {
          name,
          connected: true,
          since: "1970-01-01T00:00:01.000Z",
          lastSeen: "1970-01-01T00:00:01.000Z",
          transport: "memory",
          transportWhy: null,
          rttMs: 7,
          clockSkewMs: 5,
          version: "rdl/test",
          engine,
          readers: ["files", "engine"],
          containers: 1,
        },
      ])
    }),
  )

  it.scoped("opens nothing at a source that is not there", () =>
    Effect.gen(function* () {
      const registry = yield* SourceRegistry.make()
      expect(yield* Effect.flip(registry.open(name, { op: "inventory" }))).toMatchObject({ reason: "offline" })
      const session = FakeSession.make({
        name,
        inventory: "",
        answer: () => new LinkLost({ clean: false, code: 0, detail: "gone" }),
      })
      yield* serve(registry, session)
      expect(yield* Effect.flip(registry.open(name, { op: "inventory" }))).toMatchObject({ _tag: "LinkLost" })
    }),
  )
})

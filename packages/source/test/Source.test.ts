import { engineSockets, RealEngine } from "@rdl/test-kit/RealEngine"
import { describe, expect, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { ContainerId } from "@rdl/core/model/Container"
import type { OpenLogs } from "@rdl/core/link/LinkMessage"
import type { LogQuery } from "@rdl/core/log/LogQuery"
import { LogTime } from "@rdl/core/log/LogTime"
import { ProcessColumns } from "@rdl/core/model/ProcessColumns"
import { SessionCode } from "@rdl/core/link/SessionCode"
import type { Scope } from "@rdl/core/token/TokenClaims"
import * as SampleEngine from "@rdl/sample-engine/SampleEngine"
import * as Source from "../src/Source.ts"
import { startRelay } from "./answer/RecordingRelay.ts"
import * as TestProxy from "./engine/TestProxy.ts"

const logs = (id: string, query: Partial<LogQuery> = {}, scope: Scope = {}): OpenLogs => ({
  op: "logs",
  containerId: ContainerId.make(id),
  query: { follow: false, stdout: true, stderr: true, timestamps: false, details: false, ...query },
  rendering: { format: "text", host: "prefix" },
  scope,
})

/** A source at work, and the proxy it dials. */
const start = (engine: string) =>
  Effect.gen(function* () {
    const proxy = yield* TestProxy.make
    yield* Effect.forkScoped(
      Effect.provide(Source.run({ engine, env: {}, agent: "rdl/test", logDir: "none" }), proxy.dialer),
    )
    return proxy
  })

const inventory = { op: "inventory" } as const
const hasReady = (text: string) => text.includes('"_tag":"Ready"')

describe("Source", () => {
  it.scopedLive("says who it is, tells what it has, and labels its lines with the name the proxy gave it", () =>
    Effect.gen(function* () {
      const engine = yield* SampleEngine.make()
      const web = engine.createContainer({ name: "web" })
      web.log("stdout", "hello\n")
      const { session } = yield* (yield* start(engine.url)).session
      expect(session.hello.engine?.kind).toBe("docker")
      expect(session.hello.agent).toBe("rdl/test")
      const told = yield* TestProxy.ask(session, inventory)
      expect(told.contentType).toBe("application/x-ndjson")
      yield* told.until(hasReady)
      const read = yield* TestProxy.ask(session, logs(web.id))
      expect(yield* read.end).toEqual({ reason: "eof" })
      expect(read.text()).toMatch(/^edge-1 \| hello\n$/)
    }),
  )

  it.scopedLive("makes what is out of scope look like what does not exist", () =>
    Effect.gen(function* () {
      const engine = yield* SampleEngine.make()
      const web = engine.createContainer({ name: "web", labels: { team: "a" } })
      const { session } = yield* (yield* start(engine.url)).session
      yield* (yield* TestProxy.ask(session, inventory)).until(hasReady)
      const refusal = (id: string, scope: Scope) => Effect.flip(session.open(logs(id, {}, scope)))
      const asked = () => engine.requests.filter(({ path }) => path.includes(web.id)).length
      const facts = (refused: Effect.Effect.Success<ReturnType<typeof refusal>>) => JSON.stringify(refused)
      const nothing = yield* refusal("0".repeat(64), {})
      for (const scope of [{ sources: ["other"] }, { containers: ["db*"] }, { labels: ["team=b"] }, { sources: [] }]) {
        const hidden = yield* refusal(web.id, scope)
        expect(facts(hidden).replace(web.id, "ID")).toBe(facts(nothing).replace("0".repeat(64), "ID"))
      }
      expect(asked()).toBe(0)
      const seen = yield* TestProxy.ask(session, logs(web.id, {}, { containers: ["w*"], labels: ["team=a"] }))
      expect(yield* seen.end).toEqual({ reason: "eof" })
    }),
  )

  it.scopedLive(
    "answers no other question about what is out of scope, and tells no event of it or of what is kept back",
    () =>
      Effect.gen(function* () {
        const engine = yield* SampleEngine.make()
        const web = engine.createContainer({ name: "web", labels: { team: "a" } })
        const db = engine.createContainer({ name: "db", labels: { team: "b" } })
        const kept = engine.createContainer({ name: "kept", labels: { team: "a", "rdl.enable": "no" } })
        const { session } = yield* (yield* start(engine.url)).session
        yield* (yield* TestProxy.ask(session, inventory)).until(hasReady)
        const about = { containerId: ContainerId.make(db.id), scope: { labels: ["team=a"] } }
        for (const question of [
          { op: "inspect", ...about },
          { op: "stats", ...about, stream: true, oneShot: false },
          { op: "top", ...about },
        ] as const)
          expect(yield* Effect.flip(session.open(question))).toMatchObject({ reason: "not-found" })
        const told = yield* TestProxy.ask(session, { op: "events", scope: about.scope })
        for (const container of [kept, db, web]) container.stop()
        const text = yield* told.until((seen) => seen.includes('"action":"die"'))
        expect(text).toContain(web.id)
        for (const { id } of [db, kept]) expect(text).not.toContain(id)
      }),
  )

  it.scopedLive("links without an engine, says so, and is whole once the engine is there", () =>
    Effect.gen(function* () {
      const engine = yield* SampleEngine.make()
      const web = engine.createContainer({ name: "web" })
      yield* engine.down
      const { session } = yield* (yield* start(engine.url)).session
      expect(session.hello.engine).toBeNull()
      const refused = yield* Effect.flip(session.open(logs(web.id)))
      expect(refused._tag === "StreamError" && refused.reason).toBe("engine-unavailable")
      const told = yield* TestProxy.ask(session, inventory)
      yield* told.until((text) => text.includes('"engine":null'))
      yield* engine.up
      yield* told.until(hasReady)
      const read = yield* TestProxy.ask(session, logs(web.id))
      expect(yield* read.end).toEqual({ reason: "eof" })
    }),
  )

  it.scopedLive("dials again as the same process when the link is lost, and lets go of what it was reading", () =>
    Effect.gen(function* () {
      const engine = yield* SampleEngine.make()
      const web = engine.createContainer({ name: "web" })
      const proxy = yield* start(engine.url)
      const first = yield* proxy.session
      yield* (yield* TestProxy.ask(first.session, inventory)).until(hasReady)
      yield* TestProxy.ask(first.session, logs(web.id, { follow: true }))
      const follows = () => [...engine.openStreams].filter(({ path }) => path.endsWith("/logs")).length
      yield* engine.until(() => follows() === 1)
      first.link.destroy("cut")
      const second = yield* proxy.session
      expect(second.session.hello.instanceId).toBe(first.session.hello.instanceId)
      yield* engine.until(() => follows() === 0)
    }),
  )

  it.scopedLive("dials its next link while the proxy drains the last, names that one, and serves both", () =>
    Effect.gen(function* () {
      const engine = yield* SampleEngine.make()
      const web = engine.createContainer({ name: "web" })
      const proxy = yield* start(engine.url)
      const first = yield* proxy.session
      expect(first.session.hello.handOver).toBeUndefined()
      const follow = yield* TestProxy.ask(first.session, logs(web.id, { follow: true }))
      yield* Effect.forkScoped(first.session.drain(0))
      const second = yield* proxy.session
      expect(second.session.hello).toMatchObject({
        instanceId: first.session.hello.instanceId,
        handOver: first.session.welcome.sessionId,
      })
      const other = yield* TestProxy.ask(second.session, logs(web.id, { follow: true }))
      web.log("stdout", "after\n")
      yield* follow.until((text) => text.includes("after"))
      yield* other.until((text) => text.includes("after"))
      web.stop()
      expect(yield* follow.end).toEqual({ reason: "stopped" })
      expect((yield* first.session.lost).code).toBe(SessionCode.shuttingDown)
    }),
  )

  it.scopedLive("takes over from nothing after a loss", () =>
    Effect.gen(function* () {
      const engine = yield* SampleEngine.make()
      const proxy = yield* start(engine.url)
      const first = yield* proxy.session
      yield* (yield* TestProxy.ask(first.session, inventory)).until(hasReady)
      first.link.destroy("cut")
      expect((yield* proxy.session).session.hello.handOver).toBeUndefined()
    }),
  )

  it.scopedLive("lets streams go on for a moment when it is stopped, ends its inventory, and says goodbye", () =>
    Effect.gen(function* () {
      const engine = yield* SampleEngine.make()
      const web = engine.createContainer({ name: "web" })
      const proxy = yield* TestProxy.make
      const running = yield* Effect.forkScoped(
        Effect.provide(Source.run({ engine: engine.url, env: {}, agent: "rdl/test" }), proxy.dialer),
      )
      const { session } = yield* proxy.session
      const told = yield* TestProxy.ask(session, inventory)
      yield* told.until(hasReady)
      const follow = yield* TestProxy.ask(session, logs(web.id, { follow: true }))
      yield* Effect.forkScoped(Fiber.interrupt(running))
      expect(yield* told.end).toEqual({ reason: "eof" })
      web.log("stdout", "last words\n")
      web.stop()
      expect(yield* follow.end).toEqual({ reason: "stopped" })
      expect(follow.text()).toContain("last words")
      expect(yield* session.lost).toMatchObject({ clean: true, code: SessionCode.shuttingDown })
    }),
  )

  it.scopedLive("lets a program ask first whether there is an engine", () =>
    Effect.gen(function* () {
      const engine = yield* SampleEngine.make()
      expect((yield* Source.probe({ engine: engine.url, env: {} })).kind).toBe("docker")
      yield* engine.down
      const problem = yield* Effect.flip(Source.probe({ engine: engine.url, env: {} }))
      expect(problem.message).toMatch(/^no container engine at unix:.*start the engine/)
    }),
  )
})

const sockets = engineSockets()

describe.skipIf(sockets.length === 0).each(sockets.length === 0 ? ["no engine"] : sockets)("Source on %s", (socket) => {
  it.scopedLive("asks the engine nothing but the nine questions, whatever it is asked", () =>
    Effect.gen(function* () {
      const engine = new RealEngine(socket)
      const relay = yield* Effect.acquireRelease(
        Effect.promise(() => startRelay(socket)),
        (relay) => Effect.promise(() => relay.close()),
      )
      const container = yield* Effect.acquireRelease(
        Effect.promise(() => engine.run({ script: "echo one; sleep 100", env: ["SECRET=hunter2"] })),
        (container) => Effect.promise(() => container.remove().catch(() => {})),
      )
      const { session } = yield* (yield* start(`unix://${relay.socket}`)).session
      const told = yield* TestProxy.ask(session, inventory)
      yield* told.until((text) => hasReady(text) && text.includes(container.id))
      const history = yield* TestProxy.ask(session, logs(container.id, { tail: 10, timestamps: true, details: true }))
      expect(yield* history.end).toEqual({ reason: "eof" })
      const follow = yield* TestProxy.ask(session, logs(container.id, { follow: true }))
      yield* follow.until((text) => text === "edge-1 | one\n")
      const about = { containerId: ContainerId.make(container.id), scope: {} }
      const inspected = yield* TestProxy.ask(session, { op: "inspect", ...about })
      expect(yield* inspected.end).toEqual({ reason: "eof" })
      const figures = yield* TestProxy.ask(session, { op: "stats", ...about, stream: false, oneShot: true })
      expect(yield* figures.end).toEqual({ reason: "eof" })
      // Docker 26.1 leaves the name out of figures that are taken but once.
      expect(figures.text()).toContain('"cpu_stats":')
      expect(figures.text()).not.toContain(`"name":"/${container.name}"`)
      const columns = ProcessColumns.make("-o pid,comm")
      const processes = yield* TestProxy.ask(session, { op: "top", ...about, columns })
      expect(yield* processes.end).toEqual({ reason: "eof" })
      expect(JSON.parse(processes.text())).toMatchObject({ Titles: ["PID", "COMMAND"] })
      const happened = yield* TestProxy.ask(session, { op: "events", scope: {}, since: LogTime.make("1") })
      yield* happened.until((text) => text.includes('"action":"start"') && text.includes(container.id))
      yield* Effect.promise(() => container.stop())
      expect(yield* follow.end).toEqual({ reason: "stopped" })
      yield* told.until((text) => text.includes('"state":"exited"'))
      yield* Effect.promise(() => container.remove())
      yield* told.until((text) => text.includes('"_tag":"Remove"'))
      yield* happened.until((text) => text.includes('"action":"destroy"'))
      for (const { text } of [told, inspected, figures, processes, happened]) expect(text()).not.toContain("hunter2")
      const questions = relay.requests.map((line) =>
        line
          .replace(container.id, "ID")
          .replace(/\?\S*/, "")
          .replace(/v1\.\d+/, "vN"),
      )
      expect([...new Set(questions)].sort()).toEqual([
        "GET /_ping HTTP/1.1",
        "GET /vN/containers/ID/json HTTP/1.1",
        "GET /vN/containers/ID/logs HTTP/1.1",
        "GET /vN/containers/ID/stats HTTP/1.1",
        "GET /vN/containers/ID/top HTTP/1.1",
        "GET /vN/containers/json HTTP/1.1",
        "GET /vN/events HTTP/1.1",
        "GET /vN/version HTTP/1.1",
      ])
    }),
  )
})

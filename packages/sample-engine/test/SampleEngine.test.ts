import { describe, expect, it } from "@effect/vitest"
import { Effect, Exit, Scope, TestClock } from "effect"
import { existsSync } from "node:fs"
import { connect } from "node:net"
import * as SampleEngine from "@rdl/sample-engine/SampleEngine"
import { ask, askWhole, framesOf, send } from "./contract/RawClient.ts"

const get = (engine: SampleEngine.SampleEngine, path: string) => Effect.promise(() => askWhole(engine.url, path))

const texts = (engine: SampleEngine.SampleEngine, path: string) =>
  Effect.map(get(engine, path), (answer) => framesOf(answer).map(({ payload }) => payload))

describe("SampleEngine", () => {
  it.effect("closes, breaks its streams and removes its socket when its scope ends", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const engine = yield* SampleEngine.make().pipe(Scope.extend(scope))
      const path = engine.socketPath ?? ""
      expect([engine.url, existsSync(path)]).toEqual([`unix://${path}`, true])
      engine.createContainer({ name: "web" })
      const follow = yield* Effect.promise(() => ask(engine.url, "/containers/web/logs?stdout=1&follow=1"))
      yield* Scope.close(scope, Exit.void)
      expect(yield* Effect.promise(() => follow.whenEnded())).toBe("broken")
      expect(existsSync(path)).toBe(false)
    }),
  )

  it.scoped("fails where it cannot listen, and says what to do", () =>
    Effect.gen(function* () {
      const first = yield* SampleEngine.make()
      const socketPath = first.socketPath ?? ""
      const error = yield* Effect.flip(SampleEngine.make({ listen: { socketPath } }))
      expect(error._tag).toBe("SampleEngineError")
      expect(error.message).toMatch(/cannot listen on unix:.*EADDRINUSE.*choose another address/)
      expect((yield* get(first, "/_ping")).text).toBe("OK")
    }),
  )

  it.scoped("serves one connection's requests in order, also those sent ahead", () =>
    Effect.gen(function* () {
      const engine = yield* SampleEngine.make()
      engine.createContainer({ name: "web" }).log("stdout", "line\n")
      const socket = connect(engine.socketPath ?? "")
      const request = (path: string) => `GET ${path} HTTP/1.1\r\nHost: engine\r\n\r\n`
      const logs = "/containers/web/logs?stdout=1"
      const answers = [
        "HTTP/1.1 200",
        "OK",
        "HTTP/1.1 200",
        "line",
        "\r\n0\r\n\r\n",
        "HTTP/1.1 404",
        "HTTP/1.1 200",
        "OK",
      ]
      const paths = ["/_ping", logs, "/nope", "/_ping"]
      const order = new RegExp(answers.map((text) => text.replace(".", "\\.")).join("[^]*"))
      let text = ""
      const comes = () =>
        new Promise<void>((resolve) =>
          socket.on("data", (data) => {
            text += data.toString("latin1")
            if (order.test(text)) resolve()
          }),
        )
      socket.write(paths.map(request).join(""))
      yield* Effect.promise(comes)
      text = ""
      socket.write(paths.map(request).join(""))
      yield* Effect.promise(comes)
      socket.destroy()
      expect(engine.requests.map(({ path }) => path).slice(4)).toEqual([
        "/_ping",
        "/containers/web/logs",
        "/nope",
        "/_ping",
      ])
    }),
  )

  it.scoped("goes down and comes up again at the same place, its containers as they were", () =>
    Effect.gen(function* () {
      for (const listen of [undefined, "tcp"] as const) {
        const engine = yield* SampleEngine.make(listen === undefined ? {} : { listen })
        const container = engine.createContainer({ name: "web" })
        container.log("stdout", "before\n")
        const follow = yield* Effect.promise(() => ask(engine.url, "/containers/web/logs?stdout=1&follow=1"))
        yield* engine.down
        expect(yield* Effect.promise(() => follow.whenEnded())).toBe("broken")
        container.log("stdout", "while down\n")
        expect(yield* Effect.promise(() => send(engine.url, "/_ping").whenEnded())).toBe("reset")
        yield* engine.up
        expect(yield* texts(engine, "/containers/web/logs?stdout=1")).toEqual(["before\n", "while down\n"])
      }
    }),
  )

  it.scoped("shows what was asked, and waits for a condition", () =>
    Effect.gen(function* () {
      const engine = yield* SampleEngine.make()
      const waiting = yield* Effect.fork(engine.until(() => engine.requests.some(({ path }) => path === "/events")))
      yield* get(engine, "/v1.41/containers/a%20b/json?x=1&y=%20")
      expect(engine.requests).toMatchObject([
        { method: "GET", path: "/containers/a b/json", version: "1.41", query: "x=1&y=%20" },
      ])
      expect(waiting.unsafePoll()).toBe(null)
      const events = yield* Effect.promise(() => ask(engine.url, "/events"))
      yield* waiting.await
      yield* engine.until(() => engine.openStreams.size === 1)
      events.close()
      yield* engine.until(() => engine.openStreams.size === 0)
    }),
  )

  it.scoped("stamps equal, older and whole microseconds where told, and follows a stepped clock", () =>
    Effect.gen(function* () {
      const engine = yield* SampleEngine.make()
      const container = engine.createContainer({ name: "web", timeResolution: "us" })
      container.log("stdout", "a\nb\n", { at: 5n })
      container.log("stderr", "c\n", { at: 3n })
      container.log("stdout", "d\n")
      engine.clock.step(-3_600_000_000_000n)
      container.log("stdout", "e\n")
      const stamps = (yield* texts(engine, "/containers/web/logs?stdout=1&stderr=1&timestamps=1")).map((text) =>
        text.slice(0, 30),
      )
      expect(stamps.slice(0, 3).map((stamp) => stamp.slice(19))).toEqual([".000000005Z", ".000000005Z", ".000000003Z"])
      expect(stamps[3]?.slice(-4)).toBe("000Z")
      const hours = (Date.parse(stamps[3] ?? "") - Date.parse(stamps[4] ?? "")) / 3_600_000
      expect(hours).toBeGreaterThan(0.99)
      expect(hours).toBeLessThanOrEqual(1)
    }),
  )

  it.scoped("tells nobody what happens while events are lost", () =>
    Effect.gen(function* () {
      const engine = yield* SampleEngine.make()
      const events = yield* Effect.promise(() => ask(engine.url, "/events"))
      engine.losingEvents(() => engine.createContainer({ name: "unseen" }))
      engine.createContainer({ name: "seen", state: "created" })
      yield* Effect.promise(() => events.when(() => events.text.includes("\n")))
      expect(events.text).not.toContain("unseen")
      const past = yield* get(engine, `/events?since=0&until=${(Date.now() / 1000).toFixed(3)}`)
      expect(past.text).not.toContain("unseen")
      events.close()
    }),
  )

  it.scoped("remembers 256 events, and keeps 1024 for a slow reader", () =>
    Effect.gen(function* () {
      const engine = yield* SampleEngine.make()
      const container = engine.createContainer({ name: "web" })
      const events = yield* Effect.promise(() => ask(engine.url, "/events"))
      for (let i = 0; i < 1000; i++) {
        container.pause()
        container.unpause()
      }
      engine.createContainer({ name: "last" })
      const past = yield* get(engine, "/events?since=0&until=" + ((Date.now() + 2) / 1000).toFixed(3))
      expect(past.text.trim().split("\n")).toHaveLength(256)
      yield* Effect.promise(() => events.when(() => events.chunks.length >= 1024))
      engine.cutStreams("end")
      yield* Effect.promise(() => events.whenEnded())
      expect(events.chunks).toHaveLength(1024)
    }),
  )

  it.live("sends 100,000 lines fast, and does not read ahead for one who stalls", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const engine = yield* SampleEngine.make()
        const container = engine.createContainer({ name: "web", maxLogBytes: 64 * 1024 * 1024 })
        const line = "x".repeat(99) + "\n"
        for (let i = 0; i < 100_000; i++) container.log("stdout", line)
        const stalled = yield* Effect.promise(() => ask(engine.url, "/containers/web/logs?stdout=1&follow=1"))
        stalled.pause()
        yield* Effect.promise(() => new Promise(setImmediate))
        const answer = yield* get(engine, "/containers/web/logs?stdout=1")
        expect(answer.chunks).toHaveLength(100_000)
        // What the stalled reader has not taken is dropped from the log, not kept for it.
        container.rotate()
        container.log("stdout", "after\n")
        container.stop({ exitCode: 0 })
        stalled.resume()
        expect(yield* Effect.promise(() => stalled.whenEnded())).toBe("whole")
        expect(stalled.body.subarray(-6).toString()).toBe("after\n")
        expect(stalled.chunks.length).toBeLessThan(20_000)
      }),
    ),
  )

  it.scoped("keeps no more of a log than its bound, 8 MiB by default", () =>
    Effect.gen(function* () {
      const engine = yield* SampleEngine.make()
      const small = engine.createContainer({ name: "small", maxLogBytes: 1000 })
      for (let i = 0; i < 100; i++) small.log("stdout", `${i}`.padEnd(71) + "\n")
      expect((yield* texts(engine, "/containers/small/logs?stdout=1")).map(Number)).toEqual([95, 96, 97, 98, 99])
      const big = engine.createContainer({ name: "big" })
      for (let i = 0; i < 1000; i++) big.log("stdout", "x".repeat(16_255) + "\n")
      const records = (yield* texts(engine, "/containers/big/logs?stdout=1")).length
      expect(records).toBe(Math.floor((8 * 1024 * 1024) / (16_256 + 128)))
    }),
  )

  it.scoped("says what a container cannot do, and why", () =>
    Effect.gen(function* () {
      const engine = yield* SampleEngine.make()
      const container = engine.createContainer({ name: "web", state: "exited" })
      expect(() => container.log("stdout", "x\n")).toThrow("container web is exited: it cannot write to its log")
      expect(() => container.pause()).toThrow("container web is exited: it cannot pause")
      expect(() => engine.createContainer({ name: "web" })).toThrow("container name web is taken")
      expect(() => engine.createContainer({ name: "a/b" })).toThrow("only")
      expect(() => engine.createContainer({ id: "abc" })).toThrow("not 64")
      expect(() => engine.createContainer({ name: "other" }).rename("web")).toThrow("container name web is taken")
    }),
  )
})

describe("samples", () => {
  it.effect("log by themselves, with a quarter of an hour behind them", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const engine = yield* SampleEngine.make({ samples: true })
        const listed = (yield* get(engine, '/containers/json?filters={"label":["rdl.sample=true"]}')).json
        expect(listed).toMatchObject([
          { Names: ["/web"], Image: "rdl/sample-web:1", Status: "Up 15 minutes" },
          { Names: ["/worker"], Image: "rdl/sample-worker:1", Status: "Up 15 minutes" },
          { Names: ["/db"], Image: "rdl/sample-db:1", Status: "Up 15 minutes" },
        ])
        for (const [name, expected] of [
          ["web", 1000],
          ["worker", 720],
          ["db", 128],
        ] as const) {
          const path = `/containers/${name}/logs?stdout=1&stderr=1&timestamps=1`
          const before = (yield* texts(engine, path)).length
          expect(before).toBeGreaterThan(expected / 2)
          expect(before).toBeLessThan(expected * 2)
          const follow = yield* Effect.promise(() => ask(engine.url, `${path}&follow=1&tail=0`))
          yield* TestClock.adjust("1 minute")
          yield* Effect.promise(() => follow.when(() => follow.chunks.length > 3))
          follow.close()
        }
      }),
    ),
  )
})

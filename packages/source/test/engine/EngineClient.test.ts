import { createServer, type RequestListener } from "node:http"
import type { AddressInfo } from "node:net"
import { describe, expect, it } from "@effect/vitest"
import { Context, Effect, Layer } from "effect"
import { ContainerId } from "@rdl/core/model/Container"
import * as SampleEngine from "@rdl/sample-engine/SampleEngine"
import * as EngineClient from "../../src/engine/EngineClient.ts"
import { NEWEST_API, speak } from "../../src/engine/EngineRequest.ts"
import type { BodySink } from "../../src/engine/EngineStream.ts"

const client = (engine: string) =>
  Effect.map(Layer.build(EngineClient.layer({ engine, env: {} })), (services) =>
    Context.get(services, EngineClient.EngineClient),
  )

/** An HTTP server that is played by one function. */
const server = (listener: RequestListener) =>
  Effect.acquireRelease(
    Effect.promise(
      () =>
        new Promise<{ url: string; close: () => void }>((resolve) => {
          const http = createServer(listener)
          http.listen(0, "127.0.0.1", () => {
            const close = () => {
              http.close()
              http.closeAllConnections()
            }
            resolve({ url: `tcp://127.0.0.1:${(http.address() as AddressInfo).port}`, close })
          })
        }),
    ),
    ({ close }) => Effect.sync(close),
  )

const nowhere: BodySink = { onOpen: () => {}, onData: () => {}, onSettled: () => {} }
const everything = { follow: false, stdout: true, stderr: true, details: false }
const id = (digit: string) => ContainerId.make(digit.repeat(64))

describe("EngineClient", () => {
  it.scopedLive("speaks the engine's own version of the API, and tells Docker from Podman", () =>
    Effect.gen(function* () {
      for (const flavour of ["docker-20.10", "podman"] as const) {
        const engine = yield* SampleEngine.make({ flavour, listen: "tcp" })
        const about = yield* (yield* client(engine.url)).version
        expect(about.kind).toBe(flavour === "podman" ? "podman" : "docker")
        yield* (yield* client(engine.url)).list()
        expect(engine.requests.at(-1)?.version).toBe(about.apiVersion)
      }
    }),
  )

  it.scopedLive("asks four questions at a time, and keeps the others until one is answered", () =>
    Effect.gen(function* () {
      let most = 0
      const waiting: Array<() => void> = []
      const { url } = yield* server((request, response) => {
        response.setHeader("api-version", "1.41")
        if (!(request.url ?? "").includes("/containers/json"))
          return response.end('{"Version":"1","Os":"linux","Arch":"amd64"}')
        waiting.push(() => void response.end("[]"))
        most = Math.max(most, waiting.length)
        return undefined
      })
      const asking = yield* client(url)
      yield* asking.version
      const asked = yield* Effect.fork(
        Effect.all(
          Array.from({ length: 9 }, () => asking.list()),
          { concurrency: 9 },
        ),
      )
      for (let answered = 0; answered < 9; answered++) {
        while (waiting.length < Math.min(4, 9 - answered)) yield* Effect.sleep("5 millis")
        waiting.shift()?.()
      }
      yield* asked
      expect(most).toBe(4)
    }),
  )

  it("speaks no version newer than it knows", () => {
    expect(speak("1.41")).toBe("1.41")
    expect(speak("1.9")).toBe("1.9")
    expect(speak("1.60")).toBe(NEWEST_API)
    expect(speak("2.0")).toBe(NEWEST_API)
  })

  it.scopedLive("lets no hostile id come near the engine, whatever its type claims", () =>
    Effect.gen(function* () {
      const engine = yield* SampleEngine.make()
      const asker = yield* client(engine.url)
      yield* asker.version
      const before = engine.requests.length
      const hostile = [
        "../../containers/create",
        "a".repeat(63),
        "A".repeat(64),
        `${"a".repeat(64)}/exec`,
        "x\r\nDELETE /",
        "",
      ]
      for (const text of hostile) {
        const posing = text as ContainerId
        expect((yield* Effect.flip(asker.inspect(posing)))._tag).toBe("ContainerNotFound")
        expect((yield* Effect.flip(asker.logs(posing, everything, nowhere)))._tag).toBe("ContainerNotFound")
      }
      expect(engine.requests).toHaveLength(before)
      yield* asker.list(hostile.map((text) => text as ContainerId))
      expect(engine.requests.at(-1)?.params.get("filters")).toBe('{"id":[]}')
    }),
  )

  it.scopedLive("tells apart: no such container, a log that cannot be read, an engine's own error", () =>
    Effect.gen(function* () {
      for (const flavour of ["docker-20.10", "podman"] as const) {
        const engine = yield* SampleEngine.make({ flavour })
        const asker = yield* client(engine.url)
        const mute = engine.createContainer({ logDriver: "none" })
        const web = engine.createContainer()
        const logs = (id: string) => Effect.flip(asker.logs(ContainerId.make(id), everything, nowhere))
        expect((yield* logs(id("0")))._tag).toBe("ContainerNotFound")
        expect((yield* Effect.flip(asker.inspect(id("0"))))._tag).toBe("ContainerNotFound")
        expect((yield* logs(mute.id))._tag).toBe("LogsUnsupported")
        const answer = { status: 500, contentType: "application/json", body: '{"message":"disk on fire"}' }
        engine.faults.add({ answer, when: ({ path }) => path.endsWith("/logs") })
        const failed = yield* logs(web.id)
        expect(failed._tag).toBe("EngineError")
        expect(failed.message).toContain("disk on fire")
      }
    }),
  )

  it.scopedLive("leaves out what makes no sense in a list, and says so", () =>
    Effect.gen(function* () {
      const engine = yield* SampleEngine.make()
      const asker = yield* client(engine.url)
      const good = { Id: id("a"), Created: 1, State: "running" }
      const body = JSON.stringify([
        { ...good, Names: ["/web", "/other/alias", "/also"], Env: ["SECRET=1"], Mounts: [{ Source: "/etc" }] },
        { ...good, Id: id("b"), Names: [] },
        { ...good, Id: "short" },
        null,
        { ...good, Id: id("c"), Names: null, Labels: null, Ports: null, Command: null },
        { ...good, Id: id("d"), Labels: { big: "x".repeat(300_000) } },
      ])
      engine.faults.add({
        answer: { status: 200, contentType: "application/json", body },
        when: ({ path }) => path.endsWith("/json"),
      })
      const { containers, problems } = yield* asker.list()
      expect(containers.map(({ names }) => names)).toEqual([
        ["web", "also"],
        ["b".repeat(12)],
        ["c".repeat(12)],
        ["d".repeat(12)],
      ])
      expect(JSON.stringify(containers)).not.toMatch(/SECRET|\/etc/)
      expect(containers[3]?.labels).toEqual({})
      expect(problems).toHaveLength(3)
    }),
  )

  it.scopedLive("says of a silent address and of something else that answers what is wrong", () =>
    Effect.gen(function* () {
      const web = yield* server((_, response) => response.end("<html>hello</html>"))
      const other = yield* Effect.flip((yield* client(web.url)).version)
      expect(other._tag === "EngineUnavailable" && other.reason).toBe("not-an-engine")
      expect(other.message).toContain(web.url)
      const engine = yield* SampleEngine.make({ listen: "tcp" })
      yield* engine.down
      const silent = yield* Effect.flip((yield* client(engine.url)).version)
      expect(silent._tag === "EngineUnavailable" && silent.reason).toBe("silent")
    }),
  )

  it.scopedLive("takes no answer over 64 MiB", () =>
    Effect.gen(function* () {
      const mebibyte = Buffer.alloc(1024 * 1024, " ")
      let sent = 0
      const endless = yield* server((request, response) => {
        response.setHeader("api-version", "1.41")
        if (!(request.url ?? "").includes("/containers/json"))
          return response.end('{"Version":"1","Os":"linux","Arch":"amd64"}')
        const more = () => {
          sent += 1
          if (!response.destroyed) response.write(mebibyte, more)
        }
        return more()
      })
      const problem = yield* Effect.flip((yield* client(endless.url)).list())
      expect(problem.message).toContain("longer than")
      expect(sent).toBeLessThan(100)
    }),
  )

  it.scopedLive("finds an engine again that was gone, as what it is now", () =>
    Effect.gen(function* () {
      const engine = yield* SampleEngine.make()
      const asker = yield* client(engine.url)
      yield* asker.list()
      yield* engine.down
      expect((yield* Effect.flip(asker.list()))._tag).toBe("EngineUnavailable")
      yield* engine.up
      const before = engine.requests.length
      yield* asker.list()
      expect(engine.requests.slice(before).map(({ path }) => path)).toEqual(["/_ping", "/version", "/containers/json"])
    }),
  )
})

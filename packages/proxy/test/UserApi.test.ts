import type { OpenAPISpec } from "@effect/platform/OpenApi"
import { StreamError, type StreamErrorReason } from "@rdl/core/link/StreamError"
import { OPEN_PATHS } from "@rdl/core/api/UserApi"
import { describe, expect, it } from "@effect/vitest"
import { Effect, TestClock } from "effect"
import * as Fleet from "./Fleet.ts"

const web1 = Fleet.container("aa1", "web", { labels: { team: "a" } })
const web2 = Fleet.container("aa2", "web", { labels: { team: "b" } })
const db = Fleet.container("b1", "db", { labels: { team: "a" }, state: "exited" })

const failing =
  (reason: StreamErrorReason): Fleet.LogHandler =>
  () =>
    new StreamError({ reason, detail: `it is ${reason}` })

const started = Effect.gen(function* () {
  const fleet = yield* Fleet.start()
  const edge1 = yield* fleet.link("edge-1", [web1, db])
  const edge2 = yield* fleet.link("edge-2", [web2])
  return { fleet, edge1, edge2, token: yield* fleet.token() }
})

describe("The user API", () => {
  it.scoped("lists containers and sources", () =>
    Effect.gen(function* () {
      const { fleet, token } = yield* started
      const get = (path: string) => Effect.flatMap(Fleet.ask(fleet.url + path, { token }), ({ json }) => json)
      expect(yield* get("/containers")).toEqual([
        { ...web1, source: "edge-1", stale: false },
        { ...web2, source: "edge-2", stale: false },
      ])
      expect(yield* get("/containers?all=1&name=d*&source=edge-1&label=team%3Da")).toEqual([
        { ...db, source: "edge-1", stale: false },
      ])
      expect(yield* get("/containers?name=web&name=db&all=1")).toHaveLength(3)
      expect(yield* get("/sources")).toMatchObject([
        { name: "edge-1", connected: true, transport: "memory", containers: 2 },
        { name: "edge-2", connected: true, containers: 1 },
      ])
    }),
  )

  it.scoped("lists the containers of a lost source as stale, and its logs as unavailable", () =>
    Effect.gen(function* () {
      const { fleet, edge1, token } = yield* started
      edge1.link.destroy("cable cut")
      yield* Fleet.until(Effect.map(fleet.registry.statuses, ([status]) => status?.connected === false))
      const list = yield* Effect.flatMap(Fleet.ask(`${fleet.url}/containers`, { token }), ({ json }) => json)
      expect(list).toMatchObject([
        { source: "edge-1", stale: true },
        { source: "edge-2", stale: false },
      ])
      const logs = yield* Fleet.ask(`${fleet.url}/containers/edge-1/web/logs`, { token })
      expect(logs.status).toBe(503)
      expect(Number(logs.headers["retry-after"])).toBeGreaterThan(0)
      expect(yield* logs.json).toMatchObject({ error: { code: "source-offline", source: "edge-1" } })
    }),
  )

  it.scoped("sends a log whole, and says whose it is and what it is, whatever the source claims", () =>
    Effect.gen(function* () {
      const { fleet, token, edge1 } = yield* started
      for (const ref of ["edge-1/web", "edge-1%2Fweb", web1.id, "edge-1/aa1", "aa1"]) {
        const answer = yield* Fleet.ask(`${fleet.url}/containers/${ref}/logs?tail=5&stderr=1`, { token })
        expect(answer.status).toBe(200)
        expect(yield* answer.ended).toBe("whole")
        expect(answer.text()).toBe("log of aa10\n")
        expect(answer.headers).toMatchObject({
          "content-type": "text/plain; charset=utf-8",
          "x-rdl-container": "edge-1/web",
          "x-rdl-container-id": web1.id,
          "x-accel-buffering": "no",
          "cache-control": "no-store, no-transform",
          "x-content-type-options": "nosniff",
        })
      }
      expect(edge1.requests[0]?.query).toMatchObject({ tail: 5, stderr: true, stdout: false, follow: false })
      const ndjson = yield* Fleet.ask(`${fleet.url}/containers/aa1/logs`, {
        token,
        headers: { accept: "application/x-ndjson" },
      })
      expect(ndjson.headers["content-type"]).toBe("application/x-ndjson")
      expect(edge1.requests.at(-1)?.rendering).toEqual({ format: "ndjson", host: "prefix" })
    }),
  )

  it.scoped.each<[method: string, path: string, status: number, facts: object]>([
    [
      "GET",
      "/containers?nmae=x",
      400,
      {
        code: "bad-parameter",
        parameter: "nmae",
        message: `there is no parameter "nmae" here: expected only all, source, name, label`,
      },
    ],
    ["GET", "/containers?all=perhaps", 400, { code: "bad-parameter", parameter: "all", value: "perhaps" }],
    ["GET", `/containers?${"name=x&".repeat(65)}`, 400, { code: "bad-parameter", parameter: "name" }],
    ["GET", "/sources?name=x", 400, { code: "bad-parameter", parameter: "name" }],
    ["GET", "/containers/web/logs?tail=x", 400, { code: "bad-parameter", parameter: "tail", value: "x" }],
    ["GET", "/containers/web/logs?stdout=0&stderr=0", 400, { code: "bad-parameter", parameter: "stdout" }],
    ["GET", "/containers/web/logs?gerp=x", 400, { code: "bad-parameter", parameter: "gerp" }],
    ["GET", "/containers/web/logs?grep=%28a", 400, { code: "bad-parameter", parameter: "grep", value: "(a" }],
    ["GET", "/containers/web/logs?format=xml", 400, { code: "bad-parameter", parameter: "format" }],
    ["GET", "/containers/%2e%2e%2fversion/logs", 400, { code: "bad-parameter", parameter: "ref" }],
    ["GET", "/containers/a%0ab/logs", 400, { code: "bad-parameter", parameter: "ref" }],
    ["GET", "/containers/nothing/logs", 404, { code: "no-such-container" }],
    ["GET", "/containers/web/logs", 409, { code: "ambiguous", candidates: ["edge-1/web", "edge-2/web"] }],
    ["GET", "/nothing", 404, { code: "no-such-route" }],
    ["GET", "/containers/web", 404, { code: "no-such-route" }],
    ["GET", "/containers/a/b/c/logs", 404, { code: "no-such-route" }],
    ["GET", "/%", 404, { code: "no-such-route" }],
    ["GET", "/containers/%zz/logs", 404, { code: "no-such-route" }],
    ["POST", "/containers", 405, { code: "method-not-allowed" }],
    ["DELETE", "/containers/web/logs", 405, { code: "method-not-allowed" }],
    ["OPTIONS", "/sources", 405, { code: "method-not-allowed" }],
  ])("answers %s %s with %i", ([method, path, status, facts]) =>
    Effect.gen(function* () {
      const { fleet, token } = yield* started
      const answer = yield* Fleet.ask(fleet.url + path, { token, method })
      expect(answer.status).toBe(status)
      expect(answer.headers["content-type"]).toBe("application/json")
      expect(answer.headers).toMatchObject({ "cache-control": "no-store", "x-content-type-options": "nosniff" })
      expect(answer.headers).not.toHaveProperty("access-control-allow-origin")
      expect(yield* answer.json).toMatchObject({ error: { message: expect.stringMatching(/\w/), ...facts } })
      expect(answer.text()).not.toContain(token)
    }),
  )

  it.scoped.each<[StreamErrorReason, number]>([
    ["not-found", 404],
    ["too-many-streams", 429],
    ["logs-unsupported", 501],
    ["engine-unavailable", 503],
    ["stalled", 504],
  ])("answers a source's %s with %i", ([reason, status]) =>
    Effect.gen(function* () {
      const fleet = yield* Fleet.start()
      yield* fleet.link("edge-1", [web1], failing(reason))
      const answer = yield* Fleet.ask(`${fleet.url}/containers/web/logs`, { token: yield* fleet.token() })
      expect(answer.status).toBe(status)
      expect(yield* answer.json).toMatchObject({ error: { message: expect.stringMatching(/\w/) } })
    }),
  )

  it.scoped("answers 504 when the source stays silent, and cancels there", () =>
    Effect.gen(function* () {
      const fleet = yield* Fleet.start()
      const source = yield* fleet.link("edge-1", [web1], () => Effect.never)
      const token = yield* fleet.token()
      const asking = yield* Effect.fork(Fleet.ask(`${fleet.url}/containers/web/logs`, { token }))
      yield* Fleet.until(Effect.sync(() => source.open() === 1))
      yield* TestClock.adjust("30 seconds")
      const answer = yield* asking
      expect(answer.status).toBe(504)
      yield* Fleet.until(Effect.sync(() => source.open() === 0))
    }),
  )

  it.scoped("answers 429 to one log more than a user may read", () =>
    Effect.gen(function* () {
      const fleet = yield* Fleet.start({ router: { maxStreamsPerUser: 1 } })
      yield* fleet.link("edge-1", [web1], Fleet.idle)
      const token = yield* fleet.token()
      const first = yield* Fleet.ask(`${fleet.url}/containers/web/logs?follow=1`, { token })
      const second = yield* Fleet.ask(`${fleet.url}/containers/web/logs?follow=1`, { token })
      expect([first.status, second.status]).toEqual([200, 429])
      expect(yield* second.json).toMatchObject({ error: { code: "too-many-streams", limit: 1 } })
      expect(second.headers["retry-after"]).toBeDefined()
    }),
  )

  it.scoped("answers HEAD with the headers alone", () =>
    Effect.gen(function* () {
      const fleet = yield* Fleet.start()
      const source = yield* fleet.link("edge-1", [web1], Fleet.idle)
      const answer = yield* Fleet.ask(`${fleet.url}/containers/web/logs?follow=1`, {
        token: yield* fleet.token(),
        method: "HEAD",
      })
      expect(answer.status).toBe(200)
      expect(yield* answer.ended).toBe("whole")
      yield* Fleet.until(Effect.sync(() => source.open() === 0))
    }),
  )
})

describe("The description", () => {
  it.scoped("is an OpenAPI 3.1 document that lists every route, with its errors and who may ask", () =>
    Effect.gen(function* () {
      const fleet = yield* Fleet.start()
      const answer = yield* Fleet.ask(`${fleet.url}/openapi.json`)
      const document = (yield* answer.json) as OpenAPISpec
      expect(document.openapi).toMatch(/^3\.1\./)
      expect(Object.keys(document.paths).sort()).toEqual([
        "/containers",
        "/containers/{ref}/logs",
        "/containers/{source}/{container}/logs",
        "/docs",
        "/health",
        "/metrics",
        "/openapi.json",
        "/ready",
        "/sources",
      ])
      for (const [path, { get }] of Object.entries(document.paths)) {
        expect(get?.security).toEqual(OPEN_PATHS.has(path) ? [] : [{ bearer: [] }])
        const inPath = get?.parameters.filter((each) => each.in === "path").map(({ name }) => `{${name}}`)
        expect(path.match(/\{\w+\}/g) ?? []).toEqual(inPath)
      }
      const logs = document.paths["/containers/{ref}/logs"]?.get
      expect(Object.keys(logs?.responses ?? {})).toEqual(
        expect.arrayContaining(["200", "400", "401", "403", "404", "409", "429", "501", "503", "504"]),
      )
      expect(Object.keys(logs?.responses[200]?.content ?? {})).toContain("application/vnd.docker.multiplexed-stream")
      const text = JSON.stringify(document)
      expect(text).not.toContain("HttpApiDecodeError")
      for (const [, name] of text.matchAll(/"#\/components\/schemas\/(\w+)"/g))
        expect(document.components.schemas).toHaveProperty(name ?? "")
    }),
  )

  it.scoped("is a page that loads nothing from anywhere and lets nothing run", () =>
    Effect.gen(function* () {
      const fleet = yield* Fleet.start()
      const page = yield* Fleet.ask(`${fleet.url}/docs`)
      expect(yield* page.ended).toBe("whole")
      expect(page.headers["content-type"]).toMatch(/^text\/html/)
      expect(page.headers["content-security-policy"]).toContain("default-src 'none'")
      expect(page.text()).toContain("/containers/{ref}/logs")
      expect(page.text()).not.toMatch(/https?:|\/\/\w|<script|@import|url\(/)
    }),
  )
})

describe("Health", () => {
  it.scoped("is told without a token; readiness ends when the proxy is to stop", () =>
    Effect.gen(function* () {
      const fleet = yield* Fleet.start()
      for (const path of ["/health", "/ready"]) expect((yield* Fleet.ask(fleet.url + path)).status).toBe(200)
      yield* fleet.proxy.stop
      const ready = yield* Fleet.ask(`${fleet.url}/ready`)
      expect(ready.status).toBe(503)
      expect(yield* ready.json).toMatchObject({ error: { code: "not-ready" } })
      expect((yield* Fleet.ask(`${fleet.url}/health`)).status).toBe(200)
    }),
  )
})

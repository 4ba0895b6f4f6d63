import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import type { HttpClient } from "@effect/platform/HttpClient"
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import { ApiError } from "@rdl/core/api/ApiError"
import type { LogEntry } from "@rdl/core/log/LogEntry"
import * as RdlClient from "@rdl/core/api/RdlClient"
import { StreamError } from "@rdl/core/link/StreamError"
import { describe, expect, it } from "@effect/vitest"
import { Cause, Chunk, Effect, Exit, Inspectable, Layer, Redacted, Scope, Stream } from "effect"
import * as Http from "node:http"
import type { AddressInfo } from "node:net"
import * as Fleet from "./Fleet.ts"

const web = Fleet.container("aa1", "web")
const twin = Fleet.container("aa2", "web")

const entry = (line: string): LogEntry =>
  ({
    source: "edge-1",
    container: "web",
    id: web.id,
    stream: "stdout",
    time: "2026-11-22T10:44:07.200217800Z",
    line,
  }) as LogEntry

const ndjson =
  (lines: ReadonlyArray<unknown>, end: Effect.Effect<{ readonly reason: "eof" }, StreamError>): Fleet.LogHandler =>
  (_, writer) =>
    Effect.suspend(() => {
      writer.head({ contentType: "application/x-ndjson", tty: true })
      writer.write(new TextEncoder().encode(lines.map((line) => `${JSON.stringify(line)}\n`).join("")))
      return end
    })

const asVoid = <E, R>(effect: Effect.Effect<unknown, E, R>): Effect.Effect<void, E, R> => Effect.asVoid(effect)

const eof = Effect.succeed({ reason: "eof" as const })

/** A server that is no proxy, for as long as the scope lives. */
const serving = (answer: (response: Http.ServerResponse, request: Http.IncomingMessage) => void) =>
  Effect.gen(function* () {
    const server = Http.createServer((request, response) => answer(response, request))
    yield* Effect.acquireRelease(
      Effect.async<void>((resume) => void server.listen(0, "127.0.0.1", () => resume(Effect.void))),
      () =>
        Effect.sync(() => {
          server.closeAllConnections()
          server.close()
        }),
    )
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  })

const clientOf = (url: string, token: string, http: Layer.Layer<HttpClient>) =>
  Effect.map(
    Layer.build(RdlClient.layer({ url: new URL(url), token: Redacted.make(token) }).pipe(Layer.provide(http))),
    (context) => Effect.provide(RdlClient.RdlClient, context),
  ).pipe(Effect.flatten)

describe.each<[string, Layer.Layer<HttpClient>]>([
  ["fetch", FetchHttpClient.layer],
  ["node:http", NodeHttpClient.layer],
  ["undici", NodeHttpClient.layerUndici],
])("RdlClient over %s", (_, http) => {
  const started = (logs?: Fleet.LogHandler) =>
    Effect.gen(function* () {
      const fleet = yield* Fleet.start()
      const source = yield* fleet.link("edge-1", [web], logs)
      const token = yield* fleet.token()
      return { fleet, source, token, client: yield* clientOf(fleet.url, token, http) }
    })

  it.scoped("lists containers and sources as the proxy has them", () =>
    Effect.gen(function* () {
      const { client } = yield* started()
      expect(yield* client.containers()).toEqual([{ ...web, source: "edge-1", stale: false }])
      expect(yield* client.containers({ all: true, names: ["x*"], sources: ["*"], labels: [] })).toEqual([])
      expect(yield* client.sources).toMatchObject([{ name: "edge-1", connected: true }])
    }),
  )

  it.scoped("reads a log to its end", () =>
    Effect.gen(function* () {
      const { client, source } = yield* started()
      const log = yield* client.logs("edge-1/web", { tail: 3, stdout: true, stderr: false, host: "none" })
      expect(log).toMatchObject({ container: "edge-1/web", contentType: "text/plain; charset=utf-8", tty: false })
      expect(yield* log.stream.pipe(Stream.decodeText(), Stream.mkString)).toBe("log of aa10\n")
      expect(source.requests[0]).toMatchObject({
        query: { tail: 3, stdout: true, stderr: false },
        rendering: { format: "text", host: "none" },
      })
    }),
  )

  it.scoped("reads entries, the end among them", () =>
    Effect.gen(function* () {
      const lines = [entry("one"), entry("two\u0000ä")]
      const { client } = yield* started(ndjson(lines, eof))
      const entries = yield* Stream.runCollect(client.entries("web"))
      expect(Chunk.toArray(entries)).toEqual([...lines, { end: { reason: "eof" } }])
    }),
  )

  it.scoped("fails where a log breaks off, after what came of it", () =>
    Effect.gen(function* () {
      const { client, source } = yield* started(ndjson([entry("one")], Effect.never))
      const seen: Array<LogEntry> = []
      const error = yield* client.entries("web", { follow: true }).pipe(
        Stream.runForEach((each) =>
          Effect.sync(() => {
            seen.push(each)
            source.link.destroy("cable cut")
          }),
        ),
        Effect.flip,
      )
      expect(seen).toEqual([entry("one")])
      expect(error).toMatchObject({ _tag: "RdlConnectionError", reason: "broken" })
    }),
  )

  it.scoped("cancels at the source when the scope of a log closes", () =>
    Effect.gen(function* () {
      const { client, source } = yield* started(Fleet.idle)
      const scope = yield* Scope.make()
      const log = yield* Scope.extend(client.logs("web", { follow: true }), scope)
      yield* Effect.fork(Stream.runDrain(log.stream))
      expect(source.open()).toBe(1)
      yield* Scope.close(scope, Exit.void)
      yield* Fleet.until(Effect.sync(() => source.open() === 0))
    }),
  )

  it.scoped("fails with the proxy's own error, facts and all", () =>
    Effect.gen(function* () {
      const { client, fleet } = yield* started()
      yield* fleet.link("edge-2", [twin])
      const error = yield* Effect.flip(client.logs("web"))
      expect(error).toBeInstanceOf(ApiError)
      expect(error).toMatchObject({ code: "ambiguous", status: 409, candidates: ["edge-1/web", "edge-2/web"] })
      expect(error.message).toContain("name the source too")
    }),
  )

  it.scoped("sends no reference that would lead to another path", () =>
    Effect.gen(function* () {
      const { client } = yield* started()
      for (const ref of ["..", "../../x", "web?x", "web#", "", "a/b/c"])
        expect(yield* Effect.flip(client.logs(ref))).toMatchObject({ code: "bad-parameter", parameter: "ref" })
    }),
  )

  it.scoped("shows the token in no error", () =>
    Effect.gen(function* () {
      const { fleet, token, client } = yield* started(() => new StreamError({ reason: "internal", detail: "x" }))
      const other = yield* clientOf(fleet.url, `${token}x`, http)
      const nowhere = yield* clientOf("http://127.0.0.1:1", token, http)
      for (const failing of [client.logs("web"), other.sources, nowhere.sources, nowhere.logs("web")].map(asVoid)) {
        const cause = yield* Effect.flip(Effect.sandbox(failing))
        const shown = [
          Cause.pretty(cause),
          Inspectable.format(cause),
          JSON.stringify(cause),
          String(Cause.squash(cause)),
        ]
        for (const text of shown) expect(text).not.toContain(token)
      }
      expect(yield* Effect.flip(nowhere.sources)).toMatchObject({ reason: "unreachable", url: "http://127.0.0.1:1" })
    }),
  )
})

describe("RdlClient", () => {
  it.scoped("fails where something in between ended a log that had no end, and no cursor to go on from", () =>
    Effect.gen(function* () {
      const url = yield* serving((response) => response.end(`${JSON.stringify(entry("one"))}\n`))
      const client = yield* clientOf(url, "t.t", NodeHttpClient.layer)
      const error = yield* Effect.flip(Stream.runDrain(client.entries("web")))
      expect(error).toMatchObject({ _tag: "RdlConnectionError", reason: "broken" })
    }),
  )

  it.scoped.each<[status: number, body: string]>([
    [502, "<html>bad gateway</html>"],
    [404, '{"message":"page not found"}'],
    [200, "<html>welcome</html>"],
    [200, '[{"name":"edge-1"}]'],
  ])("says that %i %s is not the answer of a proxy", ([status, body]) =>
    Effect.gen(function* () {
      const url = yield* serving((response) => void response.writeHead(status).end(body))
      const client = yield* clientOf(url, "t.t", NodeHttpClient.layer)
      expect(yield* Effect.flip(client.sources)).toMatchObject({ _tag: "RdlConnectionError", reason: "unexpected" })
    }),
  )
})

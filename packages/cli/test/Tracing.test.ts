import { describe, expect, it } from "@effect/vitest"
import { ApiError } from "@rdl/core/api/ApiError"
import { Effect } from "effect"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import * as Tracing from "../src/Tracing.ts"
import * as Collector from "./Collector.ts"
import * as FaultWorld from "./FaultWorld.ts"
import * as Fleets from "./Fleet.ts"
import { Fleet } from "./Fleet.ts"
import { rdlProcess } from "./RdlProcess.ts"

const rdl = rdlProcess()

const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
const CALLER = "00f067aa0ba902b7"

/** Asks for the whole log of `web`. */
const read = (url: string, token: string, headers: Record<string, string> = {}) =>
  Effect.promise(async () => {
    const answer = await fetch(`${url}/containers/web/logs?host=none&grep=l.ne`, {
      headers: { authorization: `Bearer ${token}`, ...headers },
    })
    return answer.text()
  })

describe("Traces", () => {
  it.scopedLive(
    "show a request from the user to the engine as one, of both processes, in the trace of its caller",
    () =>
      Effect.gen(function* () {
        const collector = yield* Collector.start
        const env = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, OTEL_EXPORTER_OTLP_HEADERS: "x-team=a%20b" }
        yield* Effect.gen(function* () {
          const { container, url, user } = yield* Fleet
          ;(yield* container({ name: "web" })).log("stdout", "line\n")
          const { RDL_TOKEN = "" } = yield* user()
          const traceparent = `00-${TRACE}-${CALLER}-01`
          expect(yield* read(url, RDL_TOKEN, { traceparent, cookie: "a=secret" })).toBe("line\n")
          const named = (service: string, name: RegExp) =>
            collector.spans.find((span) => span.service === service && name.test(span.name) && span.traceId === TRACE)
          yield* FaultWorld.until(
            () =>
              named("rdl-proxy", /^http\.server GET$/) !== undefined &&
              named("rdl-source", /^Source\.readLog$/) !== undefined,
          )
          const ours = collector.spans.filter(({ traceId }) => traceId === TRACE)
          const above = (span: Collector.CollectedSpan | undefined) =>
            ours.find(({ spanId }) => spanId === span?.parentSpanId)
          const request = named("rdl-proxy", /^http\.server GET$/)
          expect(request?.parentSpanId).toBe(CALLER)
          // The answer itself goes past what makes the span.
          expect(request?.attributes).toContainEqual({ key: "http.response.status_code", value: { intValue: 200 } })
          // From what the source reads by, up to the request of the user.
          const path: Array<string> = []
          for (let span = named("rdl-source", /^EngineOrigin\.read$/); span !== undefined; span = above(span))
            path.unshift(`${span.service} ${span.name}`)
          expect(path[0]).toBe("rdl-proxy http.server GET")
          expect(path).toContain("rdl-proxy RequestRouter.logs")
          expect(path.slice(-3)).toEqual([
            "rdl-source Source.readLog",
            "rdl-source LogReader.read",
            "rdl-source EngineOrigin.read",
          ])
          expect(collector.requests[0]).toMatchObject({ path: "/v1/traces", headers: { "x-team": "a b" } })
          for (const hidden of [RDL_TOKEN, "secret", "l.ne"]) expect(collector.text()).not.toContain(hidden)
        }).pipe(Effect.provide(Fleets.layer(rdl, env)))
      }),
  )

  it.scopedLive("are made of requests alone: not of probes, nor of links, nor of what a caller does not sample", () =>
    Effect.gen(function* () {
      const collector = yield* Collector.start
      yield* Effect.gen(function* () {
        const { container, proxy, source, url, user } = yield* Fleet
        ;(yield* container({ name: "web" })).log("stdout", "line\n")
        const { RDL_TOKEN = "" } = yield* user()
        yield* Effect.promise(() => fetch(`${url}/health`))
        yield* read(url, RDL_TOKEN, { traceparent: `00-${TRACE}-${CALLER}-00` })
        yield* read(url, RDL_TOKEN, { b3: "not an id-nor this-1" })
        const told = () => collector.spans.map(({ service, name }) => `${service} ${name}`)
        yield* FaultWorld.until(
          () => told().includes("rdl-proxy http.server GET") && told().includes("rdl-source Source.readLog"),
        )
        // What else they would have to tell comes at their end.
        yield* Effect.promise(() => source.stop("SIGTERM"))
        yield* Effect.promise(() => proxy.stop("SIGTERM"))
        expect(collector.spans.filter(({ traceId }) => traceId === TRACE)).toEqual([])
        expect(collector.text()).not.toContain("not an id")
        const roots = collector.spans.filter(({ parentSpanId }) => parentSpanId === undefined)
        expect(new Set(roots.map(({ name }) => name))).toEqual(new Set(["http.server GET"]))
        for (const { traceId } of collector.spans) expect(traceId).toMatch(/^[0-9a-f]{32}$/)
        expect(collector.text()).not.toContain("/health")
      }).pipe(Effect.provide(Fleets.layer(rdl, { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url })))
    }),
  )

  it.scopedLive(
    "tell what went wrong by its name alone: its sentence may have parts of a query, or of an engine's answer",
    () =>
      Effect.gen(function* () {
        const collector = yield* Collector.start
        const error = new ApiError({ code: "bad-parameter", message: "grep=hidden means nothing here" })
        yield* Effect.forEach([Effect.fail(error), Effect.die(new TypeError("hidden")), Effect.interrupt], (ending) =>
          Effect.exit(Effect.withSpan(ending, "request", { kind: "server" })),
        ).pipe(Effect.provide(Tracing.layer({ service: "rdl-proxy", url: collector.url })))
        const told = collector.spans.map(({ events }) =>
          events?.map(({ attributes }) => attributes[0]?.value?.stringValue),
        )
        expect(told).toEqual([["ApiError"], ["TypeError"], []])
        expect(collector.text()).not.toMatch(/hidden|\.ts|\.js/)
      }),
  )

  it.scopedLive("hold nothing up where their collector answers nothing", () =>
    Effect.gen(function* () {
      const hole = yield* FaultWorld.relayTo(1)
      hole.up.set({ freeze: true })
      yield* Effect.gen(function* () {
        const { container, proxy, url, user } = yield* Fleet
        ;(yield* container({ name: "web" })).log("stdout", "line\n")
        const { RDL_TOKEN = "" } = yield* user()
        expect(yield* read(url, RDL_TOKEN)).toBe("line\n")
        expect(yield* Effect.promise(() => proxy.stop("SIGTERM"))).toBe(0)
      }).pipe(Effect.provide(Fleets.layer(rdl, { OTEL_EXPORTER_OTLP_ENDPOINT: hole.url })))
    }),
  )

  it.scopedLive("of a collector that answers nothing are held 512 at a time, four times, and dropped beyond", () =>
    Effect.gen(function* () {
      const sizes: Array<number> = []
      const server = createServer((request) => {
        let text = ""
        request.setEncoding("utf8").on("data", (piece: string) => (text += piece))
        request.on("end", () => void sizes.push(text.split('"traceId"').length - 1))
      })
      yield* Effect.acquireRelease(
        Effect.async<void>((resume) => void server.listen(0, "127.0.0.1", () => resume(Effect.void))),
        () => Effect.sync(() => server.close().closeAllConnections()),
      )
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
      const request = Effect.withSpan(Effect.void, "request", { kind: "server" })
      yield* Effect.gen(function* () {
        yield* Effect.repeatN(request, 10_000)
        yield* FaultWorld.until(() => sizes.length >= 4)
        yield* Effect.repeatN(request, 10_000)
      }).pipe(Effect.provide(Tracing.layer({ service: "rdl-proxy", url })))
      expect(sizes).toEqual([512, 512, 512, 512])
    }),
  )

  it.live.each([
    ["no URL", "collector:4318", /--otlp: "collector:4318" is no address of a collector/],
    ["a password", "http://ann:pw@127.0.0.1:4318", /has a password in it: set OTEL_EXPORTER_OTLP_HEADERS/],
  ] as const)("are refused a collector that is %s", ([, url, sentence]) =>
    Effect.gen(function* () {
      const refused = yield* Effect.promise(() => rdl.run(["proxy", "--otlp", url]))
      expect(refused.code).toBe(2)
      expect(refused.stderr).toMatch(sentence)
    }),
  )
})

import { describe, expect, it } from "@effect/vitest"
import { FaultHttp, type Seen } from "@rdl/test-kit/FaultHttp"
import { Effect } from "effect"
import { connect } from "node:net"
import * as FaultWorld from "./FaultWorld.ts"
import { carriers, until } from "./FaultWorld.ts"

const follow = "/containers/edge/web/logs?follow=1&host=none"
const isUp = ({ url }: Seen): boolean => url.includes("/up?")

/** A relay that reads HTTP, in front of a port. */
const httpRelay = (port: number) =>
  Effect.acquireRelease(
    Effect.promise(() => FaultHttp.listen({ target: { port } })),
    (relay) => Effect.promise(() => relay.close()),
  )

describe("a source on long-poll", () => {
  // Case 26.
  it.scopedLive("whose session is over at the proxy in mid-stream makes a new one, and its reader goes on", () =>
    Effect.gen(function* () {
      const world = yield* FaultWorld.start("http")
      const relay = yield* httpRelay(world.port)
      const edge = yield* world.source("edge", {}, relay.url)
      const web = yield* edge.container({ name: "web" })
      const reader = yield* world.ask(follow)
      const gone = relay.inject(isUp, { fault: "answer", answer: { ...json, status: 410, body: closed } })
      web.log("stdout", "line\n")
      yield* until(() => gone.hits() === 1)
      yield* until(() => edge.states.filter(({ _tag }) => _tag === "connected").length === 2)
      yield* until(() => reader.text() === "line\n")
      expect(reader.isOver()).toBe(false)
    }),
  )

  // Case 27: two proxies behind one address, and nothing that keeps a session with the one that has it.
  it.scopedLive("whose request comes to another proxy is told so there, and takes no harm where its session is", () =>
    Effect.gen(function* () {
      const world = yield* FaultWorld.start("http")
      const other = yield* FaultWorld.start("http")
      const headers = { authorization: `Bearer ${yield* other.token("source", "edge")}` }
      const lost = yield* Effect.promise(() =>
        fetch(`${other.url}/link/v1/sessions/${"x".repeat(32)}/up?seq=0`, { method: "POST", headers, body: "" }),
      )
      const answer = { status: lost.status, body: yield* Effect.promise(() => lost.text()) }
      expect(answer.status).toBe(404)
      const relay = yield* httpRelay(world.port)
      const edge = yield* world.source("edge", {}, relay.url)
      const web = yield* edge.container({ name: "web" })
      const reader = yield* world.ask(follow)
      relay.inject(isUp, { fault: "answer", answer: { ...json, ...answer } })
      web.log("stdout", "line\n")
      yield* until(() => edge.states.some((state) => state._tag === "waiting" && state.why.includes("404")))
      yield* until(() => reader.text() === "line\n")
      expect(reader.isOver()).toBe(false)
    }),
  )
})

describe.concurrent.each(carriers)("a link over %s", (carrier) => {
  // Case 28: six minutes against Node's 300, 60 and 5 s, scaled to six seconds.
  it.scopedLive("lives longer than the server gives a request, its headers, and an idle connection", () =>
    Effect.gen(function* () {
      const limits = { requestTimeout: 1_000, headersTimeout: 800, keepAliveTimeout: 300 }
      const world = yield* FaultWorld.start(carrier, {
        onServer: (server) => Object.assign(server, { ...limits, connectionsCheckingInterval: 100 }),
      })
      const edge = yield* world.source("edge")
      const web = yield* edge.container({ name: "web" })
      const reader = yield* world.ask(follow)
      const dawdler = yield* Effect.acquireRelease(
        Effect.sync(() => connect(world.port, "127.0.0.1").resume()),
        (socket) => Effect.sync(() => socket.destroy()),
      )
      dawdler.write("POST /link/v1/sessions HTTP/1.1\r\n")
      let expected = ""
      for (let n = 0; n < 4; n++) {
        web.log("stdout", `${n}\n`)
        expected += `${n}\n`
        yield* until(() => reader.text() === expected)
        yield* Effect.sleep("1500 millis")
      }
      // The limits are in force: who keeps the server waiting is cut off.
      yield* until(() => dawdler.closed)
      expect(edge.states.filter(({ _tag }) => _tag === "waiting")).toEqual([])
      expect(reader.isOver()).toBe(false)
    }),
  )
})

const json = { headers: { "content-type": "application/json" } }
const closed = JSON.stringify({
  error: {
    code: "session-closed",
    message: "the session is over",
    closed: { clean: false, code: 0, reason: "no request came" },
  },
})

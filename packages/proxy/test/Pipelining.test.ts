import { describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Http from "node:http"
import * as Net from "node:net"
import type * as Audit from "../src/Audit.ts"
import { MAX_PIPELINED } from "../src/Pipelining.ts"
import * as Fleet from "./Fleet.ts"

const web = Fleet.container("aa1", "web")
const FOLLOW = "/containers/web/logs?follow=1"

/** A connection on which all of these are asked at once, before anything was answered. */
const pipelined = (url: string, token: string, paths: ReadonlyArray<string>) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const { hostname, port } = new URL(url)
      const socket = Net.connect(Number(port), hostname)
      const over = new Promise<void>((resolve) => socket.on("close", () => resolve()))
      let text = ""
      socket.on("data", (data) => (text += String(data))).on("error", () => undefined)
      socket.write(
        paths.map((path) => `GET ${path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${token}\r\n\r\n`).join(""),
      )
      return { socket, over: Effect.promise(() => over), text: () => text }
    }),
    ({ socket }) => Effect.sync(() => socket.destroy()),
  )

describe("Requests that wait for their turn on one connection", () => {
  it.scoped("are let go of with it, and each has its entry in the audit", () =>
    Effect.gen(function* () {
      const entries: Array<Audit.Entry> = []
      const fleet = yield* Fleet.start({}, { audit: (entry) => void entries.push(entry) })
      const source = yield* fleet.link("edge-1", [web], Fleet.idle)
      const { socket } = yield* pipelined(fleet.url, yield* fleet.token(), [FOLLOW, FOLLOW, FOLLOW])
      yield* Fleet.until(Effect.sync(() => source.open() === 3))
      socket.destroy()
      yield* Fleet.until(Effect.sync(() => source.open() === 0))
      yield* Fleet.until(Effect.sync(() => entries.length === 3))
      expect(entries.map(({ outcome }) => outcome)).toEqual(["left", "left", "left"])
    }),
  )

  it.scoped("are let go of in a server of another program too", () =>
    Effect.gen(function* () {
      const fleet = yield* Fleet.start()
      const source = yield* fleet.link("edge-1", [web], Fleet.idle)
      const server = Http.createServer((request, response) => fleet.proxy.handler(request, response))
      yield* Effect.acquireRelease(
        Effect.async<void>((resume) => void server.listen(0, "127.0.0.1", () => resume(Effect.void))),
        () => Effect.sync(() => server.close()),
      )
      const { port } = server.address() as Net.AddressInfo
      const { socket } = yield* pipelined(`http://127.0.0.1:${port}`, yield* fleet.token(), [FOLLOW, FOLLOW])
      yield* Fleet.until(Effect.sync(() => source.open() === 2))
      socket.destroy()
      yield* Fleet.until(Effect.sync(() => source.open() === 0))
    }),
  )

  it.scoped("are 32 at most: one more cuts the connection, and nobody else's", () =>
    Effect.gen(function* () {
      const fleet = yield* Fleet.start()
      const source = yield* fleet.link("edge-1", [web], Fleet.idle)
      const token = yield* fleet.token()
      const most = yield* pipelined(
        fleet.url,
        token,
        Array.from({ length: MAX_PIPELINED }, () => FOLLOW),
      )
      yield* Fleet.until(Effect.sync(() => source.open() === 32))
      const more = yield* pipelined(
        fleet.url,
        token,
        Array.from({ length: MAX_PIPELINED + 1 }, () => FOLLOW),
      )
      yield* more.over
      yield* Fleet.until(Effect.sync(() => source.open() === 32))
      expect(most.socket.destroyed).toBe(false)
    }),
  )

  it.scoped("are answered in their order", () =>
    Effect.gen(function* () {
      const { token, url } = yield* Fleet.start()
      const { text } = yield* pipelined(url, yield* token(), ["/health", "/sources", "/sources?x=1", "/nothing"])
      const statuses = () => [...text().matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status)
      yield* Fleet.until(Effect.sync(() => statuses().length === 4))
      expect(statuses()).toEqual(["200", "200", "400", "404"])
    }),
  )
})

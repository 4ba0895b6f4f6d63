import { describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Net from "node:net"
import * as Fleet from "./Fleet.ts"

/** A bare socket, and what came on it until it was closed. */
const raw = (url: string, first: string, more?: string) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const { hostname, port } = new URL(url)
      const socket = Net.connect(Number(port), hostname)
      let text = ""
      const dribble = setInterval(() => void (more !== undefined && socket.writable && socket.write(more)), 50)
      const over = new Promise<string>((resolve) => socket.on("close", () => resolve(text)))
      socket.on("data", (data) => (text += String(data))).on("error", () => undefined)
      socket.write(first)
      return { socket, over, stop: () => clearInterval(dribble) }
    }),
    ({ socket, stop }) =>
      Effect.sync(() => {
        stop()
        socket.destroy()
      }),
  )

const overOf = ({ over }: Effect.Effect.Success<ReturnType<typeof raw>>) => Effect.promise(() => over)

describe("A client that", () => {
  it.scopedLive.each<[string, string, string | undefined]>([
    ["says nothing", "", undefined],
    ["stops amid its headers", "GET /health HTTP/1.1\r\nhost: x\r\n", undefined],
    ["dribbles headers", "GET /health HTTP/1.1\r\n", "x: y\r\n"],
    ["dribbles one header", "GET /health HTTP/1.1\r\nx: ", "y"],
  ])("%s is cut, and others are served meanwhile", ([, first, more]) =>
    Effect.gen(function* () {
      const { url } = yield* Fleet.start({}, { headersTimeout: 500 })
      const slow = yield* Effect.forEach(Array.from({ length: 20 }), () => raw(url, first, more))
      expect((yield* Fleet.ask(`${url}/health`)).status).toBe(200)
      for (const each of yield* Effect.forEach(slow, overOf)) expect(each).toMatch(/^(HTTP\/1\.1 408 |$)/)
    }),
  )

  it.scopedLive("has more connections than it may is cut, and those it has go on", () =>
    Effect.gen(function* () {
      const { url } = yield* Fleet.start({}, { maxConnectionsPerAddress: 3 })
      const some = yield* Effect.forEach([1, 2, 3], () => raw(url, "GET /health HTTP/1.1\r\nhost: x\r\n\r\n"))
      yield* Effect.promise(() => Promise.all(some.map(({ socket }) => new Promise((on) => socket.once("data", on)))))
      expect(yield* overOf(yield* raw(url, "GET /health HTTP/1.1\r\nhost: x\r\n\r\n"))).toBe("")
      expect(some.every(({ socket }) => !socket.destroyed)).toBe(true)
      some[0]?.socket.destroy()
      yield* Effect.promise(async () => {
        for (;;) {
          const status = await fetch(`${url}/health`).then(
            (answer) => answer.status,
            () => 0,
          )
          if (status === 200) return
        }
      })
    }),
  )

  it.scopedLive("sends what is too long or no HTTP is refused in words", () =>
    Effect.gen(function* () {
      const { token, url } = yield* Fleet.start()
      const at = (target: string, header = "") =>
        Effect.flatMap(raw(url, `GET ${target} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n${header}\r\n`), overOf)
      expect(yield* at(`/${"x".repeat(20_000)}`)).toMatch(/^HTTP\/1\.1 431 /)
      expect(yield* at("/health", `x: ${"y".repeat(20_000)}\r\n`)).toMatch(/^HTTP\/1\.1 431 /)
      expect(yield* at("/health", "x: y\r\n".repeat(20_000))).toMatch(/^HTTP\/1\.1 431 /)
      expect(yield* overOf(yield* raw(url, "\u0016\u0003\u0001nonsense\r\n\r\n"))).toMatch(/^HTTP\/1\.1 400 /)
      const bearer = `authorization: Bearer ${yield* token({ exp: 4_000_000_000 })}\r\n`
      expect(yield* at(`/containers?${"name=x&".repeat(65)}`, bearer)).toMatch(/^HTTP\/1\.1 400 /)
      expect(yield* at(`/containers/${"x".repeat(5_000)}/logs`, bearer)).toMatch(/^HTTP\/1\.1 4\d\d /)
    }),
  )
})

describe("A thousand logs opened and left", () => {
  it.scoped("leave no connection, no stream, no place of a user and no credit behind", () =>
    Effect.gen(function* () {
      const fleet = yield* Fleet.start()
      const source = yield* fleet.link("edge-1", [Fleet.container("aa1", "web")], Fleet.idle)
      const token = yield* fleet.token()
      const path = `${fleet.url}/containers/web/logs?follow=1`
      const once = Effect.map(Fleet.ask(path, { token }), (answer) => {
        expect(answer.status).toBe(200)
        answer.abort()
      })
      yield* Effect.all(
        Array.from({ length: 1_000 }, () => once),
        { concurrency: 20, discard: true },
      )
      const connections = Effect.async<number>(
        (resume) => void fleet.server.getConnections((_, count) => resume(Effect.succeed(count))),
      )
      yield* Fleet.until(Effect.map(connections, (count) => count === 0 && source.open() === 0))
      // Had a place been kept of each, the user would have none left.
      expect((yield* Fleet.ask(path, { token })).status).toBe(200)
    }),
  )
})

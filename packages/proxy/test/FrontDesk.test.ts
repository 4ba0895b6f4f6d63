import { describe, expect, it } from "@effect/vitest"
import { Effect, Either } from "effect"
import * as Net from "node:net"
import type * as Audit from "../src/Audit.ts"
import * as ClientAddress from "../src/ClientAddress.ts"
import type * as ProxyServer from "../src/ProxyServer.ts"
import * as Fleet from "./Fleet.ts"

const badTokens = { perSecond: 0.001, burst: 3 }
const web = Fleet.container("aa1", "web")
/** A log whose link is lost ends at once: these tests' clock stands still. */
const BRIEF = { router: { resumeWindow: 0, restartWindow: 0 } }
const bad = { authorization: "Bearer x.y" }

const started = (server: Partial<ProxyServer.Options> = {}) => {
  const entries: Array<Audit.Entry> = []
  const audit = (entry: Audit.Entry) => void entries.push(entry)
  return Effect.map(Fleet.start(BRIEF, { badTokens, audit, ...server }), (fleet) => ({
    ...fleet,
    entries,
    status: (path: string, options: Parameters<typeof Fleet.ask>[1] = {}) =>
      Effect.flatMap(Fleet.ask(fleet.url + path, options), (answer) => Effect.as(answer.ended, answer.status)),
    /** Waits for the entries of so many requests. */
    audited: (count: number) => Effect.as(Fleet.until(Effect.sync(() => entries.length >= count)), entries),
  }))
}

/** Tells the first line of the answer to an upgrade. */
const upgrade = (url: string, headers: Record<string, string>): Effect.Effect<string> =>
  Effect.async((resume) => {
    const { hostname, port } = new URL(url)
    const socket = Net.connect(Number(port), hostname)
    const fields = { host: "x", connection: "upgrade", upgrade: "websocket", ...headers }
    socket.write(
      ["GET /link/v1/ws HTTP/1.1", ...Object.entries(fields).map(([k, v]) => `${k}: ${v}`), "", ""].join("\r\n"),
    )
    let text = ""
    socket.on("data", (data) => (text += String(data)))
    socket.on("close", () => resume(Effect.succeed(text.split("\r\n", 1)[0] ?? "")))
    socket.on("error", () => undefined)
  })

describe("The front desk", () => {
  it.scoped("turns away who keeps coming with bad tokens, with 429 and when to come back", () =>
    Effect.gen(function* () {
      const { status, url } = yield* started()
      for (const _ of [1, 2, 3]) expect(yield* status("/containers", { headers: bad })).toBe(401)
      const limited = yield* Fleet.ask(`${url}/containers`, { headers: bad })
      expect(limited.status).toBe(429)
      expect(Number(limited.headers["retry-after"])).toBeGreaterThan(0)
      expect(yield* limited.json).toMatchObject({ error: { code: "rate-limited" } })
      expect(yield* status("/nothing")).toBe(429)
    }),
  )

  it.scoped("goes on to serve whom it knows, and what needs no token", () =>
    Effect.gen(function* () {
      const { status, token } = yield* started()
      const known = yield* token()
      expect(yield* status("/containers", { token: known })).toBe(200)
      for (const _ of [1, 2, 3, 4]) yield* status("/containers", { headers: bad })
      expect(yield* status("/containers", { token: known })).toBe(200)
      expect(yield* status("/health")).toBe(200)
      expect(yield* status("/containers", { token: yield* token({ sub: "new" }) })).toBe(429)
    }),
  )

  it.scoped("counts neither a good token of the other role nor a bad request as a bad token", () =>
    Effect.gen(function* () {
      const { status, token } = yield* started()
      const source = yield* token({ role: "source", sub: "edge-1" })
      for (const _ of [1, 2, 3, 4, 5]) {
        expect(yield* status("/containers", { token: source })).toBe(403)
        expect(yield* status("/containers?x=1", { token: yield* token() })).toBe(400)
      }
      expect(yield* status("/containers", { headers: bad })).toBe(401)
    }),
  )

  it.scoped("counts upgrades too, by what whoever takes them answers", () =>
    Effect.gen(function* () {
      const { entries, server, status, url } = yield* started()
      server.on("upgrade", (_, socket) => socket.end("HTTP/1.1 401 Unauthorized\r\nconnection: close\r\n\r\n"))
      for (const _ of [1, 2, 3]) expect(yield* upgrade(url, bad)).toBe("HTTP/1.1 401 Unauthorized")
      expect(yield* upgrade(url, bad)).toBe("HTTP/1.1 429 Too Many Requests")
      expect(yield* status("/containers", { headers: bad })).toBe(429)
      expect(entries.map((entry) => entry.status)).toEqual([401, 401, 401, 429, 429])
    }),
  )

  it.scoped("tells clients behind a trusted web server apart, and believes no other", () =>
    Effect.gen(function* () {
      const trusted = Either.getOrThrow(ClientAddress.parseTrusted(["127.0.0.1"]))
      const from = (address: string) => ({ headers: { ...bad, "x-forwarded-for": address } })
      const behind = yield* started({ trusted })
      for (const _ of [1, 2, 3, 4]) yield* behind.status("/containers", from("198.51.100.7"))
      expect(yield* behind.status("/containers", from("198.51.100.7"))).toBe(429)
      expect(yield* behind.status("/containers", from("198.51.100.8"))).toBe(401)
      expect(new Set((yield* behind.audited(6)).map(({ address }) => address))).toEqual(
        new Set(["198.51.100.7", "198.51.100.8"]),
      )
      const open = yield* started()
      for (const each of [1, 2, 3, 4]) yield* open.status("/containers", from(`198.51.100.${each}`))
      expect(yield* open.status("/containers", from("198.51.100.9"))).toBe(429)
    }),
  )
})

describe("The audit", () => {
  it.scoped("says who read which log, how much and how it ended, and nothing that is secret", () =>
    Effect.gen(function* () {
      const fleet = yield* started()
      yield* fleet.link("edge-1", [web])
      const token = yield* fleet.token({ sub: "ann" })
      const answer = yield* Fleet.ask(`${fleet.url}/containers/web/logs?since=1h#secret`, { token })
      yield* answer.ended
      const [entry] = yield* fleet.audited(1)
      expect(entry).toMatchObject({
        address: "127.0.0.1",
        role: "user",
        subject: "ann",
        token: "t1",
        method: "GET",
        path: "/containers/web/logs",
        containers: [{ container: "edge-1/web", id: web.id }],
        status: 200,
        bytes: answer.bytes(),
        outcome: "whole",
      })
      expect(entry?.time).toMatch(/^\d{4}-\d\d-\d\dT/)
      const all = JSON.stringify(entry)
      for (const secret of [token, token.slice(0, 20), "1h", "secret"]) expect(all).not.toContain(secret)
    }),
  )

  it.scoped("tells a user who left from a log that broke off, and names nobody for a bad token", () =>
    Effect.gen(function* () {
      const fleet = yield* started()
      yield* fleet.link("edge-1", [web], Fleet.idle)
      const path = `${fleet.url}/containers/web/logs?follow=1`
      const left = yield* Fleet.ask(path, { token: yield* fleet.token() })
      left.abort()
      expect((yield* fleet.audited(1))[0]).toMatchObject({ outcome: "left", bytes: 0 })
      yield* Effect.scoped(
        Effect.gen(function* () {
          yield* fleet.link("edge-2", [Fleet.container("bb1", "db")], Fleet.idle)
          yield* Fleet.ask(`${fleet.url}/containers/db/logs?follow=0`, { token: yield* fleet.token() })
        }),
      )
      expect((yield* fleet.audited(2))[1]).toMatchObject({ outcome: "broken", status: 200 })
      yield* fleet.status("/sources", { headers: { authorization: "Bearer secret.secret" } })
      const refused = (yield* fleet.audited(3))[2]
      expect(refused).toMatchObject({ status: 401, path: "/sources", outcome: "whole" })
      expect(refused).not.toHaveProperty("subject")
      expect(JSON.stringify(refused)).not.toContain("secret")
    }),
  )

  it.scoped("bounds and cleans what a client may write into it", () =>
    Effect.gen(function* () {
      const { audited, status } = yield* started()
      yield* status(`/${"x".repeat(5_000)}?token=secret`)
      yield* status("/a%0ab%1b[31m")
      const entries = yield* audited(2)
      expect(entries[0]?.path).toHaveLength(300)
      expect(entries[1]?.path).toBe("/a%0ab%1b[31m")
    }),
  )
})

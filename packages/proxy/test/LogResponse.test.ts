import { StreamError } from "@rdl/core/link/StreamError"
import { describe, expect, it } from "@effect/vitest"
import { Deferred, Effect, TestClock } from "effect"
import * as Net from "node:net"
import * as Fleet from "./Fleet.ts"

const web = Fleet.container("aa1", "web")
const other = Fleet.container("bb1", "other")
const path = "/containers/web/logs?follow=1"

/** What a socket gets for one request, to its end. */
const raw = (url: string, request: string) =>
  Effect.async<{ readonly text: string; readonly reset: boolean }>((resume) => {
    const { hostname, port } = new URL(url)
    const socket = Net.connect(Number(port), hostname, () => socket.write(request))
    let text = ""
    let reset = false
    socket.on("data", (bytes) => (text += bytes.toString("latin1")))
    socket.on("error", () => (reset = true))
    socket.on("close", () => resume(Effect.succeed({ text, reset })))
  })

/** Sends a line, then ends as the test says. */
const lineThen =
  (end: Effect.Effect<never, StreamError> | Effect.Effect<{ readonly reason: "eof" }, StreamError>): Fleet.LogHandler =>
  (_, writer) =>
    Effect.suspend(() => {
      writer.head({ contentType: "text/plain", tty: false })
      writer.write(new TextEncoder().encode("a line\n"))
      return end
    })

const failing = new StreamError({ reason: "engine-error", detail: "the engine broke off" })

describe("A log's answer", () => {
  it.scoped("begins at once, also where nothing is logged", () =>
    Effect.gen(function* () {
      const fleet = yield* Fleet.start()
      yield* fleet.link("edge-1", [web], Fleet.idle)
      const answer = yield* Fleet.ask(fleet.url + path, { token: yield* fleet.token() })
      expect(answer.status).toBe(200)
      expect(answer.headers["transfer-encoding"]).toBe("chunked")
      expect(answer.bytes()).toBe(0)
    }),
  )

  it.scoped("ends with the terminating chunk where the log does, and without it where the log breaks off", () =>
    Effect.gen(function* () {
      const fleet = yield* Fleet.start()
      const token = yield* fleet.token()
      const request = `GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer ${token}\r\n\r\n`
      const goOn = yield* Deferred.make<void>()
      yield* fleet.link("edge-1", [web], lineThen(Effect.zipRight(Deferred.await(goOn), failing)))
      const broken = yield* Effect.fork(raw(fleet.url, request))
      yield* Deferred.succeed(goOn, undefined)
      const { text } = yield* broken
      expect(text).toMatch(/^HTTP\/1.1 200 /)
      expect(text).not.toContain("\r\n0\r\n\r\n")
    }),
  )

  it.scoped("is whole after the log's own end", () =>
    Effect.gen(function* () {
      const fleet = yield* Fleet.start()
      const token = yield* fleet.token()
      yield* fleet.link("edge-1", [web], lineThen(Effect.succeed({ reason: "eof" })))
      const request = `GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer ${token}\r\n\r\n`
      const { text } = yield* raw(fleet.url, request)
      expect(text).toContain("a line\n")
      expect(text).toMatch(/\r\n0\r\n\r\n$/)
    }),
  )

  it.scoped("is reset where there are no chunks to tell a broken log by", () =>
    Effect.gen(function* () {
      const fleet = yield* Fleet.start()
      const token = yield* fleet.token()
      const goOn = yield* Deferred.make<void>()
      const source = yield* fleet.link("edge-1", [web], lineThen(Effect.zipRight(Deferred.await(goOn), failing)))
      const asking = yield* Effect.fork(
        raw(fleet.url, `GET ${path} HTTP/1.0\r\nAuthorization: Bearer ${token}\r\n\r\n`),
      )
      yield* Fleet.until(Effect.sync(() => source.open() === 1))
      yield* Deferred.succeed(goOn, undefined)
      expect((yield* asking).reset).toBe(true)
    }),
  )

  it.scoped("breaks when the link does", () =>
    Effect.gen(function* () {
      const fleet = yield* Fleet.start()
      const source = yield* fleet.link("edge-1", [web], lineThen(Effect.never))
      const answer = yield* Fleet.ask(fleet.url + path, { token: yield* fleet.token() })
      yield* Fleet.until(Effect.sync(() => answer.bytes() > 0))
      source.link.destroy("cable cut")
      expect(yield* answer.ended).toBe("broken")
      expect(answer.text()).toBe("a line\n")
    }),
  )

  it.scoped("breaks when the token expires, and stops the source", () =>
    Effect.gen(function* () {
      const fleet = yield* Fleet.start()
      const source = yield* fleet.link("edge-1", [web], lineThen(Effect.never))
      const answer = yield* Fleet.ask(fleet.url + path, { token: yield* fleet.token({ exp: 12 }) })
      yield* Fleet.until(Effect.sync(() => answer.bytes() > 0))
      yield* TestClock.adjust("11 seconds")
      expect(source.open()).toBe(1)
      yield* TestClock.adjust("1 second")
      expect(yield* answer.ended).toBe("broken")
      yield* Fleet.until(Effect.sync(() => source.open() === 0))
    }),
  )

  it.scoped("breaks within 5 s of the token's revocation", () =>
    Effect.gen(function* () {
      const fleet = yield* Fleet.start()
      yield* fleet.link("edge-1", [web], lineThen(Effect.never))
      const token = yield* fleet.token({ sub: "bob" })
      const answer = yield* Fleet.ask(fleet.url + path, { token })
      const { jti } = JSON.parse(Buffer.from(token.split(".")[0] ?? "", "base64url").toString())
      fleet.revoke(jti)
      yield* TestClock.adjust("5 seconds")
      expect(yield* answer.ended).toBe("broken")
    }),
  )

  it.scoped("is cancelled at the source at once when its reader goes", () =>
    Effect.gen(function* () {
      const fleet = yield* Fleet.start()
      const source = yield* fleet.link("edge-1", [web], Fleet.idle)
      const answer = yield* Fleet.ask(fleet.url + path, { token: yield* fleet.token() })
      expect(source.open()).toBe(1)
      answer.abort()
      yield* Fleet.until(Effect.sync(() => source.open() === 0))
    }),
  )

  it.scoped("is cancelled at the source when its reader goes before it began", () =>
    Effect.gen(function* () {
      const fleet = yield* Fleet.start()
      const source = yield* fleet.link("edge-1", [web], () => Effect.never)
      const token = yield* fleet.token()
      const { hostname, port } = new URL(fleet.url)
      const socket = Net.connect(Number(port), hostname)
      socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\n\r\n`)
      yield* Fleet.until(Effect.sync(() => source.open() === 1))
      socket.destroy()
      yield* Fleet.until(Effect.sync(() => source.open() === 0))
    }),
  )

  it.scoped("comes whole and in order through a reader that stops and goes on", () =>
    Effect.gen(function* () {
      const total = 8 * 1024 * 1024
      const fleet = yield* Fleet.start()
      yield* fleet.link("edge-1", [web], counting(total))
      const answer = yield* Fleet.ask(fleet.url + path, { token: yield* fleet.token(), slow: true })
      expect(yield* answer.ended).toBe("whole")
      expect(answer.bytes()).toBe(total)
      expect(answer.text()).toBe(digits(0, total))
    }),
  )

  it.scoped("is not disturbed by ten readers of the same source that do not read", () =>
    Effect.gen(function* () {
      const total = 8 * 1024 * 1024
      const fleet = yield* Fleet.start()
      const written: Array<number> = []
      yield* fleet.link("edge-1", [web, other], (request, writer) =>
        request.containerId === web.id
          ? counting(total)(request, writer)
          : Fleet.endless(request, counted(writer, written)),
      )
      const token = yield* fleet.token()
      for (let i = 0; i < 10; i++) (yield* Fleet.ask(`${fleet.url}/containers/other/logs?follow=1`, { token })).pause()
      const answer = yield* Fleet.ask(fleet.url + path, { token })
      expect(yield* answer.ended).toBe("whole")
      expect(answer.bytes()).toBe(total)
      // Each stuck stream holds its window, the source's queue and what the sockets take, and no more.
      yield* Fleet.until(Effect.sync(() => written.length === 10))
      for (const bytes of written) expect(bytes).toBeLessThan(8 * 1024 * 1024)
    }),
  )
})

/** Bytes whose place can be told from their value. */
const digits = (from: number, to: number): string => {
  const bytes = Buffer.alloc(to - from)
  for (let i = from; i < to; i++) bytes[i - from] = 48 + ((i * 7 + (i >> 10)) % 10)
  return bytes.toString("latin1")
}

/** A log of so many bytes, in writes of odd lengths. */
const counting =
  (total: number): Fleet.LogHandler =>
  (_, writer) =>
    Effect.gen(function* () {
      writer.head({ contentType: "text/plain", tty: false })
      for (let at = 0; at < total;) {
        const to = Math.min(total, at + 50_021)
        const more = writer.write(Buffer.from(digits(at, to), "latin1"))
        at = to
        if (!more) yield* Effect.async<void>((resume) => writer.onWritable(() => resume(Effect.void)))
      }
      return { reason: "eof" as const }
    })

const counted = (writer: Parameters<Fleet.LogHandler>[1], totals: Array<number>): Parameters<Fleet.LogHandler>[1] => {
  const place = totals.push(0) - 1
  return {
    head: (head) => writer.head(head),
    onWritable: (callback) => writer.onWritable(callback),
    write: (bytes) => {
      totals[place] = (totals[place] ?? 0) + bytes.length
      return writer.write(bytes)
    },
  }
}

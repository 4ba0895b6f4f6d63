import { LogFrameType } from "@rdl/core/log/LogFrames"
import * as LogCursor from "@rdl/core/log/LogCursor"
import { describe, expect, it } from "@effect/vitest"
import { Deferred, Effect, TestClock } from "effect"
import * as Net from "node:net"
import * as Fleet from "./Fleet.ts"

const web = Fleet.container("aa1", "web")
const path = "/containers/web/logs?follow=1"

const cursorOf = (id: string): Uint8Array => LogCursor.encode({ container: id.slice(0, 16), count: 0, lines: 0 })
const cursor = LogCursor.toText(cursorOf(web.id))
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const gap = { since: "2026-11-22T10:44:07.200217800Z", reason: "rotated\naway" }

/** A line, a gap, a line; then as the test says. */
const gappy =
  (end: Effect.Effect<never> | Effect.Effect<{ readonly reason: "eof" }>): Fleet.LogHandler =>
  (_, writer) =>
    Effect.suspend(() => {
      writer.head({ contentType: "text/plain", tty: false })
      writer.mark?.(cursorOf(web.id))
      writer.write(bytes("one\n"))
      writer.gap?.(gap, cursorOf(web.id))
      writer.write(bytes("two\n"))
      writer.mark?.(cursorOf(web.id))
      return end
    })

const eof = Effect.succeed({ reason: "eof" as const })
const told = { ...gap, source: "edge-1", container: "web" }

/** Frames of a body: type and payload. */
const framesOf = (body: Buffer): ReadonlyArray<readonly [type: number, payload: string]> => {
  const frames: Array<readonly [number, string]> = []
  for (let at = 0; at < body.length; at += 8 + body.readUInt32BE(at + 4))
    frames.push([body[at] ?? 0, body.toString("latin1", at + 8, at + 8 + body.readUInt32BE(at + 4))])
  return frames
}

/** Time in small steps, each with as many turns of the event loop as a link needs to show that it lives. */
const pass = (seconds: number) =>
  Effect.gen(function* () {
    for (let passed = 0; passed < seconds; passed += 5) {
      yield* TestClock.adjust("5 seconds")
      let turns = 0
      yield* Fleet.until(Effect.sync(() => ++turns > 20))
    }
  })

const started = (logs: Fleet.LogHandler, options: Parameters<typeof Fleet.start>[0] = {}) =>
  Effect.gen(function* () {
    const fleet = yield* Fleet.start(options)
    const source = yield* fleet.link("edge-1", [web], logs)
    const token = yield* fleet.token()
    return {
      fleet,
      source,
      token,
      ask: (query: string, headers = {}) => Fleet.ask(fleet.url + path + query, { token, headers }),
    }
  })

describe("What a proxy says between the bytes", () => {
  it.scoped("is an object a line in NDJSON, each in its place, with the place behind a gap", () =>
    Effect.gen(function* () {
      const { ask } = yield* started(gappy(eof))
      const answer = yield* ask("&format=ndjson")
      expect(yield* answer.ended).toBe("whole")
      const [one, gapLine = "", two, end = ""] = answer.text().split("\n")
      expect([one, two]).toEqual(["one", "two"])
      expect(JSON.parse(gapLine)).toEqual({ gap: told, cursor })
      expect(JSON.parse(end)).toEqual({ end: { reason: "eof" } })
    }),
  )

  it.scoped("is an event in server-sent events, whose id is the place", () =>
    Effect.gen(function* () {
      const { ask } = yield* started(gappy(eof))
      const answer = yield* ask("&format=sse")
      expect(yield* answer.ended).toBe("whole")
      expect(answer.text()).toContain(`id: ${cursor}\ndata: ${JSON.stringify({ gap: told })}\n\n`)
      expect(answer.text()).toMatch(/data: \{"end":\{"reason":"eof"\}\}\n\n$/)
    }),
  )

  it.scoped("is a frame of its own in frames, cursors among them", () =>
    Effect.gen(function* () {
      const { ask } = yield* started((_, writer) =>
        Effect.sync(() => {
          writer.head({ contentType: "x", tty: false })
          writer.mark?.(cursorOf(web.id))
          writer.write(Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 1, 65))
          writer.gap?.(gap, cursorOf(web.id))
          return { reason: "eof" as const }
        }),
      )
      const answer = yield* ask("&format=frames")
      expect(yield* answer.ended).toBe("whole")
      expect(answer.headers["content-type"]).toBe("application/vnd.rdl.log-frames")
      const frames = framesOf(Buffer.from(answer.text(), "utf8"))
      expect(frames.map(([type]) => type)).toEqual([
        LogFrameType.cursor,
        1,
        LogFrameType.gap,
        LogFrameType.cursor,
        LogFrameType.end,
      ])
      expect(frames[0]?.[1]).toBe(cursor)
      expect(JSON.parse(frames[2]?.[1] ?? "")).toEqual(told)
      expect(JSON.parse(frames[4]?.[1] ?? "")).toEqual({ reason: "eof" })
    }),
  )

  it.scoped.each(["text", "raw", "multiplexed"])("is nothing in %s but a trailer that counts gaps", (format) =>
    Effect.gen(function* () {
      const { fleet, token } = yield* started(gappy(eof))
      const request = `GET ${path}&format=${format} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer ${token}\r\n\r\n`
      const text = yield* raw(fleet.url, request)
      expect(text).toContain("\r\ntrailer: X-Rdl-Gap\r\n")
      expect(text.replaceAll(/\r\n[0-9a-f]+\r\n/g, "")).toContain("one\ntwo\n")
      expect(text).toMatch(/\r\n0\r\nX-Rdl-Gap: 1; rotated away\r\n\r\n$/)
    }),
  )

  it.scoped.each([
    ["ndjson", "\n"],
    ["sse", ": keep-alive\n\n"],
  ])("is in %s a sign of life each 15 s of silence, at clean places alone", ([format, alive]) =>
    Effect.gen(function* () {
      const goOn = yield* Deferred.make<void>()
      const { ask } = yield* started((_, writer) =>
        Effect.gen(function* () {
          writer.head({ contentType: "x", tty: false })
          writer.mark?.(cursorOf(web.id))
          writer.write(bytes("begun"))
          yield* Deferred.await(goOn)
          writer.write(bytes("\n"))
          writer.mark?.(cursorOf(web.id))
          return yield* Effect.never
        }),
      )
      const answer = yield* ask(`&format=${format}`)
      yield* Fleet.until(Effect.sync(() => answer.bytes() === 5))
      yield* pass(30)
      expect(answer.text()).toBe("begun")
      yield* Deferred.succeed(goOn, undefined)
      yield* Fleet.until(Effect.sync(() => answer.text() === "begun\n"))
      yield* pass(15)
      yield* Fleet.until(Effect.sync(() => answer.text() === `begun\n${alive}`))
      yield* pass(15)
      yield* Fleet.until(Effect.sync(() => answer.text() === `begun\n${alive}${alive}`))
    }),
  )
})

describe("A reader that takes nothing", () => {
  it.scoped("is let go of after its time, and its source with it", () =>
    Effect.gen(function* () {
      const { ask, source } = yield* started(Fleet.endless, { users: { stalledAfter: "300 millis" } })
      const answer = yield* ask("&format=raw")
      answer.pause()
      yield* Fleet.until(Effect.sync(() => source.open() === 0))
      answer.resume()
      expect(yield* answer.ended).toBe("broken")
    }),
  )

  it.scoped("is left alone where there is nothing to take", () =>
    Effect.gen(function* () {
      const logs: Fleet.LogHandler = (request, writer) =>
        (request.query.tail === 1 ? Fleet.endless : Fleet.idle)(request, writer)
      const { ask, source } = yield* started(logs, { users: { stalledAfter: "50 millis" } })
      yield* ask("&format=raw")
      // One that does have something to take is let go of after as long.
      const stalled = yield* ask("&format=raw&tail=1")
      stalled.pause()
      yield* Fleet.until(Effect.sync(() => source.open() === 1))
      stalled.resume()
      expect(yield* stalled.ended).toBe("broken")
      expect(source.open()).toBe(1)
    }),
  )
})

describe("A log that is to go on", () => {
  const asked = (query: string, headers = {}) =>
    Effect.gen(function* () {
      const { ask, source } = yield* started(Fleet.idle)
      const answer = yield* ask(query, headers)
      return { answer, request: source.requests[0] }
    })

  it.scoped("is asked for at its source by cursor and bytes", () =>
    Effect.gen(function* () {
      const { request } = yield* asked(`&format=frames&resume=${cursor}&received=12`)
      expect(request?.resume).toEqual({ cursor, received: 12 })
    }),
  )

  it.scoped("is asked for by what an EventSource sends, unless a parameter says otherwise", () =>
    Effect.gen(function* () {
      const header = { "last-event-id": cursor }
      expect((yield* asked("&format=sse", header)).request?.resume).toEqual({ cursor, received: 0 })
      expect((yield* asked("&format=ndjson", header)).request).not.toHaveProperty("resume")
      const bad = yield* asked("&format=sse&resume=nonsense", header)
      expect(yield* bad.answer.json).toMatchObject({ error: { code: "bad-parameter", parameter: "resume" } })
    }),
  )

  it.scoped.each<[query: string, headers: Readonly<Record<string, string>>, parameter: string]>([
    ["&resume=nonsense", {}, "resume"],
    ["&resume=%00", {}, "resume"],
    ["&format=sse", { "last-event-id": "nonsense" }, "Last-Event-ID"],
    ["&format=frames&received=1", {}, "received"],
    [`&format=text&resume=${cursor}&received=1`, {}, "received"],
    [`&format=frames&resume=${cursor}&received=-1`, {}, "received"],
    [`&resume=${LogCursor.toText(cursorOf("bb".repeat(32)))}`, {}, "resume"],
  ])("is refused for %s %j, naming %s", ([query, headers, parameter]) =>
    Effect.gen(function* () {
      const { answer } = yield* asked(query, headers)
      expect(answer.status).toBe(400)
      expect(yield* answer.json).toMatchObject({ error: { code: "bad-parameter", parameter } })
    }),
  )

  it.scoped("does not lead out of scope", () =>
    Effect.gen(function* () {
      const { fleet } = yield* started(Fleet.idle)
      const token = yield* fleet.token({ allow: { containers: ["other"] } })
      const answer = yield* Fleet.ask(`${fleet.url}${path}&resume=${cursor}`, { token })
      expect(answer.status).toBe(404)
    }),
  )
})

/** What a socket gets for one request, to its end. */
const raw = (url: string, request: string) =>
  Effect.async<string>((resume) => {
    const { hostname, port } = new URL(url)
    const socket = Net.connect(Number(port), hostname, () => socket.write(request))
    let text = ""
    socket.on("data", (chunk) => (text += chunk.toString("latin1")))
    socket.on("close", () => resume(Effect.succeed(text)))
  })

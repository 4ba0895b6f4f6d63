import { describe, expect, it } from "@effect/vitest"
import { SessionCode } from "@rdl/core/link/SessionCode"
import * as WsLink from "@rdl/transport-ws/WsLink"
import { Effect, FastCheck as fc, Fiber } from "effect"
import type { IncomingMessage } from "node:http"
import type * as net from "node:net"
import { Duplex } from "node:stream"
import { WebSocket, WebSocketServer } from "ws"
import {
  binary,
  closing,
  dial,
  endpoint,
  goodToken,
  message,
  pair,
  rawConnection,
  record,
  type Recorded,
  text,
  upgradeHeaders,
  upgradeRequest,
  upgradeResponse,
  upgradingServer,
} from "./Loopback.ts"

const KiB = 1024
const turn = Effect.async<void>((resume) => void setImmediate(() => resume(Effect.void)))

const onceClosed = (socket: net.Socket) =>
  Effect.async<void>((resume) => void socket.once("close", () => resume(Effect.void)))

/** A link at the proxy whose far end the test speaks by hand, from the byte after the upgrade on. */
const rawSource = Effect.gen(function* () {
  const { accepted, port } = yield* endpoint()
  const socket = yield* rawConnection(port)
  socket.write(upgradeRequest())
  const proxy = yield* accepted
  return { socket, proxy }
})

/** A link at a source whose far end the test speaks by hand. */
const rawProxy = Effect.gen(function* () {
  let socket: net.Socket | undefined
  const { url } = yield* upgradingServer((request, accepted) => {
    socket = accepted
    accepted.write(upgradeResponse(request))
  })
  const source = yield* Effect.orDie(dial(url))
  return { socket: socket!, source }
})

/** The far end as a WebSocket client of its own, to send what a link never would. */
const foreignSource = Effect.gen(function* () {
  const { accepted, url } = yield* endpoint()
  const socket = yield* Effect.acquireRelease(
    Effect.sync(() => {
      const headers = { authorization: `Bearer ${goodToken}` }
      return new WebSocket(`${url}/link/v1/ws`, "rdl.v1", { headers, perMessageDeflate: false })
    }),
    (ws) => Effect.sync(() => ws.terminate()),
  )
  yield* Effect.async<void>((resume) => void socket.once("open", () => resume(Effect.void)))
  const proxy = yield* accepted
  const closed = Effect.async<number>((resume) => void socket.once("close", (code) => resume(Effect.succeed(code))))
  return { socket, proxy, closed }
})

describe("frames", () => {
  it.scopedLive("arrive whole, in order and unchanged, both ways", () =>
    Effect.gen(function* () {
      const { proxy, source } = yield* pair
      const frame = fc.oneof(
        fc.uint8Array({ maxLength: 300 }),
        fc.nat(256 * KiB + 12).map((length) => new Uint8Array(length).fill(length % 251)),
      )
      for (const frames of fc.sample(fc.array(frame, { maxLength: 12 }), 30)) {
        for (const [from, to] of [[source, proxy] as const, [proxy, source] as const]) {
          const before = to.frames.length
          for (const bytes of frames) from.link.send(Uint8Array.from(bytes))
          yield* to.until(() => to.frames.length === before + frames.length)
          expect(Buffer.concat(to.frames.slice(before)).equals(Buffer.concat(frames))).toBe(true)
          expect(to.frames.slice(before).map((bytes) => bytes.length)).toEqual(frames.map((bytes) => bytes.length))
        }
      }
    }),
  )

  it.scopedLive("are put together from single bytes", () =>
    Effect.gen(function* () {
      const { proxy, socket } = yield* rawSource
      proxy.start()
      socket.setNoDelay(true)
      const bytes = Buffer.from("a frame that came in pieces")
      for (const byte of message(binary, bytes, true)) {
        socket.write(Buffer.of(byte))
        yield* turn
      }
      yield* proxy.until(() => proxy.frames.length === 1)
      expect(proxy.frames).toEqual([bytes])
    }),
  )

  it.scopedLive("that came before `start` are handed over first, and a close that came before it last", () =>
    Effect.gen(function* () {
      const { proxy, socket } = yield* rawSource
      const gone = yield* Effect.fork(onceClosed(socket.resume()))
      const bytes = [Buffer.from("one"), Buffer.from("two")]
      socket.write(Buffer.concat(bytes.map((frame) => message(binary, frame, true))))
      socket.write(message(closing, Buffer.from([0x03, 0xe9]), true))
      yield* Fiber.join(gone)
      proxy.start()
      yield* proxy.closed
      expect(proxy.frames).toEqual(bytes)
      expect(proxy.closes).toEqual([{ clean: true, code: 8, reason: "" }])
    }),
  )
})

describe("reading ahead of `start`", () => {
  const flood = (size: number, count: number, mayRead: number) =>
    Effect.gen(function* () {
      const { accepted, server, url } = yield* endpoint()
      let socket: net.Socket | undefined
      server.once("connection", (connection: net.Socket) => (socket = connection))
      const source = yield* Effect.orDie(dial(url))
      const proxy = yield* accepted
      const paused = Effect.async<void>((resume) => void socket!.once("pause", () => resume(Effect.void)))
      for (let index = 0; index < count; index += 1) source.link.send(Buffer.alloc(size, index % 251))
      yield* paused
      for (let turns = 0; turns < 100; turns += 1) yield* turn
      expect(socket!.bytesRead).toBeLessThanOrEqual(mayRead)
      proxy.start()
      yield* proxy.until(() => proxy.frames.length === count)
      expect(proxy.frames.every((frame, index) => frame.equals(Buffer.alloc(size, index % 251)))).toBe(true)
    })

  it.scopedLive("stops at 1 MiB and loses nothing", () => flood(64 * KiB, 512, KiB * KiB))

  it.scopedLive("stops earlier where frames are small, since each costs memory too", () => flood(12, 60_000, 256 * KiB))
})

/** A connection that takes one write at a time, when it is told to. */
class SlowWire extends Duplex {
  readonly #waiting: Array<() => void> = []
  override _read(): void {}
  override _write(_chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.#waiting.push(done)
  }
  pass(): void {
    this.#waiting.shift()?.()
  }
  setKeepAlive(): void {}
}

describe("a slow reader", () => {
  it.scopedLive("makes `buffered` grow by all it does not take, and nothing is told before it takes some", () =>
    Effect.gen(function* () {
      const { proxy, socket } = yield* rawSource
      proxy.start()
      socket.pause()
      while (proxy.link.buffered() <= 256 * KiB) {
        proxy.link.send(Buffer.alloc(64 * KiB))
        yield* turn
      }
      const [before, drains] = [proxy.link.buffered(), proxy.drains.length]
      for (let index = 0; index < 16; index += 1) proxy.link.send(Buffer.alloc(64 * KiB))
      expect(proxy.link.buffered() - before).toBeGreaterThanOrEqual(16 * 64 * KiB)
      for (let turns = 0; turns < 20; turns += 1) yield* turn
      expect(proxy.drains.length).toBe(drains)
      socket.resume()
      yield* proxy.until(() => proxy.drains.at(-1) === 0 && proxy.drains.length > drains)
      expect(proxy.link.buffered()).toBe(0)
    }),
  )

  it.scopedLive("is told of by a drain at half of what passed 256 KiB, and by one at 0", () =>
    Effect.gen(function* () {
      const wire = new SlowWire()
      const request = { method: "GET", headers: upgradeHeaders } as unknown as IncomingMessage
      const sockets = new WebSocketServer({ noServer: true })
      const ws = yield* Effect.async<WebSocket>((resume) => {
        sockets.handleUpgrade(request, wire, Buffer.alloc(0), (opened) => resume(Effect.succeed(opened)))
      })
      const { drains, link, start } = record(WsLink.make(ws, wire as unknown as net.Socket))
      start()
      let passed = 0
      for (let index = 0; index < 10; index += 1) {
        link.send(Buffer.alloc(64 * KiB))
        if (passed === 0 && link.buffered() > 256 * KiB) passed = link.buffered()
      }
      const told: Array<readonly [before: number, at: number]> = []
      while (link.buffered() > 0) {
        const before = link.buffered()
        wire.pass()
        yield* turn
        if (drains.length > told.length) told.push([before, link.buffered()])
      }
      expect(told.length).toBe(2)
      expect(told[0]![0]).toBeGreaterThan(passed / 2)
      expect(told[0]![1]).toBeLessThanOrEqual(passed / 2)
      expect(drains[1]).toBe(0)
      link.destroy("")
    }),
  )

  it.scopedLive("that keeps up is never told of", () =>
    Effect.gen(function* () {
      const { proxy, source } = yield* pair
      for (let index = 1; index <= 100; index += 1) {
        source.link.send(Buffer.alloc(1000))
        yield* proxy.until(() => proxy.frames.length === index)
      }
      expect(source.drains).toEqual([])
    }),
  )
})

describe("a goodbye", () => {
  it.scopedLive("carries code and reason to the peer, and both ends call it clean", () =>
    Effect.gen(function* () {
      for (const code of Object.values(SessionCode)) {
        const { proxy, source } = yield* pair
        const [from, to] = code % 2 === 0 ? [proxy, source] : [source, proxy]
        from.link.send(Buffer.from("last"))
        from.link.close(code, `because ${code}`)
        from.link.close(2, "too late")
        const ending = { clean: true, code, reason: `because ${code}` }
        expect(yield* to.closed).toEqual(ending)
        expect(yield* from.closed).toEqual(ending)
        expect(to.frames.map(String)).toEqual(["last"])
        expect([from.closes.length, to.closes.length]).toEqual([1, 1])
      }
    }),
  )

  it.scopedLive("has its reason cut to 123 bytes between two characters", () =>
    Effect.gen(function* () {
      const { proxy, source } = yield* pair
      source.link.close(0, "é".repeat(200))
      expect((yield* proxy.closed).reason).toBe("é".repeat(61))
    }),
  )

  it.scopedLive("said before `start`, with more to read than may be held, is answered and clean", () =>
    Effect.gen(function* () {
      const { accepted, url } = yield* endpoint()
      const source = yield* Effect.orDie(dial(url))
      source.start()
      const proxy = yield* accepted
      for (let index = 0; index < 128; index += 1) source.link.send(Buffer.alloc(64 * KiB))
      for (let turns = 0; turns < 100; turns += 1) yield* turn
      proxy.link.close(11, "taken")
      expect(yield* source.closed).toMatchObject({ clean: true, code: 11 })
      proxy.start()
      expect(yield* proxy.closed).toMatchObject({ clean: true, code: 11 })
      expect(proxy.frames).toEqual([])
    }),
  )

  it.scopedLive("that the peer never answers, nor even reads, ends within the second as a loss", () =>
    Effect.gen(function* () {
      const { proxy, socket } = yield* rawSource
      proxy.start()
      socket.pause()
      while (proxy.link.buffered() <= 256 * KiB) proxy.link.send(Buffer.alloc(64 * KiB))
      const before = performance.now()
      proxy.link.close(8, "bye")
      expect(yield* proxy.closed).toEqual({ clean: false, code: 8, reason: "bye" })
      expect(performance.now() - before).toBeLessThan(5000)
      expect(proxy.link.buffered()).toBe(0)
    }),
  )

  it.scopedLive("of a peer that then keeps the connection open ends it within the second all the same", () =>
    Effect.gen(function* () {
      const { socket, source } = yield* rawProxy
      source.start()
      socket.write(message(closing, Buffer.from([0x11, 0x31]), false))
      expect(yield* source.closed).toEqual({ clean: true, code: 6, reason: "" })
    }),
  )

  it.scopedLive("is the last that is heard: frames behind it are dropped, and so is what is sent", () =>
    Effect.gen(function* () {
      const { proxy, source } = yield* pair
      source.link.close(0, "")
      proxy.link.send(Buffer.from("crossing"))
      yield* source.closed
      yield* proxy.closed
      source.link.send(Buffer.from("late"))
      source.link.destroy("late")
      source.link.close(0, "late")
      yield* turn
      expect(source.frames).toEqual([])
      expect(proxy.frames).toEqual([])
      expect(source.closes.length).toBe(1)
    }),
  )
})

describe("a loss is never clean", () => {
  const cuts: Record<string, (socket: net.Socket) => void> = {
    "a reset": (socket) => socket.resetAndDestroy(),
    "an end without a close frame": (socket) => socket.end(),
  }
  for (const [name, cut] of Object.entries(cuts)) {
    it.scopedLive(`${name} between frames`, () =>
      Effect.gen(function* () {
        const { proxy, socket } = yield* rawSource
        proxy.start()
        socket.write(message(binary, Buffer.from("whole"), true))
        yield* proxy.until(() => proxy.frames.length === 1)
        cut(socket)
        expect(yield* proxy.closed).toMatchObject({ clean: false, code: 0 })
        expect(proxy.closes.length).toBe(1)
      }),
    )

    it.scopedLive(`${name} in the middle of a message, which is not handed over`, () =>
      Effect.gen(function* () {
        const { socket, source } = yield* rawProxy
        source.start()
        const cutMessage = message(binary, Buffer.alloc(1000), false).subarray(0, 600)
        socket.write(Buffer.concat([message(binary, Buffer.from("whole"), false), cutMessage]))
        yield* source.until(() => source.frames.length === 1)
        cut(socket)
        expect(yield* source.closed).toMatchObject({ clean: false, code: 0 })
        expect(source.frames.map(String)).toEqual(["whole"])
      }),
    )
  }

  it.scopedLive("an end of a peer that takes nothing more of what is on its way to it", () =>
    Effect.gen(function* () {
      const { proxy, socket } = yield* rawSource
      proxy.start()
      socket.pause()
      while (proxy.link.buffered() <= 256 * KiB) proxy.link.send(Buffer.alloc(64 * KiB))
      socket.end()
      expect(yield* proxy.closed).toMatchObject({ clean: false, code: 0 })
      expect(proxy.link.buffered()).toBe(0)
    }),
  )

  it.scopedLive("`destroy`: the peer sees a loss, this end the reason", () =>
    Effect.gen(function* () {
      const { proxy, source } = yield* pair
      proxy.link.destroy("heartbeat timeout")
      expect(yield* proxy.closed).toEqual({ clean: false, code: 0, reason: "heartbeat timeout" })
      expect(yield* source.closed).toMatchObject({ clean: false, code: 0 })
    }),
  )

  it.scopedLive("`destroy` inside `onFrame`: no further frame is handed over, held before or in the same packet", () =>
    Effect.gen(function* () {
      for (const held of [true, false]) {
        const { proxy, socket } = yield* rawSource
        const seen: Array<string> = []
        const frames = ["one", "two", "three"].map((frame) => message(binary, Buffer.from(frame), true))
        const gone = yield* Effect.fork(onceClosed(socket.resume()))
        if (held) socket.write(Buffer.concat(frames))
        for (let turns = 0; turns < 100; turns += 1) yield* turn
        proxy.link.start({
          onFrame: (frame) => {
            seen.push(Buffer.from(frame).toString())
            proxy.link.destroy("enough")
          },
          onDrain: () => {},
          onClose: ({ clean }) => void seen.push(`clean: ${clean}`),
        })
        if (!held) socket.write(Buffer.concat(frames))
        yield* Fiber.join(gone)
        yield* turn
        expect(seen).toEqual(["one", "clean: false"])
      }
    }),
  )
})

describe("a peer that breaks the rules", () => {
  const expectEnd = (proxy: Recorded, code: number) =>
    Effect.map(proxy.closed, (closed) => {
      expect(closed).toMatchObject({ clean: false, code })
      expect(proxy.closes.length).toBe(1)
      expect(proxy.frames).toEqual([])
    })

  it.scopedLive("with a text message is told 1003, and the link has ended with PROTOCOL", () =>
    Effect.gen(function* () {
      const { closed, proxy, socket } = yield* foreignSource
      proxy.start()
      socket.send("hello")
      expect(yield* closed).toBe(1003)
      yield* expectEnd(proxy, 1)
    }),
  )

  it.scopedLive(
    "with a message longer than any frame (256 KiB and its header) is told 1009, and the link has ended with FRAME_TOO_LARGE",
    () =>
      Effect.gen(function* () {
        const { closed, proxy, socket } = yield* foreignSource
        proxy.start()
        socket.send(Buffer.alloc(256 * KiB + 13))
        expect(yield* closed).toBe(1009)
        yield* expectEnd(proxy, 4)
      }),
  )

  it.scopedLive("with bytes that are no WebSocket frame ends the link with PROTOCOL", () =>
    Effect.gen(function* () {
      const { proxy, socket } = yield* rawSource
      proxy.start()
      socket.write(message(text, Buffer.from("unmasked"), false))
      yield* expectEnd(proxy, 1)
    }),
  )
})

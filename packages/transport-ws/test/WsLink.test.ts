import { describe, expect, it } from "@effect/vitest"
import * as WsLink from "@rdl/transport-ws/WsLink"
import { Effect, FastCheck as fc, Fiber } from "effect"
import type { IncomingMessage } from "node:http"
import type * as net from "node:net"
import { Duplex } from "node:stream"
import { type WebSocket, WebSocketServer } from "ws"
import { onceClosed, rawSource, turn } from "./HandMade.ts"
import { binary, closing, dial, endpoint, message, pair, record, upgradeHeaders } from "./Loopback.ts"

const KiB = 1024

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

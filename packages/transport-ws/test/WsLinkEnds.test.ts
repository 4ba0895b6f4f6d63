import { describe, expect, it } from "@effect/vitest"
import { SessionCode } from "@rdl/core/link/SessionCode"
import { Effect, Fiber } from "effect"
import type * as net from "node:net"
import { foreignSource, onceClosed, rawProxy, rawSource, turn } from "./HandMade.ts"
import { binary, closing, dial, endpoint, message, pair, type Recorded, text } from "./Loopback.ts"

const KiB = 1024

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
      expect(performance.now() - before).toBeLessThan(10_000)
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

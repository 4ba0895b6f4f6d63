import { describe, expect, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Scope, TestClock } from "effect"
import * as Frame from "../../src/link/Frame.ts"
import { FrameType } from "../../src/link/FrameType.ts"
import type { LinkClosed } from "../../src/link/Link.ts"
import { LinkLost } from "../../src/link/LinkLost.ts"
import { Welcome } from "../../src/link/LinkMessage.ts"
import * as LinkSession from "../../src/link/LinkSession.ts"
import * as MemoryLink from "../../src/link/MemoryLink.ts"
import { SessionCode } from "../../src/link/SessionCode.ts"
import { StreamError } from "../../src/link/StreamError.ts"
import * as LinkPair from "./LinkPair.ts"
import { lossOf, serveOptions, settle, Told, until, welcomed, writeAll } from "./LinkPair.ts"
import { hello, inventory, welcomeWith } from "../mux/MuxPair.ts"

const eof = { reason: "eof" as const }

/** A bare end of a link that keeps what comes. */
const bareEnd = (link: ReturnType<typeof MemoryLink.make>[0]) => {
  const frames: Array<Uint8Array> = []
  const closes: Array<LinkClosed> = []
  link.start({
    onFrame: (frame) => void frames.push(frame),
    onDrain: () => undefined,
    onClose: (closed) => void closes.push(closed),
  })
  return { frames, closes }
}

// protocol.md#handshake
describe("the handshake of a session", () => {
  it.scoped("tells each side who the other is and what was agreed", () =>
    Effect.gen(function* () {
      const { session, welcomes } = yield* LinkPair.make()
      expect(session.hello).toEqual(hello)
      expect([session.welcome, ...welcomes]).toEqual([welcomeWith(), welcomeWith()])
      expect(session.transport).toBe("memory")
    }),
  )

  it.scoped("fails at the proxy when HELLO does not come within 5 s, and says so to the source", () =>
    Effect.gen(function* () {
      const [far, near] = MemoryLink.make()
      const peer = bareEnd(far)
      const connecting = yield* Effect.forkScoped(LinkSession.connect(near, welcomed()))
      yield* settle
      yield* TestClock.adjust("4999 millis")
      expect(yield* Fiber.poll(connecting)).toMatchObject({ _tag: "None" })
      yield* TestClock.adjust("1 millis")
      expect(yield* lossOf(connecting)).toMatchObject({ clean: false, code: SessionCode.handshakeTimeout })
      yield* until(() => peer.closes.length > 0)
      expect(peer.frames.map(Frame.typeOf)).toEqual([FrameType.goAway])
      expect(peer.closes).toMatchObject([{ clean: true, code: SessionCode.handshakeTimeout }])
    }),
  )

  it.scoped("fails at the source when WELCOME does not come within 5 s", () =>
    Effect.gen(function* () {
      const [far, near] = MemoryLink.make()
      bareEnd(far)
      const serving = yield* Effect.forkScoped(LinkSession.serve(near, serveOptions))
      yield* settle
      yield* TestClock.adjust("5 seconds")
      expect(yield* lossOf(serving)).toMatchObject({ code: SessionCode.handshakeTimeout })
    }),
  )

  it.scoped("tells the source why it was refused, and when to come again", () =>
    Effect.gen(function* () {
      const [far, near] = MemoryLink.make()
      const refused = new LinkLost({ clean: false, code: SessionCode.conflict, detail: "taken", retryAfterMs: 7_000 })
      const serving = yield* Effect.forkScoped(LinkSession.serve(far, serveOptions))
      const connecting = yield* Effect.forkScoped(LinkSession.connect(near, { welcome: () => refused }))
      const told = { code: SessionCode.conflict, detail: "taken", retryAfterMs: 7_000 }
      expect(yield* lossOf(connecting)).toEqual({ clean: false, ...told })
      expect(yield* lossOf(serving)).toEqual({ clean: true, ...told })
    }),
  )

  it.scoped("fails at the proxy when its own terms take over 5 s, or the source leaves meanwhile", () =>
    Effect.gen(function* () {
      for (const leave of [false, true]) {
        const [far, near] = MemoryLink.make()
        const serving = yield* Effect.forkScoped(LinkSession.serve(far, serveOptions))
        const connecting = yield* Effect.forkScoped(LinkSession.connect(near, { welcome: () => Effect.never }))
        yield* settle
        if (leave) yield* Fiber.interrupt(serving)
        else yield* TestClock.adjust("5 seconds")
        const code = leave ? SessionCode.shuttingDown : SessionCode.handshakeTimeout
        expect(yield* lossOf(connecting)).toMatchObject({ code })
      }
    }),
  )

  it.scoped("ends with a protocol error that names itself when the peer talks nonsense", () =>
    Effect.gen(function* () {
      const [far, near] = MemoryLink.make()
      const peer = bareEnd(far)
      const connecting = yield* Effect.forkScoped(LinkSession.connect(near, welcomed()))
      far.send(new TextEncoder().encode("GET / HTTP/1.1"))
      const loss = yield* lossOf(connecting)
      expect(loss).toMatchObject({ clean: false, code: SessionCode.protocol })
      yield* until(() => peer.closes.length > 0)
      expect(Frame.readGoAway(peer.frames[0]!)).toMatchObject({ code: SessionCode.protocol, text: loss.detail })
      expect(peer.closes).toMatchObject([{ clean: true, code: SessionCode.protocol, reason: loss.detail }])
    }),
  )
})

// protocol.md#heartbeat
describe("the heartbeat of a session", () => {
  it.scoped("keeps an idle link, and knows its round trip and when it was last seen", () =>
    Effect.gen(function* () {
      const { session, serving } = yield* LinkPair.make()
      yield* until(() => session.rttMs() !== null)
      for (let beat = 0; beat < 40; beat++) {
        yield* TestClock.adjust("15 seconds")
        yield* settle
      }
      expect(session.lastSeen()).toBe(40 * 15_000)
      expect(yield* Fiber.poll(serving)).toMatchObject({ _tag: "None" })
    }),
  )

  it.scoped("finds a link dead 40 s after the last frame, at both ends, and tells every reader once", () =>
    Effect.gen(function* () {
      const { wire, session, serving, begin } = yield* LinkPair.make()
      const told = [new Told((yield* begin)[0]), new Told((yield* begin)[0])]
      yield* settle
      wire.stop()
      yield* TestClock.adjust("39999 millis")
      expect(told.map(({ results }) => results.length)).toEqual([0, 0])
      yield* TestClock.adjust("1 millis")
      const lost = yield* session.lost
      expect(lost).toMatchObject({ clean: false, code: SessionCode.heartbeatTimeout })
      expect(told.map(({ results }) => results)).toEqual([[lost], [lost]])
      expect(yield* lossOf(serving)).toMatchObject({ clean: false, code: SessionCode.heartbeatTimeout })
    }),
  )

  it.scoped("finds a link dead that holds bytes and passes none of them on for 30 s, though frames still come", () =>
    Effect.gen(function* () {
      const [far, near] = MemoryLink.make()
      const peer = bareEnd(far)
      // The transport takes everything from the source and passes nothing on.
      const stuck = { ...near, buffered: () => 1_000 }
      const serving = yield* Effect.forkScoped(LinkSession.serve(stuck, serveOptions))
      yield* until(() => peer.frames.length > 0)
      far.send(Frame.withPayload(FrameType.welcome, 0, Frame.encodeJson(Welcome, welcomeWith())!))
      yield* settle
      for (let second = 0; second < 6; second++) {
        expect(yield* Fiber.poll(serving)).toMatchObject({ _tag: "None" })
        yield* TestClock.adjust("5 seconds")
        far.send(Frame.beat(FrameType.pong, 99))
        yield* settle
      }
      expect(yield* lossOf(serving)).toMatchObject({ detail: "the link passed nothing on for 30000 ms" })
      yield* until(() => peer.closes.length > 0)
      expect(peer.closes).toMatchObject([{ clean: false }])
    }),
  )
})

// protocol.md#streams
describe("a stream of a session", () => {
  it.scoped("brings every byte in order, then END, to readers that come late too", () =>
    Effect.gen(function* () {
      const { begin } = yield* LinkPair.make()
      const [reader, { writer, finish }] = yield* begin
      const block = Uint8Array.from({ length: 70_001 }, (_, index) => index & 255)
      writeAll(
        writer,
        Array.from({ length: 30 }, () => block.slice()),
        () => finish(Effect.succeed(eof)),
      )
      yield* settle
      const told = new Told(reader)
      yield* until(() => told.results.length > 0)
      expect(told.results).toEqual([eof])
      expect(Buffer.concat(told.pieces).equals(Buffer.concat(Array.from({ length: 30 }, () => block)))).toBe(true)
    }),
  )

  it.scoped("hands bytes on as a view into their frame", () =>
    Effect.gen(function* () {
      const { begin } = yield* LinkPair.make()
      const [reader, { writer }] = yield* begin
      const told = new Told(reader)
      writer.write(new Uint8Array(5_000))
      yield* until(() => told.bytes === 5_000)
      expect([told.pieces[0]!.byteOffset, told.pieces[0]!.buffer.byteLength]).toEqual([12, 5_012])
    }),
  )

  it.scoped("puts what is written in one turn into one frame", () =>
    Effect.gen(function* () {
      const { begin } = yield* LinkPair.make()
      const [reader, { writer }] = yield* begin
      const told = new Told(reader)
      for (let line = 0; line < 500; line++) writer.write(new Uint8Array(100))
      yield* until(() => told.bytes === 50_000)
      expect(told.pieces.length).toBe(1)
    }),
  )

  it.scoped("interrupts its handler at once when its scope closes, and tells its reader once", () =>
    Effect.gen(function* () {
      const { begin, handled, budget } = yield* LinkPair.make()
      const scope = yield* Scope.make()
      const [reader] = yield* Scope.extend(begin, scope)
      const told = new Told(reader)
      yield* Scope.close(scope, Exit.void)
      expect(told.results).toMatchObject([{ reason: "cancelled" }])
      yield* until(() => handled[0]!.interrupted === 1)
      expect(handled[0]!.writer.write(new Uint8Array(1))).toBe(false)
      expect(budget.taken).toBe(0)
    }),
  )

  it.scoped("is cancelled at the source when whoever waits for its HEAD is interrupted", () =>
    Effect.gen(function* () {
      const { session, handled } = yield* LinkPair.make()
      const opening = yield* Effect.forkScoped(session.open(inventory))
      yield* until(() => handled.length === 1)
      yield* Fiber.interrupt(opening)
      yield* until(() => handled[0]!.interrupted === 1)
    }),
  )

  it.scoped("is given up when HEAD does not come within 30 s, and its handler with it", () =>
    Effect.gen(function* () {
      const { session, handled } = yield* LinkPair.make()
      const opening = yield* Effect.forkScoped(session.open(inventory))
      yield* until(() => handled.length === 1)
      yield* TestClock.adjust("15 seconds")
      yield* settle
      yield* TestClock.adjust("15 seconds")
      expect(yield* Effect.flip(Fiber.join(opening))).toMatchObject({ _tag: "StreamError", reason: "silent" })
      yield* until(() => handled[0]!.interrupted === 1)
    }),
  )

  it.scoped("fails as its handler does, before HEAD and after, and leaves other streams alone", () =>
    Effect.gen(function* () {
      const { session, handled, begin } = yield* LinkPair.make()
      const [other, otherHandled] = yield* begin
      const notFound = new StreamError({ reason: "not-found", detail: "no such container" })
      const opening = yield* Effect.forkScoped(session.open(inventory))
      yield* until(() => handled.length === 2)
      handled[1]!.finish(notFound)
      expect(yield* Effect.flip(Fiber.join(opening))).toMatchObject({
        reason: "not-found",
        detail: "no such container",
      })
      const [reader, { finish }] = yield* begin
      const told = new Told(reader)
      finish(Effect.die(new Error("a secret of the source")))
      yield* until(() => told.results.length > 0)
      expect(told.results).toMatchObject([
        { reason: "internal", detail: "the source failed unexpectedly; see its log" },
      ])
      const still = new Told(other)
      otherHandled.writer.write(new Uint8Array(3))
      yield* until(() => still.bytes === 3)
    }),
  )

  it.scoped("that is not read holds up neither its neighbours nor the link", () =>
    Effect.gen(function* () {
      const { begin, sourceEnd } = yield* LinkPair.make()
      const [stalledReader, stalled] = yield* begin
      const [reader, { writer, finish }] = yield* begin
      const blocks = (count: number) => Array.from({ length: count }, () => new Uint8Array(65_536))
      const idle = new Told(stalledReader, { consume: false })
      writeAll(stalled.writer, blocks(100))
      yield* until(() => idle.bytes === 262_144)
      const told = new Told(reader)
      writeAll(writer, blocks(400), () => finish(Effect.succeed(eof)))
      yield* until(() => told.results.length > 0)
      expect([told.bytes, idle.bytes, sourceEnd.buffered()]).toEqual([400 * 65_536, 262_144, 0])
    }),
  )

  it.scoped("waits in the source, not in the transport, when the link is slow", () =>
    Effect.gen(function* () {
      const { wire, begin, sourceEnd } = yield* LinkPair.make()
      const streams = [yield* begin, yield* begin, yield* begin]
      const told = streams.map(([reader]) => new Told(reader, { consume: false }))
      wire.stop()
      for (const [, { writer }] of streams) writeAll(writer, [new Uint8Array(200_000)])
      yield* settle
      expect(sourceEnd.buffered()).toBeGreaterThan(262_144)
      expect(sourceEnd.buffered()).toBeLessThanOrEqual(262_144 + 65_536 + 12)
      wire.go()
      yield* until(() => told.every(({ bytes }) => bytes === 200_000))
    }),
  )

  it.scoped("is refused while twice as many handlers as streams take their time to stop", () =>
    Effect.gen(function* () {
      const release: Array<() => void> = []
      const stubborn = Effect.async<never>((resume) => void release.push(() => resume(Effect.interrupt)))
      const { session } = yield* LinkPair.make({ maxStreams: 2 }, { handler: () => Effect.uninterruptible(stubborn) })
      for (let i = 0; i < 4; i++) {
        const opening = yield* Effect.fork(Effect.scoped(session.open(inventory)))
        yield* until(() => release.length === i + 1)
        yield* Fiber.interrupt(opening)
      }
      const refused = yield* Effect.flip(Effect.scoped(session.open(inventory)))
      expect(refused).toMatchObject({ reason: "too-many-streams" })
      for (const free of release) free()
      yield* settle
      yield* Effect.forkScoped(session.open(inventory))
      yield* until(() => release.length === 5)
      release[4]!()
    }),
  )
})

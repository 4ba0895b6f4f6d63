import { expect, it } from "@effect/vitest"
import { type Link, LinkDialer } from "@rdl/core/link/Link"
import * as LinkKeeper from "@rdl/core/link/LinkKeeper"
import type { Open } from "@rdl/core/link/LinkMessage"
import { connect, type ConnectedSession, serve, type StreamHandler } from "@rdl/core/link/LinkSession"
import * as WsLinkDialer from "@rdl/transport-ws/WsLinkDialer"
import { Deferred, Effect, Logger, LogLevel, Queue, Redacted } from "effect"
import type * as net from "node:net"
import { endpoint, goodToken, identity } from "./Loopback.ts"

const megabyte = Buffer.alloc(1_000_000, "a line of a log\n")

/** Answers every stream with the same megabyte. */
const handler: StreamHandler = (_, writer) =>
  Effect.sync(() => {
    writer.head({ contentType: "application/x-ndjson" })
    writer.write(Buffer.from(megabyte))
    return { reason: "eof" } as const
  })

/** A source that stays linked, and the sessions the proxy has with it, one after the other. */
const kept = Effect.gen(function* () {
  const sessions = yield* Queue.unbounded<ConnectedSession>()
  const welcome = Effect.succeed({
    version: 1,
    sessionId: "s",
    proxyId: "p",
    source: identity.name,
    heartbeatMs: 15_000,
    deadMs: 40_000,
    maxFrame: 65_536,
    maxStreams: 256,
    features: [],
  })
  const accept = (link: Link) =>
    connect(link, { welcome: () => welcome }).pipe(
      Effect.tap((session) => Queue.offer(sessions, session)),
      Effect.flatMap((session) => session.lost),
      Effect.scoped,
      Effect.ignore,
    )
  const { server, url } = yield* endpoint({}, { accept })
  const hello = { versions: [1], instanceId: "i", time: 0, agent: "test", engine: null, features: [] } as const
  const session: LinkKeeper.Session<never> = (link, welcomed, leaving) =>
    serve(link, { hello, handler, onWelcome: () => welcomed, onGoAway: leaving })
  const { dial } = yield* LinkDialer.pipe(
    Effect.provide(WsLinkDialer.layer({ proxy: url, token: Redacted.make(goodToken), forwardProxy: "none" })),
  )
  yield* LinkKeeper.keep(dial, session).pipe(Logger.withMinimumLogLevel(LogLevel.None), Effect.forkScoped)
  return { server, next: Queue.take(sessions) }
})

/** Asks for a stream and reads it to its end. */
const ask = (session: ConnectedSession) =>
  Effect.gen(function* () {
    const reader = yield* session.open({ op: "inventory" } satisfies Open)
    const done = yield* Deferred.make<Buffer>()
    const chunks: Array<Uint8Array> = []
    reader.start({
      onData: (bytes) => {
        chunks.push(bytes)
        reader.consumed(bytes.length)
      },
      onEnd: () => Deferred.unsafeDone(done, Effect.succeed(Buffer.concat(chunks))),
    })
    return yield* Deferred.await(done)
  }).pipe(Effect.scoped)

it.scopedLive("a source is there again, and answers whole, each time its connection was cut", () =>
  Effect.gen(function* () {
    const { next, server } = yield* kept
    let cut = () => {}
    server.on("connection", (socket: net.Socket) => (cut = () => socket.resetAndDestroy()))
    for (let round = 0; round < 3; round += 1) {
      const session = yield* next
      expect((yield* ask(session)).equals(megabyte)).toBe(true)
      if (round === 0) yield* session.close(0, "")
      else cut()
      expect(yield* session.lost).toMatchObject({ _tag: "LinkLost" })
    }
    yield* next
  }),
)

it.scopedLive("a source has its next link before a proxy that drains lets go of the last", () =>
  Effect.gen(function* () {
    const { next } = yield* kept
    const first = yield* next
    yield* Effect.scoped(
      Effect.gen(function* () {
        yield* first.open({ op: "inventory" })
        const gone = yield* Effect.forkScoped(first.lost)
        yield* Effect.forkScoped(first.drain(0))
        expect((yield* ask(yield* next)).equals(megabyte)).toBe(true)
        expect(gone.unsafePoll()).toBe(null)
      }),
    )
  }),
)

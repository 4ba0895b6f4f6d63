/** Real sockets on 127.0.0.1 for the tests: servers that live as long as a scope, and links that remember what came. */
import { type Link, LinkAcceptor, type LinkClosed, type SourceIdentity } from "@rdl/core/link/Link"
import { SourceName } from "@rdl/core/model/SourceName"
import { TokenRejected } from "@rdl/core/token/TokenVerifier"
import * as WsLinkDialer from "@rdl/transport-ws/WsLinkDialer"
import * as WsLinkServer from "@rdl/transport-ws/WsLinkServer"
import { Deferred, Effect, Logger, LogLevel, Queue, Redacted, type Scope } from "effect"
import { createHash } from "node:crypto"
import * as http from "node:http"
import * as net from "node:net"

export const goodToken = "good.token"

/** Listens on a free port of a loopback address until the scope closes, then cuts every connection. */
export const listen = <S extends net.Server>(
  server: S,
  address = "127.0.0.1",
): Effect.Effect<{ server: S; port: number }, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.async<{ server: S; port: number; open: Set<net.Socket> }>((resume) => {
      const open = new Set<net.Socket>()
      server.on("connection", (socket: net.Socket) => {
        open.add(socket)
        socket.once("close", () => open.delete(socket))
      })
      server.listen(0, address, () => {
        resume(Effect.succeed({ server, port: (server.address() as net.AddressInfo).port, open }))
      })
    }),
    ({ open, server }) =>
      Effect.async<void>((resume) => {
        server.close(() => resume(Effect.void))
        for (const socket of open) socket.destroy()
      }),
  )

/** A link and all that came from it. */
export interface Recorded {
  readonly link: Link
  readonly frames: Array<Buffer>
  readonly closes: Array<LinkClosed>
  /** What `buffered()` was at each drain. */
  readonly drains: Array<number>
  readonly start: () => void
  /** Waits until it holds; looks again at every event of the link. */
  readonly until: (holds: () => boolean) => Effect.Effect<void>
  readonly closed: Effect.Effect<LinkClosed>
}

export const record = (link: Link): Recorded => {
  const waiting = new Set<() => void>()
  let started = false
  const changed = () => {
    for (const look of waiting) look()
  }
  const recorded = { frames: [] as Array<Buffer>, closes: [] as Array<LinkClosed>, drains: [] as Array<number> }
  const until = (holds: () => boolean) =>
    Effect.async<void>((resume) => {
      const look = () => {
        if (!holds()) return
        waiting.delete(look)
        resume(Effect.void)
      }
      waiting.add(look)
      look()
    })
  const note = (what: () => void) => {
    what()
    changed()
  }
  return {
    link,
    ...recorded,
    until,
    start: () => {
      if (started) return
      started = true
      link.start({
        onFrame: (frame) => note(() => recorded.frames.push(Buffer.from(frame))),
        onDrain: () => note(() => recorded.drains.push(link.buffered())),
        onClose: (closed) => note(() => recorded.closes.push(closed)),
      })
    },
    closed: Effect.map(
      until(() => recorded.closes.length > 0),
      () => recorded.closes[0]!,
    ),
  }
}

export const identity: SourceIdentity = {
  name: SourceName.make("edge-1"),
  claims: { sub: "edge-1", role: "source", iat: 0, exp: 4_000_000_000, jti: "j1" },
}

/** Knows one good token, and one of a user. */
export const authenticate = (token: string | undefined): Effect.Effect<SourceIdentity, TokenRejected> => {
  if (token === goodToken) return Effect.succeed(identity)
  const reason = token === "user.token" ? "forbidden" : "unauthorized"
  return Effect.fail(new TokenRejected({ reason, detail: "a test said so" }))
}

export interface Endpoint {
  readonly server: http.Server
  readonly url: string
  readonly port: number
  /** The next link that came in; started at the latest when the scope closes. */
  readonly accepted: Effect.Effect<Recorded>
}

/** An HTTP server that takes links. */
export const endpoint = (
  options: WsLinkServer.Options = {},
  acceptor: Partial<LinkAcceptor["Type"]> = {},
  unlistening: http.Server = http.createServer(),
): Effect.Effect<Endpoint, never, Scope.Scope> =>
  Effect.gen(function* () {
    const links = yield* Queue.unbounded<Recorded>()
    const all: Array<Recorded> = []
    const { port, server } = yield* listen(unlistening)
    const accept = (link: Link) => {
      const recorded = record(link)
      all.push(recorded)
      return Queue.offer(links, recorded).pipe(Effect.zipRight(recorded.closed), Effect.asVoid)
    }
    yield* WsLinkServer.attach(server, options).pipe(
      Effect.provideService(LinkAcceptor, { authenticate, accept, ...acceptor }),
      Logger.withMinimumLogLevel(LogLevel.None),
    )
    // Links that the test did not start see their end all the same, and closing need not wait for them.
    yield* Effect.addFinalizer(() => Effect.sync(() => all.forEach((recorded) => recorded.start())))
    return { server, port, url: `http://127.0.0.1:${port}`, accepted: Queue.take(links) }
  })

export const dial = (
  proxy: string,
  options: Partial<WsLinkDialer.Options> = {},
): Effect.Effect<Recorded, unknown, Scope.Scope> =>
  WsLinkDialer.make({ proxy, token: Redacted.make(goodToken), forwardProxy: "none", ...options }).pipe(
    Effect.flatMap((dialer) => dialer.dial),
    Effect.map(record),
  )

/** Both ends of a link, started. */
export const pair = Effect.gen(function* () {
  const { accepted, server, url } = yield* endpoint()
  const source = yield* Effect.orDie(dial(url))
  const proxy = yield* accepted
  source.start()
  proxy.start()
  return { source, proxy, server }
})

/** A connection on which the test speaks every byte itself. */
export const rawConnection = (port: number): Effect.Effect<net.Socket, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.async<net.Socket>((resume) => {
      const socket = net.connect(port, "127.0.0.1", () => resume(Effect.succeed(socket)))
      socket.on("error", () => {})
    }),
    (socket) => Effect.sync(() => socket.destroy()),
  )

/** What a source asks for. */
export const upgradeHeaders: Readonly<Record<string, string>> = {
  host: "127.0.0.1",
  connection: "Upgrade",
  upgrade: "websocket",
  "sec-websocket-version": "13",
  "sec-websocket-key": "AAAAAAAAAAAAAAAAAAAAAA==",
  "sec-websocket-protocol": "rdl.v1",
  authorization: `Bearer ${goodToken}`,
}

/** What a source sends first; a header of "" is left out. */
export const upgradeRequest = (headers: Readonly<Record<string, string>> = {}, line = "GET /link/v1/ws"): string => {
  const lines = Object.entries({ ...upgradeHeaders, ...headers }).filter(([, value]) => value !== "")
  return [`${line} HTTP/1.1`, ...lines.map(([name, value]) => `${name}: ${value}`), "", ""].join("\r\n")
}

/** What a proxy answers to it. */
export const upgradeResponse = (request: http.IncomingMessage, protocol = "rdl.v1"): string => {
  const accept = createHash("sha1")
    .update(`${request.headers["sec-websocket-key"]}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
    .digest("base64")
  const lines = ["HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade"]
  if (protocol !== "") lines.push(`Sec-WebSocket-Protocol: ${protocol}`)
  return [...lines, `Sec-WebSocket-Accept: ${accept}`, "", ""].join("\r\n")
}

/** A server that takes connections and never says a word; `cut` waits until none is left of at least one. */
export const silentServer: Effect.Effect<
  { port: number; connected: Effect.Effect<void>; cut: Effect.Effect<void> },
  never,
  Scope.Scope
> = Effect.gen(function* () {
  const connected = yield* Deferred.make<void>()
  const cut = yield* Deferred.make<void>()
  let open = 0
  const server = net.createServer((socket) => {
    open += 1
    socket.on("error", () => {})
    socket.resume().once("close", () => {
      open -= 1
      if (open === 0) Deferred.unsafeDone(cut, Effect.void)
    })
    Deferred.unsafeDone(connected, Effect.void)
  })
  const { port } = yield* listen(server)
  return { port, connected: Deferred.await(connected), cut: Deferred.await(cut) }
})

/** A server whose upgrades the test answers by hand. */
export const upgradingServer = (
  answer: (request: http.IncomingMessage, socket: net.Socket) => void,
): Effect.Effect<{ url: string; port: number }, never, Scope.Scope> => {
  const server = http.createServer().on("upgrade", (request, socket) => {
    socket.on("error", () => {})
    answer(request, socket as net.Socket)
  })
  return Effect.map(listen(server), ({ port }) => ({ port, url: `http://127.0.0.1:${port}` }))
}

/** One WebSocket message as it stands on the wire. `masked` as a client's has to be (with a mask of zeros). */
export const message = (opcode: number, payload: Uint8Array, masked: boolean): Buffer => {
  const long = payload.length > 125
  const header = Buffer.alloc(2 + (long ? 8 : 0) + (masked ? 4 : 0))
  header[0] = 0x80 | opcode
  header[1] = (masked ? 0x80 : 0) | (long ? 127 : payload.length)
  if (long) header.writeBigUInt64BE(BigInt(payload.length), 2)
  return Buffer.concat([header, payload])
}

export const binary = 2
export const text = 1
export const closing = 8

/** All that a socket sends until it ends. */
export const readAll = (socket: net.Socket): Effect.Effect<string> =>
  Effect.async((resume) => {
    const chunks: Array<Buffer> = []
    socket.on("data", (chunk: Buffer) => chunks.push(chunk))
    socket.once("close", () => resume(Effect.succeed(Buffer.concat(chunks).toString("latin1"))))
  })

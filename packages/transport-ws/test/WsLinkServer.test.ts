import { describe, expect, it } from "@effect/vitest"
import * as Link from "@rdl/core/link/Link"
import * as WsLinkServer from "@rdl/transport-ws/WsLinkServer"
import { Deferred, Effect, Exit, Layer, Logger, LogLevel, Scope } from "effect"
import * as http from "node:http"
import type * as net from "node:net"
import {
  authenticate,
  binary,
  dial,
  endpoint,
  goodToken,
  listen,
  message,
  rawConnection,
  readAll,
  upgradeRequest,
} from "./Loopback.ts"
import { ask, parse } from "./UpgradeAnswer.ts"

it.scopedLive("a request of the path that has lost its upgrade on the way gets 426, whoever else listens", () =>
  Effect.gen(function* () {
    const { port, server } = yield* endpoint()
    const others: Array<string | undefined> = []
    server.on("request", (request: http.IncomingMessage, response: http.ServerResponse) => {
      others.push(request.url)
      response.writeHead(403, { connection: "close" }).end()
    })
    const lost = { upgrade: "", connection: "close" }
    const answer = yield* ask(port, lost)
    expect([answer.status, answer.error.code]).toEqual([426, "upgrade_required"])
    expect(answer.head).toMatch(/\r\nupgrade: websocket\r\n/i)
    expect((yield* ask(port, lost, "GET /link/v1/ws/more")).status).toBe(403)
    expect(others).toEqual(["/link/v1/ws/more"])
  }),
)

describe("an upgrade is refused, with a status and a JSON error,", () => {
  const cases: ReadonlyArray<
    readonly [what: string, headers: Record<string, string>, line: string, status: number, code: string]
  > = [
    ["at another path, where nobody else listens", {}, "GET /link/v1/other", 404, "not_found"],
    ["at a path that only begins alike", {}, "GET /link/v1/ws/more", 404, "not_found"],
    ["at a path that is no URL", {}, "GET //", 404, "not_found"],
    [
      "by another method, before all else",
      { origin: "https://evil.example" },
      "POST /link/v1/ws",
      405,
      "method_not_allowed",
    ],
    [
      "from a browser, before its token is looked at",
      { origin: "https://evil.example", authorization: "" },
      "GET /link/v1/ws",
      403,
      "forbidden",
    ],
    [
      "without the subprotocol",
      { "sec-websocket-protocol": "", authorization: "" },
      "GET /link/v1/ws",
      426,
      "unsupported_version",
    ],
    [
      "with another subprotocol",
      { "sec-websocket-protocol": "rdl.v2, chat" },
      "GET /link/v1/ws",
      426,
      "unsupported_version",
    ],
    ["without a token", { authorization: "" }, "GET /link/v1/ws", 401, "unauthorized"],
    ["with a bad token", { authorization: "Bearer bad" }, "GET /link/v1/ws", 401, "unauthorized"],
    [
      "with a good token in another scheme",
      { authorization: `Basic ${goodToken}` },
      "GET /link/v1/ws",
      401,
      "unauthorized",
    ],
    ["with a token in the URL", { authorization: "" }, `GET /link/v1/ws?token=${goodToken}`, 401, "unauthorized"],
    ["with a user's token", { authorization: "Bearer user.token" }, "GET /link/v1/ws", 403, "forbidden"],
    ["with a WebSocket key that is none", { "sec-websocket-key": "short" }, "GET /link/v1/ws", 400, "bad_request"],
  ]
  for (const [what, headers, line, status, code] of cases) {
    it.scopedLive(what, () =>
      Effect.gen(function* () {
        const { port } = yield* endpoint()
        const answer = yield* ask(port, headers, line)
        expect(answer).toMatchObject({ status, error: { code, message: expect.any(String) } })
        expect(answer.head).not.toContain(goodToken)
      }),
    )
  }

  it.scopedLive("and the answer arrives whole, however much the client had sent by then", () =>
    Effect.gen(function* () {
      const { port } = yield* endpoint()
      const socket = yield* rawConnection(port)
      const reset = Effect.async<boolean>(
        (resume) => void socket.once("close", (failed) => resume(Effect.succeed(failed))),
      )
      socket.write(Buffer.concat([Buffer.from(upgradeRequest({ authorization: "" })), Buffer.alloc(16_000_000)]))
      const [answer, failed] = yield* Effect.all([readAll(socket), reset], { concurrency: "unbounded" })
      expect(parse(answer)).toMatchObject({ status: 401, error: { code: "unauthorized" } })
      expect(failed).toBe(false)
    }),
  )

  it.scopedLive("without asking for the token, where something else is wrong", () =>
    Effect.gen(function* () {
      let asked = 0
      const { port } = yield* endpoint({}, { authenticate: (token) => ((asked += 1), authenticate(token)) })
      for (const [, headers, line, status] of cases.slice(0, 7)) {
        expect((yield* ask(port, headers, line)).status).toBe(status)
      }
      expect(asked).toBe(0)
    }),
  )
})

describe("an upgrade is taken", () => {
  it.scopedLive("among other subprotocols, with a query, and the scheme in any case", () =>
    Effect.gen(function* () {
      const { accepted, port } = yield* endpoint()
      const socket = yield* rawConnection(port)
      const headers = { "sec-websocket-protocol": "rdl.v2, rdl.v1", authorization: `bearer ${goodToken}` }
      socket.write(upgradeRequest(headers, "GET /link/v1/ws?x=1"))
      yield* accepted
      const head = yield* Effect.async<string>(
        (resume) => void socket.once("data", (data) => resume(Effect.succeed(String(data)))),
      )
      expect(head).toMatch(/^HTTP\/1.1 101 .*\r\nSec-WebSocket-Protocol: rdl.v1\r\n/s)
    }),
  )

  it.scopedLive("with frames that came in the same packet", () =>
    Effect.gen(function* () {
      const { accepted, port } = yield* endpoint()
      const socket = yield* rawConnection(port)
      const frames = [Buffer.from("hello"), Buffer.alloc(100_000, 7)]
      socket.write(
        Buffer.concat([Buffer.from(upgradeRequest()), ...frames.map((frame) => message(binary, frame, true))]),
      )
      const proxy = yield* accepted
      proxy.start()
      yield* proxy.until(() => proxy.frames.length === 2)
      expect(Buffer.concat(proxy.frames).equals(Buffer.concat(frames))).toBe(true)
    }),
  )

  it.scopedLive("at the path it is told", () =>
    Effect.gen(function* () {
      const { accepted, port, url } = yield* endpoint({ path: "/rdl/link/v1/ws" })
      yield* dial(`${url}/rdl/`)
      yield* accepted
      expect((yield* ask(port)).status).toBe(404)
    }),
  )
})

describe("other listeners for upgrades", () => {
  it.scopedLive("hear of other paths and never of the link's, whether they came before or after", () =>
    Effect.gen(function* () {
      const heard: Array<string> = []
      const listener = (name: string) => (request: http.IncomingMessage, socket: { end: (text: string) => void }) => {
        heard.push(`${name} ${request.url}`)
        if (name === "before") socket.end("HTTP/1.1 418 I'm a teapot\r\n\r\n")
      }
      const before = http.createServer().on("upgrade", listener("before"))
      const { accepted, port, server, url } = yield* endpoint({}, {}, before)
      server.on("upgrade", listener("after"))
      expect((yield* ask(port, {}, "GET /other")).status).toBe(418)
      yield* dial(url)
      yield* accepted
      expect(heard).toEqual(["before /other", "after /other"])
    }),
  )

  it.scopedLive("are all alone again once the scope has closed, in whatever order two of them do", () =>
    Effect.gen(function* () {
      const { port, server } = yield* listen(http.createServer())
      const scopes = [yield* Scope.make(), yield* Scope.make()] as const
      const acceptor = Layer.succeed(Link.LinkAcceptor, { authenticate, accept: () => Effect.void })
      const attach = (scope: Scope.Scope, path: string) =>
        WsLinkServer.attach(server, { path }).pipe(
          Effect.provide(acceptor),
          Logger.withMinimumLogLevel(LogLevel.None),
          Scope.extend(scope),
        )
      yield* attach(scopes[0], "/one")
      yield* attach(scopes[1], "/two")
      const status = (path: string) =>
        Effect.map(ask(port, { authorization: "" }, `GET ${path}`), (answer) => answer.status)
      expect([yield* status("/one"), yield* status("/two"), yield* status("/three")]).toEqual([401, 401, 404])
      yield* Scope.close(scopes[0], Exit.void)
      expect([yield* status("/one"), yield* status("/two")]).toEqual([404, 401])
      yield* Scope.close(scopes[1], Exit.void)
      expect(server.listenerCount("upgrade")).toBe(0)
    }),
  )
})

describe("handshakes", () => {
  it.scopedLive("are bounded: one too many gets 503 and Retry-After, and room comes back", () =>
    Effect.gen(function* () {
      const gate = yield* Deferred.make<void>()
      const waiting: Array<string | undefined> = []
      const slow: Link.LinkAcceptor["Type"]["authenticate"] = (token) => {
        waiting.push(token)
        return Effect.zipRight(Deferred.await(gate), authenticate(token))
      }
      const { accepted, port, url } = yield* endpoint({ maxPendingHandshakes: 2 }, { authenticate: slow })
      const first = [yield* rawConnection(port), yield* rawConnection(port)]
      for (const socket of first) socket.write(upgradeRequest())
      while (waiting.length < 2) yield* Effect.yieldNow()
      const refused = yield* ask(port)
      expect(refused).toMatchObject({ status: 503, error: { code: "busy" } })
      expect(refused.head).toContain("retry-after: 5")
      yield* Deferred.succeed(gate, undefined)
      yield* accepted
      yield* accepted
      yield* dial(url)
      yield* accepted
    }),
  )

  it.scopedLive("that take too long end with 503", () =>
    Effect.gen(function* () {
      const { port } = yield* endpoint({ handshakeTimeout: 20 }, { authenticate: () => Effect.never })
      expect(yield* ask(port)).toMatchObject({ status: 503, error: { code: "busy" } })
    }),
  )

  it.scopedLive("whose check breaks end with 500, and the next goes on", () =>
    Effect.gen(function* () {
      let calls = 0
      const { accepted, port, url } = yield* endpoint(
        {},
        { authenticate: (token) => ((calls += 1) === 1 ? Effect.die(new Error("broken")) : authenticate(token)) },
      )
      expect(yield* ask(port)).toMatchObject({ status: 500, error: { code: "internal" } })
      yield* dial(url)
      yield* accepted
    }),
  )

  it.scopedLive("survive a client that resets while its token is checked, whether it is good or bad", () =>
    Effect.gen(function* () {
      for (const token of [goodToken, "bad"]) {
        const asked = yield* Deferred.make<void>()
        const gate = yield* Deferred.make<void>()
        const broken = yield* Deferred.make<void>()
        const slow: Link.LinkAcceptor["Type"]["authenticate"] = (given) =>
          Deferred.succeed(asked, undefined).pipe(
            Effect.zipRight(Deferred.await(gate)),
            Effect.zipRight(authenticate(given)),
          )
        const { port, server, url } = yield* endpoint({}, { authenticate: slow })
        server.once("connection", (connection: net.Socket) => {
          connection.once("close", () => Deferred.unsafeDone(broken, Effect.void))
        })
        const socket = yield* rawConnection(port)
        socket.write(upgradeRequest({ authorization: `Bearer ${token}` }))
        yield* Deferred.await(asked)
        socket.resetAndDestroy()
        yield* Deferred.succeed(gate, undefined)
        yield* Deferred.await(broken)
        yield* dial(url)
      }
    }),
  )
})

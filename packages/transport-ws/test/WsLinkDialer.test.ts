import { describe, expect, it } from "@effect/vitest"
import type { LinkDialError } from "@rdl/core/link/Link"
import { ownAddress } from "@rdl/test-kit/OwnAddress"
import * as WsLinkDialer from "@rdl/transport-ws/WsLinkDialer"
import { Effect, Exit, Fiber, Redacted, Scope } from "effect"
import * as http from "node:http"
import * as https from "node:https"
import * as net from "node:net"
import { inspect } from "node:util"
import {
  binary,
  dial,
  endpoint,
  goodToken,
  listen,
  message,
  silentServer,
  upgradeResponse,
  upgradingServer,
} from "./Loopback.ts"
import { certificate, key } from "./TestCertificate.ts"

/** How a dial fails; whatever it says, the token is not in it. */
const failure = (proxy: string, options: Partial<WsLinkDialer.Options> = {}) =>
  Effect.map(Effect.flip(dial(proxy, options)), (error) => {
    const shown = `${String(error)} ${JSON.stringify(error)} ${inspect(error, { depth: 9 })}`
    expect(shown).not.toContain(Redacted.value(options.token ?? Redacted.make(goodToken)))
    const { detail, reason, retryAfterMs, status, url } = error as LinkDialError
    return { detail, reason, retryAfterMs, status, url }
  })

/** A server that answers every upgrade with a plain response. */
const answering = (head: string, body = "") =>
  upgradingServer((_, socket) => socket.end(`HTTP/1.1 ${head}\r\nContent-Length: ${body.length}\r\n\r\n${body}`))

describe("an answer other than 101", () => {
  const html = "<html>Welcome to our hotel</html>"
  const cases: ReadonlyArray<
    readonly [
      head: string,
      body: string,
      reason: LinkDialError["reason"],
      retryAfterMs: number | undefined,
      says: RegExp,
    ]
  > = [
    ["401 Unauthorized", "", "refused", undefined, /does not accept the token \(401\).*rdl token issue/],
    ["403 Forbidden", "", "refused", undefined, /not for a source \(403\)/],
    ["409 Conflict", "", "conflict", undefined, /another source runs under this name/],
    ["429 Too Many\r\nRetry-After: 7", "", "unavailable", 7000, /429/],
    ["503 Service Unavailable\r\nRetry-After: 3", "", "unavailable", 3000, /not ready \(503\)/],
    ["503 Service Unavailable\r\nRetry-After: soon", "", "unavailable", undefined, /503/],
    ["503 Service Unavailable\r\nRetry-After: Thu, 01 Jan 1970 00:00:00 GMT", "", "unavailable", 0, /503/],
    ["502 Bad Gateway", html, "unavailable", undefined, /502/],
    [
      "301 Moved\r\nLocation: https://logs.example.com/a?b=c",
      "",
      "unavailable",
      undefined,
      /redirect to https:\/\/logs.example.com came \(301\)/,
    ],
    ["302 Found\r\nLocation: http://", "", "unavailable", undefined, /redirect elsewhere came/],
    ["404 Not Found", html, "unsupported", undefined, /no link endpoint.*404.*WebSocket upgrades/],
    ["400 Bad Request", "", "unsupported", undefined, /400/],
    ["426 Upgrade Required", "", "unsupported", undefined, /426/],
    ["200 OK", html, "unsupported", undefined, /200/],
  ]
  for (const [head, body, reason, retryAfterMs, says] of cases) {
    it.scopedLive(`${head.replace("\r\n", ", ")}: ${reason}`, () =>
      Effect.gen(function* () {
        const { url } = yield* answering(head, body)
        const failed = yield* failure(url)
        const status = Number(head.slice(0, 3))
        expect(failed).toMatchObject({ reason, retryAfterMs, status, url: `${url}/link/v1/ws` })
        expect(failed.detail).toMatch(says)
        expect(failed.detail).not.toContain("hotel")
      }),
    )
  }

  it.scopedLive("leaves no connection behind, however long the answer would be", () =>
    Effect.gen(function* () {
      const gone: Array<Promise<unknown>> = []
      const { url } = yield* upgradingServer((_, socket) => {
        gone.push(new Promise((resolve) => socket.once("close", resolve)))
        socket.resume().once("end", () => socket.destroy())
        socket.write("HTTP/1.1 404 Not Found\r\nContent-Length: 1000000\r\n\r\n and")
      })
      yield* failure(url)
      yield* Effect.promise(() => Promise.all(gone))
    }),
  )
})

describe("no answer", () => {
  it.scopedLive("within the time given: unavailable, and the connection is cut", () =>
    Effect.gen(function* () {
      const { cut, port } = yield* silentServer
      const scope = yield* Effect.acquireRelease(Scope.make(), (made) => Scope.close(made, Exit.void))
      const failed = yield* Scope.extend(failure(`http://127.0.0.1:${port}`, { connectTimeout: 50 }), scope)
      expect(failed.reason).toBe("unavailable")
      expect(failed.detail).toMatch(/no answer from 127.0.0.1:\d+ within 50ms/)
      yield* cut
    }),
  )

  it.scopedLive("and an interruption: the connection is cut", () =>
    Effect.gen(function* () {
      const { connected, cut, port } = yield* silentServer
      const scope = yield* Effect.acquireRelease(Scope.make(), (made) => Scope.close(made, Exit.void))
      const dialling = yield* Effect.fork(Scope.extend(dial(`http://127.0.0.1:${port}`), scope))
      yield* connected
      yield* Fiber.interrupt(dialling)
      yield* cut
    }),
  )

  it.scopedLive("since the peer hangs up, before or within its answer: unavailable", () =>
    Effect.gen(function* () {
      for (const sent of ["", "HTTP/1.1 10"]) {
        const { url } = yield* upgradingServer((_, socket) => void socket.end(sent, () => socket.destroy()))
        const failed = yield* failure(url)
        expect(failed).toMatchObject({ reason: "unavailable" })
        expect(failed.detail).toMatch(/cut the connection|does not speak HTTP/)
      }
    }),
  )

  it.scopedLive("since nothing listens: unavailable", () =>
    Effect.gen(function* () {
      const { port } = yield* Effect.scoped(listen(net.createServer(), ownAddress))
      const failed = yield* failure(`http://${ownAddress}:${port}`)
      expect(failed).toMatchObject({ reason: "unavailable" })
      expect(failed.detail).toBe(
        `nothing listens at ${ownAddress}:${port}; check that the proxy runs and that the port is right (ECONNREFUSED)`,
      )
    }),
  )

  it.scopedLive("since there is no such host: unavailable", () =>
    Effect.gen(function* () {
      const failed = yield* failure("https://proxy.invalid")
      expect(failed).toMatchObject({ reason: "unavailable" })
      expect(failed.detail).toMatch(/proxy\.invalid.*DNS/)
    }),
  )
})

describe("TLS", () => {
  const secure = endpoint({}, {}, https.createServer({ cert: certificate, key }))

  it.scopedLive("with the CA given: a link", () =>
    Effect.gen(function* () {
      const { accepted, port } = yield* secure
      const source = yield* dial(`https://localhost:${port}`, { ca: certificate })
      const proxy = yield* accepted
      proxy.start()
      source.link.send(Buffer.from("secret"))
      yield* proxy.until(() => proxy.frames.length === 1)
      expect(proxy.frames.map(String)).toEqual(["secret"])
    }),
  )

  it.scopedLive("with a certificate nobody trusts: unavailable", () =>
    Effect.gen(function* () {
      const { port } = yield* secure
      const failed = yield* failure(`wss://127.0.0.1:${port}`)
      expect(failed).toMatchObject({ reason: "unavailable", url: `https://127.0.0.1:${port}/link/v1/ws` })
      expect(failed.detail).toMatch(/certificate of .* is not trusted \(DEPTH_ZERO_SELF_SIGNED_CERT\)/)
    }),
  )

  it.scopedLive("with a certificate of another host: unavailable", () =>
    Effect.gen(function* () {
      const { port } = yield* secure
      const failed = yield* failure(`https://[::ffff:127.0.0.1]:${port}`, { ca: certificate })
      expect(failed).toMatchObject({ reason: "unavailable" })
      expect(failed.detail).toMatch(/ERR_TLS_CERT_ALTNAME_INVALID/)
    }),
  )

  it.scopedLive("asked of a server without it, and not asked of one with it: unavailable, with the scheme to try", () =>
    Effect.gen(function* () {
      const plain = yield* endpoint()
      const tls = yield* secure
      expect((yield* failure(`https://127.0.0.1:${plain.port}`)).detail).toMatch(/is it http:\/\/ instead/)
      expect(yield* failure(`http://127.0.0.1:${tls.port}`)).toMatchObject({ reason: "unavailable" })
    }),
  )
})

describe("101", () => {
  it.scopedLive("with frames in the same packet: they are not lost", () =>
    Effect.gen(function* () {
      const frames = [Buffer.from("hello"), Buffer.alloc(100_000, 7)]
      const { url } = yield* upgradingServer((request, socket) => {
        const bytes = frames.map((frame) => message(binary, frame, false))
        socket.write(Buffer.concat([Buffer.from(upgradeResponse(request)), ...bytes]))
      })
      const source = yield* dial(url)
      source.start()
      yield* source.until(() => source.frames.length === 2)
      expect(Buffer.concat(source.frames).equals(Buffer.concat(frames))).toBe(true)
    }),
  )

  it.scopedLive("of something that does not speak rdl.v1, or not WebSocket: unsupported", () =>
    Effect.gen(function* () {
      const wrong = [
        (request: http.IncomingMessage) => upgradeResponse(request, ""),
        (request: http.IncomingMessage) => upgradeResponse(request, "chat"),
        (request: http.IncomingMessage) => upgradeResponse(request).replace(/Accept: .*/, "Accept: bogus"),
      ]
      for (const answer of wrong) {
        const { url } = yield* upgradingServer((request, socket) => void socket.write(answer(request)))
        const failed = yield* failure(url)
        expect(failed.reason).toBe("unsupported")
        expect(failed.detail).toMatch(/the upgrade to WebSocket went wrong/)
      }
    }),
  )

  it.scopedLive("and the end of the caller's scope: the link is destroyed", () =>
    Effect.gen(function* () {
      const { accepted, url } = yield* endpoint()
      const source = yield* Effect.scoped(dial(url))
      source.start()
      const proxy = yield* accepted
      proxy.start()
      expect(yield* proxy.closed).toMatchObject({ clean: false })
      expect(yield* source.closed).toMatchObject({ clean: false })
    }),
  )

  it.scopedLive(
    "and the end of the caller's scope right after a goodbye: all that was sent, and the goodbye, arrive",
    () =>
      Effect.gen(function* () {
        const { accepted, url } = yield* endpoint()
        const frames = Array.from({ length: 256 }, (_, index) => Buffer.alloc(64 * 1024, index))
        yield* Effect.scoped(
          Effect.map(dial(url), ({ link }) => {
            for (const frame of frames) link.send(Buffer.from(frame))
            link.close(1, "a rule was broken")
          }),
        )
        const proxy = yield* accepted
        proxy.start()
        expect(yield* proxy.closed).toEqual({ clean: true, code: 1, reason: "a rule was broken" })
        expect(Buffer.concat(proxy.frames).equals(Buffer.concat(frames))).toBe(true)
      }),
  )

  it.scopedLive("is asked for with the token as bearer, the subprotocol, and no compression", () =>
    Effect.gen(function* () {
      const asked: Array<http.IncomingMessage> = []
      const { url } = yield* upgradingServer((request, socket) => {
        asked.push(request)
        socket.write(upgradeResponse(request))
      })
      yield* dial(`${url.replace("http", "ws")}/behind/nginx/`)
      expect(asked[0]).toMatchObject({ method: "GET", url: "/behind/nginx/link/v1/ws" })
      expect(asked[0]?.headers).toMatchObject({
        authorization: `Bearer ${goodToken}`,
        "sec-websocket-protocol": "rdl.v1",
      })
      expect(asked[0]?.headers).not.toHaveProperty("sec-websocket-extensions")
      expect(asked[0]?.headers).not.toHaveProperty("origin")
    }),
  )
})

describe("a forward proxy", () => {
  interface Forward {
    readonly url: string
    readonly asked: Array<{ readonly target: string | undefined; readonly credentials: string | undefined }>
  }
  /** One that connects wherever it is asked to, or answers with the status given. */
  const forward = (status = 200): Effect.Effect<Forward, never, Scope.Scope> => {
    const asked: Array<Forward["asked"][number]> = []
    const server = http.createServer().on("connect", (request, socket: net.Socket) => {
      asked.push({ target: request.url, credentials: request.headers["proxy-authorization"] })
      socket.on("error", () => {})
      if (status !== 200) return socket.end(`HTTP/1.1 ${status} No\r\nContent-Length: 0\r\n\r\n`)
      const [, port] = (request.url ?? "").split(":")
      const onward = net.connect(Number(port), "127.0.0.1", () => socket.write("HTTP/1.1 200 OK\r\n\r\n"))
      onward.on("error", () => socket.destroy())
      onward.on("close", () => socket.destroy())
      socket.on("close", () => onward.destroy())
      onward.pipe(socket)
      return socket.pipe(onward)
    })
    return Effect.map(listen(server), ({ port }) => ({ url: `http://127.0.0.1:${port}`, asked }))
  }

  it.scopedLive("leads to a plain and to a TLS proxy, by CONNECT, with its own credentials", () =>
    Effect.gen(function* () {
      const { asked, url } = yield* forward()
      const forwardProxy = url.replace("http://", "http://me:p%40ss@")
      const plain = yield* endpoint()
      const secure = yield* endpoint({}, {}, https.createServer({ cert: certificate, key }))
      const through = [
        [plain, yield* dial(plain.url, { forwardProxy })] as const,
        [secure, yield* dial(`https://localhost:${secure.port}`, { forwardProxy, ca: certificate })] as const,
      ]
      for (const [{ accepted }, source] of through) {
        const proxy = yield* accepted
        proxy.start()
        source.start()
        const bytes = Buffer.alloc(60_000, 3)
        source.link.send(Buffer.from(bytes))
        proxy.link.send(Buffer.from(bytes))
        yield* proxy.until(() => proxy.frames.length === 1)
        yield* source.until(() => source.frames.length === 1)
        expect(Buffer.concat([...proxy.frames, ...source.frames]).equals(Buffer.concat([bytes, bytes]))).toBe(true)
        source.link.close(0, "")
        expect(yield* proxy.closed).toMatchObject({ clean: true, code: 0 })
      }
      const credentials = `Basic ${Buffer.from("me:p@ss").toString("base64")}`
      expect(asked).toEqual([
        { target: `127.0.0.1:${plain.port}`, credentials },
        { target: `localhost:${secure.port}`, credentials },
      ])
    }),
  )

  it.scopedLive("that refuses, or is not there: unavailable, and says which of the two proxies it is", () =>
    Effect.gen(function* () {
      const { url } = yield* endpoint()
      for (const [status, says] of [
        [407, /127.0.0.1:\d+ answered CONNECT with 407; put user and password/],
        [403, /403; check its address/],
      ] as const) {
        const refusing = yield* forward(status)
        const failed = yield* failure(url, { forwardProxy: refusing.url.replace("http://", "http://me:secret@") })
        expect(failed.reason).toBe("unavailable")
        expect(failed.detail).toMatch(says)
        expect(failed.detail).not.toContain("secret")
      }
      const { port } = yield* Effect.scoped(listen(net.createServer(), ownAddress))
      const failed = yield* failure(url, { forwardProxy: `http://${ownAddress}:${port}` })
      expect(failed.reason).toBe("unavailable")
      expect(failed.detail).toContain(`the forward proxy ${ownAddress}:${port}`)
    }),
  )

  it.scopedLive("that never answers: unavailable in time, and the connection to it is cut", () =>
    Effect.gen(function* () {
      const { cut, port } = yield* silentServer
      const options = { forwardProxy: `http://127.0.0.1:${port}`, connectTimeout: 50 }
      expect((yield* failure("http://127.0.0.1:9", options)).reason).toBe("unavailable")
      yield* cut
    }),
  )
})

describe("before any connection", () => {
  it.effect.each([
    ["not a url", /begins with http, https, ws or wss/],
    ["ftp://logs.example.com", /has to begin with http/],
    ["https://me:hunter2@logs.example.com", /no user and password/],
    ["https://logs.example.com/?token=hunter2", /leave out/],
    ["https://me:hunter2@", /begins with/],
  ] as const)("the address %s is refused", ([proxy, says]) =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(WsLinkDialer.make({ proxy, token: Redacted.make(goodToken) }))
      expect(error._tag).toBe("InvalidAddress")
      expect(error.detail).toMatch(says)
      expect(`${error.message} ${JSON.stringify(error)}`).not.toContain("hunter2")
    }),
  )

  it.effect("a forward proxy of another kind is refused", () =>
    Effect.gen(function* () {
      const options = { proxy: "https://x", token: Redacted.make(goodToken), forwardProxy: "socks5://out:1080" }
      expect((yield* Effect.flip(WsLinkDialer.make(options))).detail).toMatch(/another kind is not supported/)
    }),
  )

  it.scopedLive("a token that cannot be one is refused", () =>
    Effect.gen(function* () {
      const { url } = yield* endpoint()
      for (const token of ["", "two words", "line\nend", "ünicode"]) {
        const failed = yield* Effect.flip(dial(url, { token: Redacted.make(token) }))
        expect(failed).toMatchObject({ _tag: "LinkDialError", reason: "refused" })
      }
    }),
  )
})

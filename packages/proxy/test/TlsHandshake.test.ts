import { afterAll, describe, expect, it } from "@effect/vitest"
import * as LocalAuthority from "@rdl/test-kit/LocalAuthority"
import { Effect, Redacted } from "effect"
import * as Https from "node:https"
import * as Net from "node:net"
import * as ProxyServer from "../src/ProxyServer.ts"
import * as Fleet from "./Fleet.ts"

const authority = LocalAuthority.make()
afterAll(authority.remove)

/** The beginning of a handshake: it promises more than ever comes. */
const HELLO = Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc, 0x03, 0x03])

/** Waits until a connection is closed on which this is sent, and then a byte every 20 ms. */
const cut = (url: string, first: Uint8Array, more?: Uint8Array) =>
  Effect.async<void>((resume) => {
    const socket = Net.connect(Number(new URL(url).port), "127.0.0.1")
    const dribble = setInterval(() => void (more !== undefined && socket.writable && socket.write(more)), 20)
    socket.on("error", () => undefined).resume()
    socket.once("close", () => {
      clearInterval(dribble)
      resume(Effect.void)
    })
    socket.write(first)
    return Effect.sync(() => socket.destroy())
  })

const status = (url: string) =>
  Effect.async<number, Error>((resume) => {
    Https.get(`${url}/health`, { ca: authority.ca, agent: false }, (response) => {
      response.resume()
      resume(Effect.succeed(response.statusCode ?? 0))
    }).on("error", (error) => resume(Effect.fail(error)))
  })

describe.skipIf(!LocalAuthority.isAvailable)("A TLS handshake", () => {
  it("may take 15 s unless told otherwise", () => {
    expect(ProxyServer.defaults.handshakeTimeout).toBe(15_000)
  })

  it.scopedLive.each<[string, Uint8Array, Uint8Array | undefined]>([
    ["never begins", Buffer.of(), undefined],
    ["stops in its first message", HELLO, undefined],
    ["dribbles", HELLO, Buffer.of(0)],
  ])("that %s is cut, and others are made meanwhile", ([, first, more]) =>
    Effect.gen(function* () {
      const { cert, key } = authority.issue("127.0.0.1")
      const { url } = yield* Fleet.start({}, { tls: { cert, key: Redacted.make(key) }, handshakeTimeout: 500 })
      const slow = yield* Effect.fork(
        Effect.forEach(Array.from({ length: 5 }), () => cut(url, first, more), { concurrency: 5 }),
      )
      expect(yield* status(url)).toBe(200)
      yield* slow
    }),
  )
})

import { describe, expect, it, onTestFinished, vi } from "vitest"
import * as HttpLinkDialer from "@rdl/transport-http/HttpLinkDialer"
import { Effect, Either, Redacted } from "effect"
import { once } from "node:events"
import { createServer, type OutgoingHttpHeaders } from "node:http"
import { connect as dialTcp, type AddressInfo } from "node:net"
import { connect, frame, startProxy, tryDial } from "./world.ts"

/** A server that answers everything the same. */
const answering = async (status: number, headers: OutgoingHttpHeaders = {}, body = ""): Promise<string> => {
  const server = createServer((_req, res) => res.writeHead(status, headers).end(body))
  server.listen(0, "127.0.0.1")
  await once(server, "listening")
  onTestFinished(() => void server.close())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

const failure = async (url: string, options = {}) => {
  const result = await tryDial(url, options)
  if (Either.isRight(result)) throw new Error("the dial should have failed")
  const { _tag, detail, reason, retryAfterMs, status } = result.left
  return { _tag, reason, status, retryAfterMs, detail }
}

const page = { "content-type": "text/html" }

describe("HttpLinkDialer", () => {
  it.each([
    [401, "refused"],
    [403, "refused"],
    [409, "conflict"],
    [404, "unsupported"],
    [405, "unsupported"],
    [501, "unsupported"],
    [200, "unsupported"],
    [204, "unsupported"],
    [302, "unavailable"],
    [429, "unavailable"],
    [502, "unavailable"],
    [503, "unavailable"],
    [504, "unavailable"],
  ] as const)("reads %i as %s", async (status, reason) => {
    const url = await answering(status, { ...page, "retry-after": "7" })
    expect(await failure(url)).toMatchObject({ _tag: "LinkDialError", reason })
  })

  it("passes on how long the proxy asks to wait", async () => {
    const url = await answering(503, { "retry-after": "7" })
    expect(await failure(url)).toMatchObject({ reason: "unavailable", status: 503, retryAfterMs: 7_000 })
  })

  it("names an answer that is not the proxy's, and follows no redirect", async () => {
    expect((await failure(await answering(200, page, "<html>"))).detail).toContain("text/html")
    const redirect = await answering(302, { location: "https://login.example/x?token=1" })
    const { detail } = await failure(redirect)
    expect(detail).toContain("https://login.example")
    expect(detail).not.toContain("token=1")
    const wrong = await answering(201, { "content-type": "application/json" }, `{"hello":1}`)
    expect(await failure(wrong)).toMatchObject({ reason: "unsupported" })
  })

  it("says what is wrong with a token, an address, and a proxy that is not there", async () => {
    const world = await startProxy()
    expect(await failure(world.url, { token: Redacted.make("nonsense") })).toMatchObject({
      reason: "refused",
      status: 401,
    })
    expect(await failure(world.url, { token: Redacted.make("user") })).toMatchObject({ reason: "refused", status: 403 })
    expect(await failure(world.url, { token: Redacted.make("a b") })).toMatchObject({ reason: "refused" })
    await expect(tryDial("ftp://x")).rejects.toThrow("has to begin with http")
    await expect(tryDial("http://u:secret@x")).rejects.toThrow("no user and password")
    const { url } = world
    await world.close()
    expect(await failure(url)).toMatchObject({ reason: "unavailable", detail: expect.stringContaining("ECONNREFUSED") })
  })

  it("gives up on a proxy that does not answer in time", async () => {
    const silent = createServer(() => undefined)
    silent.listen(0, "127.0.0.1")
    await once(silent, "listening")
    onTestFinished(() => silent.close().closeAllConnections())
    const url = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`
    const started = performance.now()
    expect(await failure(url, { connectTimeout: "200 millis" })).toMatchObject({ reason: "unavailable" })
    expect(performance.now() - started).toBeLessThan(10_000)
  })

  it.each(["the option", "the environment", "the environment, for all", "the environment, without a scheme"])(
    "goes through an HTTP forward proxy of %s, and under a path",
    async (from) => {
      const world = await startProxy({ path: "/logs/link/v1/sessions" })
      const asked: Array<string> = []
      const forward = createServer((req, res) => {
        asked.push(req.url ?? "")
        const { pathname, search } = new URL(req.url ?? "")
        const upstream = dialTcp(world.port, "127.0.0.1")
        req.socket.on("close", () => upstream.destroy())
        upstream.on("error", () => res.destroy())
        const lines = Object.entries({ ...req.headers, connection: "close" }).map(
          ([name, value]) => `${name}: ${String(value)}`,
        )
        upstream.write(`${req.method} ${pathname}${search} HTTP/1.1\r\n${lines.join("\r\n")}\r\n\r\n`)
        req.pipe(upstream, { end: false })
        upstream.pipe(req.socket)
      })
      forward.listen(0, "127.0.0.1")
      await once(forward, "listening")
      onTestFinished(() => {
        forward.close()
        forward.closeAllConnections()
      })
      const forwardProxy = `http://127.0.0.1:${(forward.address() as AddressInfo).port}`
      const named = from.endsWith("scheme") ? forwardProxy.replace("http://", "") : forwardProxy
      for (const name of ["http_proxy", "HTTP_PROXY"]) vi.stubEnv(name, from.endsWith("all") ? "" : named)
      vi.stubEnv("all_proxy", from.endsWith("all") ? named : "http://127.0.0.1:1")
      vi.stubEnv("no_proxy", "")
      onTestFinished(() => void vi.unstubAllEnvs())
      const option = from === "the option" ? forwardProxy : undefined
      const { proxy, source } = await connect(world, { url: `${world.url}/logs/` }, { forwardProxy: option })
      source.link.send(frame(0))
      await expect.poll(() => proxy.frames.length).toBe(1)
      expect(asked[0]).toBe(`${world.url}/logs/link/v1/sessions`)
    },
  )

  it.each(["http://[", "socks5://user:secret@proxy:1080"])("refuses %s for a forward proxy", async (named) => {
    vi.stubEnv("http_proxy", named)
    onTestFinished(() => void vi.unstubAllEnvs())
    const refused = await Effect.runPromise(
      Effect.flip(HttpLinkDialer.make({ proxy: "http://proxy.test", token: Redacted.make("t") })),
    )
    expect(refused).toMatchObject({ _tag: "InvalidAddress" })
    expect(refused.message).toContain("forward proxy")
    expect(refused.message).not.toContain("secret")
  })
})

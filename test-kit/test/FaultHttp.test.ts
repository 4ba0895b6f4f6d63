import { afterEach, describe, expect, it } from "vitest"
import { FastCheck } from "effect"
import { once } from "node:events"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { Agent, request } from "undici"
import { FaultHttp } from "@rdl/test-kit/FaultHttp"

const opened: Array<() => unknown> = []
afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close()
})

/** A server that echoes, and remembers the bodies in the order they came. */
const setUp = async (options: { readonly buffering?: boolean; readonly connections?: number } = {}) => {
  const arrived: Array<string> = []
  const server = createServer((req, res) => {
    const chunks: Array<Buffer> = []
    req.on("data", (chunk: Buffer) => chunks.push(chunk))
    req.on("end", () => {
      const body = Buffer.concat(chunks)
      arrived.push(body.toString())
      res.writeHead(200, { "x-url": req.url }).end(body)
    })
  })
  server.listen(0, "127.0.0.1")
  await once(server, "listening")
  const relay = await FaultHttp.listen({ target: { port: (server.address() as AddressInfo).port }, ...options })
  const dispatcher = new Agent({ connections: options.connections ?? 4 })
  opened.push(
    () => server.close(),
    () => relay.close(),
    () => dispatcher.destroy(),
  )
  const post = async (body: string | Uint8Array, path = "/") => {
    const answer = await request(`${relay.url}${path}`, { method: "POST", body, dispatcher })
    return { status: answer.statusCode, url: answer.headers["x-url"], body: Buffer.from(await answer.body.bytes()) }
  }
  return { relay, arrived, post }
}

const any = () => true

describe("FaultHttp", () => {
  it.each([true, false])("is transparent without faults (buffering %s)", async (buffering) => {
    const { post } = await setUp({ buffering })
    await FastCheck.assert(
      FastCheck.asyncProperty(FastCheck.uint8Array({ maxLength: 100_000 }), async (body) => {
        const answer = await post(body, "/a/b?c=d")
        expect(answer.status).toBe(200)
        expect(answer.url).toBe("/a/b?c=d")
        expect(answer.body.equals(body)).toBe(true)
      }),
      { numRuns: 25 },
    )
  })

  it("swallows the answer of a request that the target has seen", async () => {
    const { relay, arrived, post } = await setUp()
    const rule = relay.inject(any, { fault: "swallow" })
    await expect(post("x")).rejects.toMatchObject({ code: "ECONNRESET" })
    expect(arrived).toEqual(["x"])
    expect(rule.hits()).toBe(1)
    expect((await post("y")).body.toString()).toBe("y")
  })

  it("answers in the target's place, and instead of what the target answered", async () => {
    const { relay, arrived, post } = await setUp()
    relay.inject(any, { fault: "answer", answer: { status: 503, headers: { "retry-after": "1" } } })
    relay.inject(any, { fault: "replace", answer: { status: 504 } })
    expect((await post("x")).status).toBe(503)
    expect(arrived).toEqual([])
    expect((await post("y")).status).toBe(504)
    expect(arrived).toEqual(["y"])
  })

  it("makes two requests arrive reversed", async () => {
    const { relay, arrived, post } = await setUp()
    relay.inject((seen) => seen.method === "POST", { fault: "reorder", ms: 30_000 })
    const first = post("first")
    await expect.poll(() => relay.requests).toBe(1)
    await Promise.all([first, post("second")])
    expect(arrived).toEqual(["second", "first"])
  })

  it("resets a kept-alive socket exactly when it is used again", async () => {
    const { relay, arrived, post } = await setUp({ connections: 1 })
    relay.inject((seen) => seen.onSocket > 0, { fault: "reset" })
    await post("x")
    await expect(post("y")).rejects.toMatchObject({ code: "ECONNRESET" })
    expect(arrived).toEqual(["x"])
  })
})

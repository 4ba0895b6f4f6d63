import { describe, expect, it, vi } from "vitest"
import { IncomingMessage } from "node:http"
import { Socket } from "node:net"
import type { Question } from "../src/Exchange.ts"
import * as RequestBody from "../src/RequestBody.ts"
import * as SourceLink from "../src/SourceLink.ts"
import { connect, frame, startProxy, type World } from "./world.ts"

const headers = { authorization: "Bearer source.edge-1" }

const create = async (world: World): Promise<string> => {
  const answer = await fetch(`${world.url}/link/v1/sessions`, { method: "POST", headers })
  const { session } = (await answer.json()) as { readonly session: string }
  return `${world.url}/link/v1/sessions/${session}`
}

describe("a goodbye over HTTP", () => {
  it("is 4 KiB at most", async () => {
    const session = await create(await startProxy())
    const say = async (length: number) => {
      const body = JSON.stringify({ clean: true, code: 0, reason: "" }).padEnd(length)
      return (await fetch(session, { method: "DELETE", headers, body })).status
    }
    expect([await say(4_097), await say(4_096)]).toEqual([413, 200])
  })

  it("has its reason cut to 512 characters, whoever says it", async () => {
    const world = await startProxy()
    const [one, two] = [await connect(world), await connect(world)]
    one.proxy.link.close(0, "p".repeat(600))
    two.source.link.close(0, "s".repeat(600))
    expect((await one.source.closed).reason).toBe("p".repeat(512))
    expect((await two.proxy.closed).reason).toBe("s".repeat(512))
  })
})

describe("the bodies of one session", () => {
  it("are four at a time, and a fifth is told to come again", async () => {
    const world = await startProxy()
    const session = new URL(await create(world))
    const link = await world.accepted()
    const sockets = Array.from({ length: 4 }, (_, n) => {
      const socket = new Socket().connect(world.port, "127.0.0.1")
      socket.on("error", () => undefined)
      socket.write(`POST ${session.pathname}/up?seq=${n} HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n`)
      socket.write(`authorization: ${headers.authorization}\r\n\r\n`)
      return socket
    })
    const up = () => fetch(`${session.href}/up?seq=0`, { method: "POST", headers, body: frame(0) })
    await expect.poll(async () => (await up()).status, { timeout: 20_000 }).toBe(503)
    expect(Number((await up()).headers.get("retry-after"))).toBeGreaterThan(0)
    for (const socket of sockets) socket.destroy()
    await expect.poll(async () => (await up()).status, { timeout: 20_000 }).toBe(200)
    link.destroy("the test is over")
  })

  it("may take 60 s each to come in", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] })
    try {
      const request = new IncomingMessage(new Socket())
      request.headers["content-length"] = "10"
      const body = RequestBody.read(request, 10)
      request.push("half")
      vi.advanceTimersByTime(59_999)
      expect(request.destroyed).toBe(false)
      vi.advanceTimersByTime(1)
      expect(await body).toBeUndefined()
      expect(request.destroyed).toBe(true)
    } finally {
      vi.useRealTimers()
    }
  })
})

describe("the answer to a source", () => {
  it("is waited for 15 s after a POST, and 7.5 s longer than a poll may be held", async () => {
    const asked: Array<Question> = []
    const link = SourceLink.make({
      ask: (question) => {
        asked.push(question)
        return new Promise(() => undefined)
      },
      terms: { session: "s".repeat(32), pollMs: 20_000, batchBytes: 524_288, window: 2 },
      backoff: { firstMs: 1, mostMs: 1, giveUpMs: 1 },
      release: () => undefined,
    })
    link.start({ onFrame: () => undefined, onDrain: () => undefined, onClose: () => undefined })
    link.send(frame(0))
    await expect
      .poll(() => asked.map(({ method, timeoutMs }) => [method, timeoutMs]))
      .toEqual([
        ["GET", 29_500],
        ["POST", 15_000],
      ])
    link.destroy("the test is over")
  })
})

describe("a goodbye that nobody hears", () => {
  it("is over in its second, though the clock is set back", async () => {
    const clock = vi.spyOn(Date, "now").mockReturnValue(3_600_000)
    try {
      let isReleased = false
      const link = SourceLink.make({
        ask: () => {
          clock.mockReturnValue(0)
          return Promise.resolve({ is: "failure", detail: "nobody is there" })
        },
        terms: { session: "s".repeat(32), pollMs: 20_000, batchBytes: 524_288, window: 2 },
        backoff: { firstMs: 1, mostMs: 10, giveUpMs: 30_000 },
        release: () => void (isReleased = true),
      })
      link.start({ onFrame: () => undefined, onDrain: () => undefined, onClose: () => undefined })
      clock.mockReturnValue(3_600_000)
      link.destroy("it is over")
      await vi.waitFor(() => expect(isReleased).toBe(true), { timeout: 20_000, interval: 20 })
    } finally {
      clock.mockRestore()
    }
  })
})

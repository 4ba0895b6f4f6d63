import { describe, expect, it } from "vitest"
import { Schema } from "effect"
import { Readable } from "node:stream"
import { Agent, request } from "undici"
import * as FrameBatch from "../src/FrameBatch.ts"
import { Created } from "../src/HttpWire.ts"
import { frame, numberOf, startProxy, upTo, watch, type World } from "./world.ts"

interface Reply {
  readonly status: number
  readonly type: string | undefined
  readonly bytes: Buffer
  readonly json: { readonly error?: { readonly code: string; readonly expected?: number }; readonly ack?: number }
  readonly headers: Record<string, unknown>
}

const sockets = new Agent({ connections: 16 })

const ask = async (
  world: World,
  method: "GET" | "POST" | "DELETE" | "PUT",
  tail: string,
  options: { readonly token?: string | null; readonly body?: Uint8Array | string; readonly chunked?: boolean } = {},
): Promise<Reply> => {
  const token = options.token === undefined ? "source.edge-1" : options.token
  const answer = await request(`${world.url}/link/v1/sessions${tail}`, {
    method,
    body: options.chunked === true ? chunks() : (options.body ?? null),
    headers: token === null ? {} : { authorization: `Bearer ${token}` },
    dispatcher: sockets,
  })
  const bytes = Buffer.from(await answer.body.bytes())
  const type = answer.headers["content-type"] as string | undefined
  const json = type === "application/json" ? (JSON.parse(bytes.toString()) as Reply["json"]) : {}
  return { status: answer.statusCode, type, bytes, json, headers: answer.headers }
}

/** A body whose length is not said beforehand. */
const chunks = () => Readable.from([frame(0)])

/** A session made by hand, and what the proxy makes of it. */
const session = async (world: World) => {
  const created = await ask(world, "POST", "")
  expect(created.status).toBe(201)
  const { session } = Schema.decodeUnknownSync(Created)(created.json)
  const proxy = watch(await world.accepted())
  const up = (seq: number, body = FrameBatch.join([frame(seq)]), token?: string) =>
    ask(world, "POST", `/${session}/up?seq=${seq}`, { body, ...(token === undefined ? {} : { token }) })
  const down = (ack: number) => ask(world, "GET", `/${session}/down?ack=${ack}`)
  return { session, proxy, up, down }
}

describe("the proxy's side of links over HTTP", () => {
  it("asks for the token before anything else (protocol-http.md#requests)", async () => {
    const world = await startProxy()
    for (const [method, tail] of [
      ["POST", ""],
      ["GET", "/nothing/down?ack=x"],
      ["PUT", "/a/b/c"],
    ] as const) {
      const without = await ask(world, method, tail, { token: null })
      expect([without.status, without.json.error?.code]).toEqual([401, "unauthorized"])
      expect(without.headers["www-authenticate"]).toBe("Bearer")
      expect((await ask(world, method, tail, { token: "user" })).status).toBe(403)
    }
  })

  it("leaves all other paths to the other listeners of the server", async () => {
    const world = await startProxy()
    const paths = ["/", "/link/v1/sessionsX", "/link/v1/ws", "/containers"]
    for (const path of paths) {
      const answer = await request(`${world.url}${path}`, { dispatcher: sockets })
      expect(await answer.body.text()).toBe("the user API")
    }
  })

  it("shows a session to its own source only", async () => {
    const world = await startProxy()
    const { session: id, up, proxy } = await session(world)
    const foreign = await up(0, undefined, "source.edge-2")
    expect([foreign.status, foreign.json.error?.code]).toEqual([404, "no-such-session"])
    const stolen = await ask(world, "DELETE", `/${id}`, {
      token: "source.edge-2",
      body: JSON.stringify({ clean: true, code: 0, reason: "" }),
    })
    expect(stolen.status).toBe(404)
    expect((await ask(world, "GET", "/unknown/down?ack=0")).status).toBe(404)
    expect((await up(0)).json.ack).toBe(1)
    expect(proxy.frames.length).toBe(1)
  })

  it("answers what it does not take with an error that says why", async () => {
    const world = await startProxy()
    const { session: id, up, down } = await session(world)
    const cases: ReadonlyArray<readonly [number, Promise<Reply>]> = [
      [405, ask(world, "GET", "")],
      [405, ask(world, "POST", `/${id}/down?ack=0`)],
      [404, ask(world, "GET", `/${id}/sideways`)],
      [400, ask(world, "GET", `/${id}/down`)],
      [400, ask(world, "GET", `/${id}/down?ack=-1`)],
      [400, ask(world, "POST", `/${id}/up?seq=1e3`, { body: "" })],
      [411, ask(world, "POST", `/${id}/up?seq=0`, { chunked: true })],
      [413, up(0, new Uint8Array(512 * 1024 + 1))],
      [409, down(5)],
    ]
    for (const [status, reply] of cases) expect([status, (await reply).status]).toEqual([status, status])
    for (const [, reply] of cases) expect((await reply).json.error?.code).toMatch(/^[a-z-]+$/)
  })

  it("takes a batch once, however often it comes (protocol-http.md#up)", async () => {
    const { up, proxy } = await session(await startProxy())
    const batch = FrameBatch.join([frame(0), frame(1)])
    expect((await up(0, batch)).json.ack).toBe(2)
    expect((await up(0, batch)).json.ack).toBe(2)
    const longer = FrameBatch.join([frame(0), frame(1), frame(2)])
    expect((await up(0, longer)).json.ack).toBe(3)
    expect(proxy.frames.map(numberOf)).toEqual([0, 1, 2])
  })

  it("holds batches that come early, and refuses those beyond the window", async () => {
    const { up, proxy } = await session(await startProxy())
    const early = [up(1), up(2)]
    await expect.poll(async () => (await up(9)).status).toBe(409)
    expect((await up(9)).json.error?.expected).toBe(0)
    expect(proxy.frames).toEqual([])
    await up(0)
    for (const reply of early) expect((await reply).status).toBe(200)
    expect(proxy.frames.map(numberOf)).toEqual([0, 1, 2])
  })

  it("ends the session at a body that is no row of whole frames", async () => {
    const { up, down, proxy } = await session(await startProxy())
    expect((await up(0, frame(0).subarray(0, 15))).status).toBe(400)
    expect(await proxy.closed).toMatchObject({ clean: false, code: 1 })
    expect((await down(0)).status).toBe(410)
  })

  it("gives the same frames again until they are acknowledged (protocol-http.md#down)", async () => {
    const { down, proxy } = await session(await startProxy())
    for (const n of upTo(3)) proxy.link.send(frame(n))
    const first = FrameBatch.splitNumbered((await down(0)).bytes)
    expect([first.first, first.frames.map(numberOf)]).toEqual([0, [0, 1, 2]])
    proxy.link.send(frame(3))
    const again = FrameBatch.splitNumbered((await down(0)).bytes)
    expect([again.first, again.frames.map(numberOf)]).toEqual([0, [0, 1, 2, 3]])
    const rest = FrameBatch.splitNumbered((await down(3)).bytes)
    expect([rest.first, rest.frames.map(numberOf)]).toEqual([3, [3]])
    expect((await down(0)).json.error?.expected).toBe(3)
  })

  it("lets a second poll take the place of the first", async () => {
    const { down, proxy } = await session(await startProxy())
    const first = down(0)
    const second = down(0)
    const replaced = await Promise.race([first, second])
    expect([replaced.status, replaced.bytes.length]).toEqual([204, 0])
    proxy.link.send(frame(0))
    const both = await Promise.all([first, second])
    expect(both.map((reply) => reply.status)).toEqual(expect.arrayContaining([200, 204]))
  })

  it("holds a poll about as long as it said, and then answers 204", async () => {
    const { down } = await session(await startProxy({ pollTime: "200 millis" }))
    const before = performance.now()
    expect((await down(0)).status).toBe(204)
    expect(performance.now() - before).toBeGreaterThan(170)
  })

  it("remembers for later requests how a session ended", async () => {
    const { down, up, proxy } = await session(await startProxy())
    const polled = down(0)
    proxy.link.close(11, "conflict")
    for (const reply of [polled, down(0), up(0)]) {
      expect((await reply).status).toBe(410)
      expect((await reply).json.error).toMatchObject({
        code: "session-closed",
        closed: { clean: true, code: 11, reason: "conflict" },
      })
    }
  })

  it("takes a goodbye for one only when every frame before it has come", async () => {
    const world = await startProxy()
    const one = await session(world)
    const bye = (frames: number) => JSON.stringify({ clean: true, code: 8, reason: "bye", frames })
    expect((await ask(world, "DELETE", `/${one.session}`, { body: bye(1) })).status).toBe(200)
    expect(await one.proxy.closed).toMatchObject({ clean: false })
    const two = await session(world)
    await two.up(0)
    await ask(world, "DELETE", `/${two.session}`, { body: bye(1) })
    expect(await two.proxy.closed).toEqual({ clean: true, code: 8, reason: "bye" })
  })

  it("bounds sessions, those of one source, and checks that wait", async () => {
    const world = await startProxy({ maxSessions: 3, maxSessionsPerSource: 2 })
    const create = (token: string) => ask(world, "POST", "", { token })
    expect((await create("source.a")).status).toBe(201)
    expect((await create("source.a")).status).toBe(201)
    const third = await create("source.a")
    expect([third.status, third.headers["retry-after"]]).toEqual([429, "5"])
    expect((await create("source.b")).status).toBe(201)
    const full = await create("source.c")
    expect([full.status, full.headers["retry-after"]]).toEqual([503, "5"])
    const busy = await startProxy({ maxPendingChecks: 0 })
    expect((await ask(busy, "POST", "")).status).toBe(503)
  })
})

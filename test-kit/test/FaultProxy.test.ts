import { afterEach, describe, expect, it } from "vitest"
import { FastCheck } from "effect"
import { once } from "node:events"
import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net"
import { FaultProxy } from "@rdl/test-kit/FaultProxy"

const opened: Array<() => unknown> = []
afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close()
})

/** A server that hands its connections to the test. */
const target = async (onConnection: (socket: Socket) => void): Promise<number> => {
  const sockets = new Set<Socket>()
  const server: Server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket)
    socket.on("error", () => undefined)
    onConnection(socket)
  })
  server.listen(0, "127.0.0.1")
  await once(server, "listening")
  opened.push(() => {
    server.close()
    for (const socket of sockets) socket.destroy()
  })
  return (server.address() as AddressInfo).port
}

const echo = () => target((socket) => socket.pipe(socket))

const through = async (port: number): Promise<FaultProxy> => {
  const proxy = await FaultProxy.listen({ target: { port } })
  opened.push(() => proxy.close())
  return proxy
}

const dial = async (proxy: FaultProxy): Promise<Socket> => {
  const socket = connect({ port: proxy.port, host: proxy.host, allowHalfOpen: true })
  opened.push(() => socket.destroy())
  await once(socket, "connect")
  return socket
}

const received = async (socket: Socket): Promise<Buffer> => {
  const chunks: Array<Buffer> = []
  for await (const chunk of socket) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

/** Collects what comes until the connection is gone, and how it went. */
const untilGone = (socket: Socket): Promise<{ readonly bytes: number; readonly error: string | undefined }> =>
  new Promise((resolve) => {
    let bytes = 0
    let error: string | undefined
    socket.on("data", (chunk: Buffer) => (bytes += chunk.length))
    socket.on("error", (cause: NodeJS.ErrnoException) => (error = cause.code))
    socket.on("end", () => socket.end())
    socket.on("close", () => resolve({ bytes, error }))
  })

describe("FaultProxy", () => {
  it("is transparent to the byte without faults, and with latency, slices and a rate, half-close included", async () => {
    const proxy = await through(await echo())
    await FastCheck.assert(
      FastCheck.asyncProperty(
        FastCheck.array(FastCheck.uint8Array({ maxLength: 20_000 }), { maxLength: 10 }),
        FastCheck.constantFrom({}, { latencyMs: 2, jitterMs: 3 }, { maxWrite: 900 }, { bytesPerSecond: 20_000_000 }),
        FastCheck.constantFrom({}, { latencyMs: 2, jitterMs: 3 }, { maxWrite: 900 }, { bytesPerSecond: 20_000_000 }),
        async (writes, up, down) => {
          proxy.heal()
          proxy.up.set(up)
          proxy.down.set(down)
          const before = { up: proxy.up.bytes, down: proxy.down.bytes }
          const socket = await dial(proxy)
          for (const write of writes) socket.write(write)
          socket.end()
          const sent = Buffer.concat(writes)
          expect(sent.equals(await received(socket))).toBe(true)
          expect(proxy.up.bytes - before.up).toBe(sent.length)
          expect(proxy.down.bytes - before.down).toBe(sent.length)
        },
      ),
      { numRuns: 60 },
    )
  })

  it.each([
    ["fin", undefined],
    ["rst", "ECONNRESET"],
  ] as const)("cuts after exactly the n-th byte, with %s", async (how, error) => {
    const gone: Array<ReturnType<typeof untilGone>> = []
    const proxy = await through(await target((socket) => gone.push(untilGone(socket))))
    const cut = proxy.up.cutAfter(1_000, how)
    const socket = await dial(proxy)
    const mine = untilGone(socket)
    socket.write(Buffer.alloc(5_000))
    await cut
    expect(await mine).toEqual({ bytes: 0, error })
    expect(await Promise.all(gone)).toMatchObject([{ bytes: 1_000 }])
    expect(proxy.up.bytes).toBe(1_000)
    expect(proxy.connections).toBe(1)
  })

  it("keeps a connection open in a blackhole, and what it swallowed stays lost", async () => {
    const proxy = await through(await echo())
    const socket = await dial(proxy)
    proxy.up.set({ blackhole: true })
    socket.write("lost")
    await expect.poll(() => proxy.up.swallowed).toBe(4)
    proxy.up.set({ blackhole: false })
    socket.end("kept")
    expect((await received(socket)).toString()).toBe("kept")
  })

  it("stops the sender while frozen and loses nothing", async () => {
    const proxy = await through(await echo())
    const socket = await dial(proxy)
    proxy.up.set({ freeze: true })
    const sent = Buffer.alloc(32 * 1024 * 1024, 7)
    expect(socket.write(sent)).toBe(false)
    const all = received(socket)
    await new Promise((resolve) => setTimeout(resolve, 100))
    expect(socket.writableLength).toBeGreaterThan(0)
    expect(proxy.up.bytes).toBe(0)
    proxy.up.set({ freeze: false })
    socket.end()
    expect((await all).length).toBe(sent.length)
  })

  it("refuses and admits again on the same port, and drops what is open on request", async () => {
    const proxy = await through(await echo())
    const open = untilGone(await dial(proxy))
    await proxy.refuse()
    await expect(dial(proxy)).rejects.toMatchObject({ code: "ECONNREFUSED" })
    expect(proxy.open).toBe(1)
    proxy.dropAll("rst")
    expect((await open).error).toBe("ECONNRESET")
    await proxy.admit()
    const again = await dial(proxy)
    again.end("hello")
    expect((await received(again)).toString()).toBe("hello")
  })
})

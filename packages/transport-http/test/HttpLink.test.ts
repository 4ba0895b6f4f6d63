import { describe, expect, it } from "vitest"
import { FaultProxy } from "@rdl/test-kit/FaultProxy"
import { connect, dial, frame, numberOf, startProxy, upTo, watch } from "./world.ts"

const patience = { timeout: 30_000 }

describe("a link over HTTP", () => {
  it("carries frames of all lengths both ways, whole and in order", async () => {
    const { source, proxy } = await connect(await startProxy())
    const lengths = [0, 1, 1000, 65_536, 262_144 - 8, 10]
    lengths.forEach((length, n) => source.link.send(frame(n, length)))
    lengths.forEach((length, n) => proxy.link.send(frame(n, length)))
    for (const end of [source, proxy]) {
      await expect.poll(() => end.frames.map(numberOf), patience).toEqual(upTo(lengths.length))
      expect(end.frames.map((frame) => frame.length - 12)).toEqual(lengths.map((length) => Math.max(8, length)))
    }
  })

  it("hands over first what came before the receiver", async () => {
    const world = await startProxy()
    const [source, proxy] = await Promise.all([dial(world.url), world.accepted()])
    for (const n of upTo(100)) {
      source.send(frame(n))
      proxy.send(frame(n))
    }
    proxy.close(8, "done")
    const far = watch(source)
    expect(await far.closed).toEqual({ clean: true, code: 8, reason: "done" })
    expect(far.frames.map(numberOf)).toEqual(upTo(100))
    expect(source.buffered()).toBe(0)
  })

  it("reads no more than 1 MiB ahead of the receiver, and loses nothing by waiting", async () => {
    const world = await startProxy()
    const [source, accepted] = await Promise.all([dial(world.url), world.accepted()])
    for (const n of upTo(64)) source.send(frame(n, 65_536))
    // What is neither held nor under way stays with the sender: 4 MiB less 1 MiB held and two batches.
    await new Promise((resolve) => setTimeout(resolve, 300))
    expect(source.buffered()).toBeGreaterThan(64 * 65_536 - 3 * 1024 * 1024)
    const proxy = watch(accepted)
    await expect.poll(() => proxy.frames.map(numberOf), patience).toEqual(upTo(64))
  })

  it("tells the sender when its bytes have gone", async () => {
    const { source, proxy } = await connect(await startProxy())
    for (const n of upTo(8)) source.link.send(frame(n, 65_536))
    expect(source.link.buffered()).toBeGreaterThan(256 * 1024)
    await expect.poll(() => proxy.frames.length, patience).toBe(8)
    expect(source.link.buffered()).toBe(0)
    expect(source.drains).toBeGreaterThan(0)
    for (const n of upTo(8)) proxy.link.send(frame(n, 65_536))
    expect(proxy.link.buffered()).toBeGreaterThan(256 * 1024)
    await expect.poll(() => proxy.link.buffered(), patience).toBe(0)
    expect(proxy.drains).toBeGreaterThan(0)
    expect(source.frames.map(numberOf)).toEqual(upTo(8))
  })

  it.each(["source", "proxy"] as const)("says goodbye from the %s after all that was sent before", async (side) => {
    const ends = await connect(await startProxy())
    const [near, far] = side === "source" ? [ends.source, ends.proxy] : [ends.proxy, ends.source]
    for (const n of upTo(20)) near.link.send(frame(n, 20_000))
    near.link.close(7, "replaced")
    near.link.send(frame(99))
    near.link.close(1, "again")
    expect(await far.closed).toEqual({ clean: true, code: 7, reason: "replaced" })
    expect(await near.closed).toEqual({ clean: true, code: 7, reason: "replaced" })
    expect(far.frames.map(numberOf)).toEqual(upTo(20))
    far.link.destroy("too late")
    expect([near.closes.length, far.closes.length]).toEqual([1, 1])
  })

  it.each(["source", "proxy"] as const)("is lost at the other end when the %s destroys it", async (side) => {
    const ends = await connect(await startProxy())
    const [near, far] = side === "source" ? [ends.source, ends.proxy] : [ends.proxy, ends.source]
    near.link.destroy("enough")
    expect(await near.closed).toEqual({ clean: false, code: 0, reason: "enough" })
    expect(await far.closed).toMatchObject({ clean: false })
    expect([near.closes.length, far.closes.length]).toEqual([1, 1])
  })

  it("closes within a second where nobody is left to hear the goodbye", async () => {
    const world = await startProxy()
    const relay = await FaultProxy.listen({ target: world })
    const { source, proxy } = await connect(world, relay)
    relay.up.set({ blackhole: true })
    relay.down.set({ blackhole: true })
    source.link.send(frame(0))
    const before = Date.now()
    source.link.close(0, "bye")
    expect(await source.closed).toEqual({ clean: false, code: 0, reason: "bye" })
    proxy.link.send(frame(0))
    proxy.link.close(0, "bye")
    expect(await proxy.closed).toEqual({ clean: false, code: 0, reason: "bye" })
    expect(Date.now() - before).toBeLessThan(10_000)
    await relay.close()
  })

  it("is lost at the proxy when no request came for the idle limit (protocol-http.md#end)", async () => {
    const world = await startProxy({ idleLimit: "2 seconds", pollTime: "100 millis" })
    const relay = await FaultProxy.listen({ target: world })
    const { proxy } = await connect(world, relay)
    await new Promise((resolve) => setTimeout(resolve, 2_500))
    expect(proxy.closes).toEqual([])
    relay.up.set({ blackhole: true })
    expect(await proxy.closed).toMatchObject({ clean: false, reason: "no request came for 2 s" })
    await relay.close()
  })

  it("ends the link of a source that does not fetch, at 1 MiB", async () => {
    const world = await startProxy()
    const relay = await FaultProxy.listen({ target: world })
    const { proxy } = await connect(world, relay)
    relay.down.set({ freeze: true })
    for (const n of upTo(17)) proxy.link.send(frame(n, 65_536))
    expect(await proxy.closed).toMatchObject({ clean: false, reason: expect.stringContaining("unfetched") })
    expect(proxy.link.buffered()).toBe(0)
    await relay.close()
  })

  it("ends the link of a sender that does not heed `buffered`, at 8 MiB", async () => {
    const { source } = await connect(await startProxy())
    for (const n of upTo(140)) source.link.send(frame(n, 65_536))
    expect(await source.closed).toMatchObject({ clean: false, reason: expect.stringContaining("sent at once") })
  })

  it("keeps frames while the proxy does not read, and passes them on when it does", async () => {
    const world = await startProxy()
    const relay = await FaultProxy.listen({ target: world })
    const { source, proxy } = await connect(world, relay)
    relay.up.set({ freeze: true })
    for (const n of upTo(80)) source.link.send(frame(n, 65_536))
    await expect.poll(() => source.link.buffered()).toBeGreaterThan(256 * 1024)
    expect(proxy.frames.length).toBe(0)
    relay.up.set({ freeze: false })
    await expect.poll(() => proxy.frames.map(numberOf), patience).toEqual(upTo(80))
    expect(source.link.buffered()).toBe(0)
    await relay.close()
  })

  it.each(["source", "proxy"] as const)(
    "is lost, and takes nothing else with it, when the %s's receiver throws",
    async (side) => {
      const world = await startProxy()
      const [source, accepted] = await Promise.all([dial(world.url), world.accepted()])
      const [near, far] = side === "source" ? [source, watch(accepted)] : [accepted, watch(source)]
      const closed = new Promise((onClose) => {
        const onFrame = () => {
          throw new Error("a bug")
        }
        near.start({ onFrame, onDrain: () => undefined, onClose })
      })
      far.link.send(frame(0))
      expect(await closed).toMatchObject({ clean: false, code: 2, reason: expect.stringContaining("a bug") })
      expect(await far.closed).toMatchObject({ clean: false })
    },
  )

  it("ends every link with SHUTTING_DOWN when the server's scope closes", async () => {
    const world = await startProxy()
    const { source, proxy } = await connect(world)
    proxy.link.send(frame(0))
    await world.close()
    expect(await source.closed).toMatchObject({ clean: true, code: 8 })
    expect(source.frames.length).toBe(1)
    expect(proxy.closes).toMatchObject([{ clean: true, code: 8 }])
  })
})

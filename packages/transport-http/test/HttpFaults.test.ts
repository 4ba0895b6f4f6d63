import { describe, expect, it, onTestFinished } from "vitest"
import { FastCheck } from "effect"
import { FaultHttp, type HttpFault, type Seen } from "@rdl/test-kit/FaultHttp"
import { FaultProxy } from "@rdl/test-kit/FaultProxy"
import { connect, type End, frame, numberOf, sleep, startProxy, upTo, type World } from "./world.ts"

const patience = { timeout: 30_000 }
const isUp = (seen: Seen) => seen.url.includes("/up?")
const isDown = (seen: Seen) => seen.url.includes("/down?")
const html = { status: 200, headers: { "content-type": "text/html" }, body: "<html>welcome</html>" }

const relayTo = async (world: World, buffering = false): Promise<FaultHttp> => {
  const relay = await FaultHttp.listen({ target: world, buffering })
  onTestFinished(() => relay.close())
  return relay
}

/** Sends `count` frames, waiting as a sender must. */
const sendAll = async (end: End, count: number, length: number): Promise<void> => {
  for (const n of upTo(count)) {
    while (end.link.buffered() > 256 * 1024 && end.closes.length === 0) await sleep(1)
    end.link.send(frame(n, length))
    if (n % 7 === 0) await sleep(1)
  }
}

const faults: ReadonlyArray<readonly [string, HttpFault]> = [
  ["a lost answer", { fault: "swallow" }],
  ["a lost request", { fault: "reset" }],
  ["a late answer", { fault: "delay", ms: 60 }],
  ["two requests that arrive reversed", { fault: "reorder", ms: 60 }],
  ["502", { fault: "answer", answer: { status: 502 } }],
  ["503 with Retry-After", { fault: "answer", answer: { status: 503, headers: { "retry-after": "0" } } }],
  ["504 after it was applied", { fault: "replace", answer: { status: 504 } }],
  ["a page of HTML with 200", { fault: "answer", answer: html }],
  ["a page of HTML after it was applied", { fault: "replace", answer: html }],
  ["a redirect", { fault: "answer", answer: { status: 302, headers: { location: "https://login.example/" } } }],
  ["somebody else's 404", { fault: "answer", answer: { status: 404, body: "not found" } }],
  ["somebody else's 204 ", { fault: "answer", answer: { status: 204 } }],
]

describe("a link over HTTP through a path that fails", () => {
  it.each(faults)("delivers each frame once, in order, through %s", async (_name, fault) => {
    const world = await startProxy()
    const relay = await relayTo(world)
    const { source, proxy } = await connect(world, relay)
    const ups = relay.inject(isUp, fault, 3)
    const downs = relay.inject(isDown, fault, 2)
    await Promise.all([sendAll(source, 40, 40_000), sendAll(proxy, 40, 2_000)])
    await expect.poll(() => proxy.frames.length, patience).toBe(40)
    await expect.poll(() => source.frames.length, patience).toBe(40)
    expect(proxy.frames.map(numberOf)).toEqual(upTo(40))
    expect(source.frames.map(numberOf)).toEqual(upTo(40))
    expect(ups.hits() + downs.hits()).toBeGreaterThan(1)
    expect([source.closes, proxy.closes]).toEqual([[], []])
  })

  it("halves bodies that something on the way finds too long, down to one frame", async () => {
    const world = await startProxy()
    const relay = await relayTo(world)
    const tooLong = relay.inject((seen) => seen.body.length > 66_000, { fault: "answer", answer: { status: 413 } }, 1e9)
    const { source, proxy } = await connect(world, relay)
    await sendAll(source, 40, 65_536)
    await expect.poll(() => proxy.frames.map(numberOf), patience).toEqual(upTo(40))
    expect(tooLong.hits()).toBeGreaterThan(0)
    relay.inject(isUp, { fault: "answer", answer: { status: 413 } }, 1e9)
    source.link.send(frame(40, 65_536))
    expect(await source.closed).toMatchObject({ clean: false, reason: expect.stringContaining("413") })
  })

  it("waits as long as Retry-After says", async () => {
    const world = await startProxy()
    const relay = await relayTo(world)
    const answer = { status: 503, headers: { "retry-after": "1" } }
    relay.inject(isUp, { fault: "answer", answer })
    const { source, proxy } = await connect(world, relay)
    const before = performance.now()
    source.link.send(frame(0))
    await expect.poll(() => proxy.frames.length, patience).toBe(1)
    expect(performance.now() - before).toBeGreaterThan(950)
  })

  it("survives sockets that are closed exactly when they are used again", async () => {
    const world = await startProxy()
    const relay = await relayTo(world)
    const { source, proxy } = await connect(world, relay)
    const cut = relay.inject((seen) => seen.onSocket > 0, { fault: "reset" }, 8)
    await Promise.all([sendAll(source, 60, 20_000), sendAll(proxy, 60, 500)])
    await expect.poll(() => proxy.frames.map(numberOf), patience).toEqual(upTo(60))
    await expect.poll(() => source.frames.map(numberOf), patience).toEqual(upTo(60))
    expect(cut.hits()).toBeGreaterThan(0)
  })

  it.each([
    ["reset", { fault: "reset" }],
    ["swallow", { fault: "swallow" }],
  ] as const)("says its goodbye again when it was not heard (%s)", async (_name, fault) => {
    const world = await startProxy()
    const relay = await relayTo(world)
    const { source, proxy } = await connect(world, relay)
    relay.inject((seen) => seen.method === "DELETE", fault)
    source.link.close(7, "bye")
    expect(await source.closed).toEqual({ clean: true, code: 7, reason: "bye" })
    expect(await proxy.closed).toEqual({ clean: true, code: 7, reason: "bye" })
  })

  it("does not spin where something on the way answers polls at once (protocol-http.md#down)", async () => {
    const world = await startProxy()
    const relay = await relayTo(world)
    const empty = relay.inject(isDown, { fault: "answer", answer: { status: 204 } }, 1e9)
    await connect(world, relay)
    await expect.poll(() => empty.hits(), patience).toBe(1)
    await sleep(500)
    expect(empty.hits()).toBe(1)
  })

  it("works where answers are passed on only when they are whole", async () => {
    const world = await startProxy()
    const { source, proxy } = await connect(world, await relayTo(world, true))
    await Promise.all([sendAll(source, 40, 65_536), sendAll(proxy, 40, 2_000)])
    await expect.poll(() => proxy.frames.map(numberOf), patience).toEqual(upTo(40))
    await expect.poll(() => source.frames.map(numberOf), patience).toEqual(upTo(40))
  })

  it.each([
    ["up", isUp],
    ["down", isDown],
  ] as const)("gives the link up after the time without success, and says why (%s)", async (_way, match) => {
    const world = await startProxy({ pollTime: "100 millis" })
    const relay = await relayTo(world)
    const { source, proxy } = await connect(world, relay, { giveUp: "500 millis" })
    relay.inject(match, { fault: "answer", answer: html }, 1e9)
    source.link.send(frame(0))
    expect(await source.closed).toMatchObject({ clean: false, reason: expect.stringContaining("text/html") })
    expect(await proxy.closed).toMatchObject({ clean: false })
  })

  it("is lost when the proxy does not know the session any more, in the middle of sending", async () => {
    const world = await startProxy()
    const relay = await relayTo(world)
    const { source, proxy } = await connect(world, relay)
    const body = JSON.stringify({ error: { code: "no-such-session", message: "there is no such session" } })
    const headers = { "content-type": "application/json" }
    relay.inject(isUp, { fault: "answer", answer: { status: 404, headers, body } })
    await sendAll(source, 10, 65_536)
    expect(await source.closed).toMatchObject({ clean: false, reason: expect.stringContaining("no such session") })
    expect(await proxy.closed).toMatchObject({ clean: false })
  })

  it("delivers each frame once and in order, or reports the loss, whatever TCP does", async () => {
    const world = await startProxy({ pollTime: "300 millis", idleLimit: "2 seconds" })
    const relay = await FaultProxy.listen({ target: world })
    onTestFinished(() => relay.close())
    const way = FastCheck.constantFrom("up", "down")
    const step = FastCheck.oneof(
      FastCheck.record({ do: FastCheck.constant("cut"), way, bytes: FastCheck.nat(200_000), rst: FastCheck.boolean() }),
      FastCheck.record({ do: FastCheck.constantFrom("drop", "refuse", "freeze", "slice", "slow"), way }),
    )
    const schedule = FastCheck.array(FastCheck.tuple(FastCheck.integer({ min: 1, max: 60 }), step), { maxLength: 6 })
    await FastCheck.assert(
      FastCheck.asyncProperty(
        schedule,
        FastCheck.array(FastCheck.nat(70_000), { minLength: 1, maxLength: 40 }),
        FastCheck.array(FastCheck.nat(3_000), { minLength: 1, maxLength: 40 }),
        async (schedule, ups, downs) => {
          const { source, proxy } = await connect(world, relay, { retryBase: "10 millis" })
          const sent = sendLengths(source, ups)
          const answered = sendLengths(proxy, downs)
          for (const [ms, step] of schedule) {
            await sleep(ms)
            await apply(relay, step)
          }
          await relay.admit()
          relay.heal()
          await Promise.all([sent, answered])
          await expect.poll(() => isDone(proxy, ups.length) && isDone(source, downs.length), patience).toBe(true)
          for (const [end, count] of [
            [proxy, ups.length],
            [source, downs.length],
          ] as const)
            expect(end.frames.map(numberOf)).toEqual(upTo(end.frames.length).slice(0, count))
          source.link.destroy("the test is over")
          await proxy.closed
        },
      ),
      { numRuns: 25 },
    )
  })
})

const isDone = (end: End, count: number): boolean => end.frames.length >= count || end.closes.length > 0

const sendLengths = async (end: End, lengths: ReadonlyArray<number>): Promise<void> => {
  for (const [n, length] of lengths.entries()) {
    end.link.send(frame(n, length))
    if (n % 3 === 0) await sleep(2)
  }
}

interface Step {
  readonly do: string
  readonly way: string
  readonly bytes?: number
  readonly rst?: boolean
}

const apply = async (relay: FaultProxy, step: Step): Promise<void> => {
  const direction = step.way === "up" ? relay.up : relay.down
  if (step.do === "cut") void direction.cutAfter(step.bytes ?? 0, step.rst === true ? "rst" : "fin")
  else if (step.do === "drop") relay.dropAll("rst")
  else if (step.do === "refuse") await relay.refuse()
  else if (step.do === "freeze") direction.set({ freeze: true })
  else if (step.do === "slice") direction.set({ maxWrite: 50 })
  else direction.set({ latencyMs: 10, jitterMs: 20 })
}

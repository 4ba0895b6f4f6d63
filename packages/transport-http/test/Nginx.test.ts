import * as Nginx from "@rdl/test-kit/Nginx"
import { describe, expect, it, onTestFinished } from "vitest"
import { connect, frame, numberOf, sleep, startProxy, upTo } from "./world.ts"

describe.skipIf(!Nginx.isInstalled())("a link over HTTP behind a real nginx with its defaults", () => {
  it("carries frames both ways at once, whole and in order, and a goodbye", async () => {
    const world = await startProxy()
    const { url, stop } = await Nginx.listen(world.port)
    onTestFinished(stop)
    const { source, proxy } = await connect(world, { url })
    const count = 200
    for (const n of upTo(count)) {
      while (source.link.buffered() > 256 * 1024) await sleep(1)
      source.link.send(frame(n, 65_536))
      proxy.link.send(frame(n, 200))
      if (n % 5 === 0) await sleep(1)
    }
    await expect.poll(() => proxy.frames.length, { timeout: 30_000 }).toBe(count)
    await expect.poll(() => source.frames.length, { timeout: 30_000 }).toBe(count)
    expect(proxy.frames.map(numberOf)).toEqual(upTo(count))
    expect(source.frames.map(numberOf)).toEqual(upTo(count))
    source.link.close(0, "done")
    expect(await proxy.closed).toEqual({ clean: true, code: 0, reason: "done" })
  })
})

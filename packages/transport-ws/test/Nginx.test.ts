import { describe, expect, it } from "@effect/vitest"
import * as Nginx from "@rdl/test-kit/Nginx"
import { Effect } from "effect"
import { dial, endpoint } from "./Loopback.ts"

const nginx = (target: number, directives?: string) =>
  Effect.acquireRelease(
    Effect.promise(() => Nginx.listen(target, directives)),
    ({ stop }) => Effect.promise(stop),
  )

const frame = (n: number, size: number): Buffer => {
  const bytes = Buffer.alloc(12 + size, n)
  bytes.writeUInt8(0x12)
  bytes.writeUInt32BE(n + 1, 4)
  bytes.writeUInt32BE(size, 8)
  return bytes
}

describe.skipIf(!Nginx.isInstalled())("a link over WebSocket behind a real nginx", () => {
  it.scopedLive("carries frames both ways at once, whole and in order, and a goodbye", () =>
    Effect.gen(function* () {
      const { accepted, port } = yield* endpoint()
      const { url } = yield* nginx(port, Nginx.passUpgrades)
      const source = yield* dial(url)
      const proxy = yield* accepted
      source.start()
      proxy.start()
      const numbers = Array.from({ length: 100 }, (_, n) => n)
      for (const n of numbers) {
        source.link.send(frame(n, 65_536))
        proxy.link.send(frame(n, 200))
      }
      yield* proxy.until(() => proxy.frames.length === numbers.length)
      yield* source.until(() => source.frames.length === numbers.length)
      expect(proxy.frames.every((got, n) => got.equals(frame(n, 65_536)))).toBe(true)
      expect(source.frames.every((got, n) => got.equals(frame(n, 200)))).toBe(true)
      source.link.close(0, "done")
      expect(yield* proxy.closed).toEqual({ clean: true, code: 0, reason: "done" })
    }),
  )

  it.scopedLive(
    "is refused as unsupported, so that another transport may be tried, where upgrades are not passed on",
    () =>
      Effect.gen(function* () {
        const { port } = yield* endpoint()
        const { url } = yield* nginx(port)
        expect(yield* Effect.flip(dial(url))).toMatchObject({ _tag: "LinkDialError", reason: "unsupported" })
      }),
  )
})

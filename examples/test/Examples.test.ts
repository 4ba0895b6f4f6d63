import type { AddressInfo } from "node:net"
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import { expect, it } from "@effect/vitest"
import * as RdlClient from "@rdl/core/api/RdlClient"
import * as TokenCodec from "@rdl/core/token/TokenCodec"
import * as TokenKey from "@rdl/core/token/TokenKey"
import * as SampleEngine from "@rdl/sample-engine/SampleEngine"
import { Effect, Layer, Redacted, Schedule } from "effect"
import { program } from "../embed-proxy.ts"
import { sourceLayer } from "../embed-source.ts"
import { errorCounts } from "../error-counts.ts"

const tokens = Effect.gen(function* () {
  const [key] = yield* TokenKey.parse(JSON.stringify(yield* TokenKey.generate("EdDSA")))
  const now = Math.floor(Date.now() / 1000)
  const issue = (sub: string, role: "source" | "user") =>
    Effect.map(
      TokenCodec.issue(key!, { sub, role, iat: now, exp: now + 3600, jti: crypto.randomUUID() }),
      Redacted.make,
    )
  return { key: key!, source: yield* issue("shop", "source"), user: yield* issue("ada", "user") }
})

it.scopedLive("a proxy, a source and a tool embed in programs of others and work together", () =>
  Effect.gen(function* () {
    const engine = yield* SampleEngine.make()
    const container = engine.createContainer({ name: "till", state: "running" })
    container.log("stdout", "sold one\n")
    container.log("stderr", "drawer stuck\n")
    container.log("stderr", "drawer stuck again\n")
    const { key, source, user } = yield* tokens

    const server = yield* program(key, 0)
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    expect(yield* Effect.promise(() => fetch(url).then((page) => page.text()))).toBe("the shop is open\n")

    yield* Layer.build(sourceLayer({ proxy: url, token: source, engine: engine.url }))
    const counts = yield* errorCounts.pipe(
      // Until the source has linked and told what it has.
      Effect.filterOrFail((found) => found.length > 0),
      Effect.retry(Schedule.spaced("20 millis")),
      Effect.provide(RdlClient.layer({ url: new URL(url), token: user }).pipe(Layer.provide(FetchHttpClient.layer))),
    )
    expect(counts).toEqual([{ container: "shop/till", lines: 2 }])
  }),
)

import { once } from "node:events"
import { mkdtemp, rm } from "node:fs/promises"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setTimeout } from "node:timers/promises"
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
import { goOn } from "../go-on.ts"
import { takeNew } from "../keep-place.ts"
import { openClient, startProxy, startSource } from "../plain-node.ts"

const tokens = Effect.gen(function* () {
  const jwk = JSON.stringify(yield* TokenKey.generate("EdDSA"))
  const [key] = yield* TokenKey.parse(jwk)
  const now = Math.floor(Date.now() / 1000)
  const issue = (sub: string, role: "source" | "user") =>
    Effect.map(
      TokenCodec.issue(key!, { sub, role, iat: now, exp: now + 3600, jti: crypto.randomUUID() }),
      Redacted.make,
    )
  const publicJwk = JSON.stringify(yield* TokenKey.publicHalf(jwk))
  return { key: key!, publicJwk, source: yield* issue("shop", "source"), user: yield* issue("ada", "user") }
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

it.scopedLive("all of them do so in a program of promises, and end when they are told to", () =>
  Effect.gen(function* () {
    const engine = yield* SampleEngine.make()
    const container = engine.createContainer({ name: "till", state: "running" })
    container.log("stdout", "sold one\n")
    const { publicJwk, source, user } = yield* tokens

    yield* Effect.promise(async () => {
      const server = createServer((_, response) => response.end("the shop is open\n"))
      const proxy = await startProxy(server, publicJwk)
      await once(server.listen(0, "127.0.0.1"), "listening")
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
      const here = await startSource(url, Redacted.value(source), engine.url)
      const client = openClient(url, Redacted.value(user))
      expect(await fetch(url).then((page) => page.text())).toBe("the shop is open\n")
      await until(async () => (await client.containers()).length === 1)
      const lines: Array<string> = []
      for await (const entry of client.follow("shop/till")) {
        if (!("line" in entry)) continue
        lines.push(entry.line)
        if (lines.length === 1) container.log("stdout", "sold two\n")
        else break
      }
      expect(lines).toEqual(["sold one", "sold two"])
      await client.close()
      await here.close()
      await proxy.close()
      expect(await fetch(`${url}/containers`).then((page) => page.text())).toBe("the shop is open\n")
      server.closeAllConnections()
      await once(server.close(), "close")
    })
  }),
)

it.scopedLive("a program that only fetches goes on with a log where it stopped", () =>
  Effect.gen(function* () {
    const engine = yield* SampleEngine.make()
    const container = engine.createContainer({ name: "till", state: "running" })
    for (const line of ["one", "two", "three"]) container.log("stdout", `${line}\n`)
    const { key, source, user } = yield* tokens
    const server = yield* program(key, 0)
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    yield* Layer.build(sourceLayer({ proxy: url, token: source, engine: engine.url }))

    yield* Effect.promise(async () => {
      const log = `${url}/containers/shop/till/logs`
      const token = Redacted.value(user)
      await until(() => fetch(log, { headers: { authorization: `Bearer ${token}` } }).then(({ ok }) => ok))
      let cursor: string | undefined
      for await (const entry of goOn(log, token)) {
        cursor = entry.cursor
        if (entry.line === "two") break
      }
      const rest: Array<unknown> = []
      for await (const { end, line } of goOn(log, token, cursor)) rest.push(line ?? end)
      expect(rest).toEqual(["three", { reason: "eof" }])
      await expect(goOn(`${url}/containers/gone/logs`, token).next()).rejects.toThrow("no such container: gone")
    })
  }),
)

it.scopedLive("a program that keeps its place takes each line once, over its own end and the end of its taking", () =>
  Effect.gen(function* () {
    const engine = yield* SampleEngine.make()
    const container = engine.createContainer({ name: "till", state: "running" })
    for (const line of ["one", "two", "three"]) container.log("stdout", `${line}\n`)
    const { key, source, user } = yield* tokens
    const server = yield* program(key, 0)
    const url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
    yield* Layer.build(sourceLayer({ proxy: url.href, token: source, engine: engine.url }))
    const directory = yield* Effect.acquireRelease(
      Effect.promise(() => mkdtemp(join(tmpdir(), "rdl-place-"))),
      (made) => Effect.promise(() => rm(made, { recursive: true })),
    )
    const taken: Array<string> = []
    const takeUntil = (stop: string) =>
      takeNew("shop/till", join(directory, "place"), (entry) => {
        if ("line" in entry && entry.line === stop) return Effect.die("the program was killed")
        taken.push("line" in entry ? entry.line : JSON.stringify(entry))
        return Effect.void
      }).pipe(Effect.provide(RdlClient.layer({ url, token: user }).pipe(Layer.provide(FetchHttpClient.layer))))
    // Until the source has linked and told what it has.
    const started = Effect.retry(takeUntil("two"), Schedule.spaced("20 millis"))
    expect(yield* Effect.exit(started)).toMatchObject({ _tag: "Failure" })
    expect(taken).toEqual(["one"])
    yield* takeUntil("none")
    container.log("stdout", "four\n")
    yield* takeUntil("none")
    const end = JSON.stringify({ end: { reason: "eof" } })
    expect(taken).toEqual(["one", "two", "three", end, "four", end])
    // Another container of the name has another log.
    container.remove()
    engine.createContainer({ name: "till", state: "running" })
    const isOfAnother = (error: RdlClient.RdlError) => error._tag === "ApiError" && error.code === "bad-parameter"
    const refused = Effect.flip(takeUntil("none")).pipe(
      Effect.filterOrFail(isOfAnother),
      Effect.retry(Schedule.spaced("20 millis")),
    )
    expect(yield* refused).toMatchObject({ parameter: "resume" })
  }),
)

/** Asks again until it is so, at most 15 s. */
const until = async (isSo: () => Promise<boolean>): Promise<void> => {
  for (const end = Date.now() + 15_000; !(await isSo().catch(() => false)); await setTimeout(20))
    if (Date.now() > end) throw new Error("it did not come to that within 15 s")
}

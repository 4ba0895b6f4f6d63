import { describe, expect, it } from "@effect/vitest"
import { SourceRegistry } from "@rdl/core/routing/SourceRegistry"
import * as TokenCodec from "@rdl/core/token/TokenCodec"
import * as TokenKey from "@rdl/core/token/TokenKey"
import * as ProxyServer from "@rdl/proxy/ProxyServer"
import * as SampleEngine from "@rdl/sample-engine/SampleEngine"
import * as Source from "@rdl/source/Source"
import { Context, Effect, Layer, Logger } from "effect"
import { mkdtempSync, renameSync, rmSync, truncateSync, unlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as KeyFile from "../src/KeyFile.ts"
import * as ProxyProgram from "../src/ProxyProgram.ts"
import * as FaultWorld from "./FaultWorld.ts"
import * as UserAnswer from "./UserAnswer.ts"

interface Key {
  readonly jwk: TokenKey.Jwk
  readonly issue: (role: "user" | "source", sub: string) => Effect.Effect<string>
}

const makeKey = Effect.gen(function* () {
  const jwk = yield* TokenKey.generate("EdDSA")
  const [key] = yield* TokenKey.parse(JSON.stringify(jwk))
  const half = yield* TokenKey.publicHalf(JSON.stringify(jwk))
  const issue: Key["issue"] = (role, sub) => {
    const iat = Math.floor(Date.now() / 1000)
    return Effect.orDie(TokenCodec.issue(key!, { sub, role, iat, exp: iat + 3_600, jti: crypto.randomUUID() }))
  }
  return { jwk: half as TokenKey.Jwk, issue } satisfies Key
})

/** A key file, and a proxy that follows it. */
const world = Effect.fnUntraced(function* (first: ReadonlyArray<Key>) {
  const directory = yield* Effect.acquireRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "rdl-keys-"))),
    (made) => Effect.sync(() => rmSync(made, { recursive: true })),
  )
  const path = join(directory, "keys.jwk")
  const put = (text: string) => {
    writeFileSync(`${path}.new`, text)
    renameSync(`${path}.new`, path)
  }
  const write = (keys: ReadonlyArray<Key>) => put(JSON.stringify({ keys: keys.map(({ jwk }) => jwk) }))
  write(first)
  const logged: Array<string> = []
  const logger = Logger.replace(
    Logger.defaultLogger,
    Logger.make(({ logLevel, message }) => void logged.push(`${logLevel.label} ${[message].flat().join(" ")}`)),
  )
  const keys = yield* KeyFile.watch(path, () => Effect.void).pipe(Effect.provide(logger))
  const listen = { host: "127.0.0.1", port: 0 }
  const proxy = yield* Layer.build(ProxyProgram.layer({ keys, listen, resumeWindow: 0 })).pipe(Effect.provide(logger))
  const { url } = Context.get(proxy, ProxyServer.ProxyServer)
  const ask = (path: string, token: string) => UserAnswer.ask(`${url}${path}`, token)
  const status = (token: string) => Effect.scoped(Effect.map(ask("/sources", token), (answer) => answer.status))
  const becomes = (token: string, wanted: number) => Effect.repeat(status(token), { until: (seen) => seen === wanted })
  const errors = () => logged.filter((line) => line.startsWith("ERROR"))
  return { ask, becomes, errors, path, put, registry: Context.get(proxy, SourceRegistry), status, url, write }
})

describe.concurrent("Keys of a file that changes while the proxy runs", { timeout: 60_000 }, () => {
  it.scopedLive("are good from when they are added, beside those that were there", () =>
    Effect.gen(function* () {
      const [old, fresh] = [yield* makeKey, yield* makeKey]
      const { becomes, status, write } = yield* world([old])
      const [before, after] = [yield* old.issue("user", "ann"), yield* fresh.issue("user", "ann")]
      expect([yield* status(before), yield* status(after)]).toEqual([200, 401])
      write([old, fresh])
      yield* becomes(after, 200)
      expect(yield* status(before)).toBe(200)
      write([fresh])
      yield* becomes(before, 401)
      expect(yield* status(after)).toBe(200)
    }),
  )

  it.scopedLive.each(FaultWorld.carriers)(
    "end what the tokens of one opened when it is taken out, and nothing else: links by %s, and logs",
    (carrier) =>
      Effect.gen(function* () {
        const [old, fresh] = [yield* makeKey, yield* makeKey]
        const { ask, registry, url, write } = yield* world([old, fresh])
        const engine = yield* SampleEngine.make()
        const web = engine.createContainer({ name: "web" })
        for (const [name, key] of [
          ["old-edge", old],
          ["new-edge", fresh],
        ] as const) {
          const dialer = FaultWorld.dialerLayer(carrier, url, yield* key.issue("source", name))
          yield* Layer.build(Layer.provide(Source.layer({ engine: engine.url, env: {}, agent: "rdl/test" }), dialer))
          yield* FaultWorld.until(() => FaultWorld.isLinked(registry, name))
        }
        const follow = (token: string) => ask("/containers/new-edge/web/logs?follow=1&host=none", token)
        const gone = yield* follow(yield* old.issue("user", "ann"))
        const stays = yield* follow(yield* fresh.issue("user", "bob"))
        web.log("stdout", "before\n")
        yield* FaultWorld.until(() => gone.text() === "before\n" && stays.text() === "before\n")
        const began = Date.now()
        write([fresh])
        expect(yield* gone.ended).toBe("broken")
        yield* FaultWorld.until(() => FaultWorld.status(registry, "old-edge")?.connected === false)
        // Within 5 s; the rest is for a busy machine.
        expect(Date.now() - began).toBeLessThan(5_000 + 10_000)
        expect(FaultWorld.status(registry, "new-edge")?.connected).toBe(true)
        web.log("stdout", "after\n")
        yield* FaultWorld.until(() => stays.text() === "before\nafter\n")
        expect([gone.text(), stays.isOver()]).toEqual(["before\n", false])
      }),
  )

  it.scopedLive(
    "stay those of before while the file is bad or gone, which is said once, and change with a good one",
    () =>
      Effect.gen(function* () {
        const [old, fresh] = [yield* makeKey, yield* makeKey]
        const { becomes, errors, path, put, status, write } = yield* world([old])
        const before = yield* old.issue("user", "ann")
        const breaks: ReadonlyArray<readonly [how: () => void, said: RegExp]> = [
          [() => put('{"keys":[{"kty":"oct","k":"c2VjcmV0"}]}'), /at least 256 bits/],
          [() => truncateSync(path, 0), /is empty/],
          [() => put('{"keys":[]}'), /the JWK set is empty/],
          [() => unlinkSync(path), /no such file/],
        ]
        for (const [at, [spoil, said]] of breaks.entries()) {
          spoil()
          yield* FaultWorld.until(() => errors().length === at + 1)
          expect(errors()[at]).toMatch(said)
          expect(errors()[at]).toMatch(/keys\.jwk.*; the keys before stay in force$/)
          for (let asked = 0; asked < 10; asked++) expect(yield* status(before)).toBe(200)
        }
        write([fresh])
        yield* becomes(before, 401)
        expect(yield* status(yield* fresh.issue("user", "ann"))).toBe(200)
        expect(errors()).toHaveLength(breaks.length)
        expect(errors().join()).not.toContain("c2VjcmV0")
      }),
  )
})

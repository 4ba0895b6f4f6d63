import { describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { readFileSync } from "node:fs"
import * as Fleets from "./Fleet.ts"
import { Fleet } from "./Fleet.ts"
import { rdlProcess, serving } from "./RdlProcess.ts"

const rdl = rdlProcess()

describe("rdl proxy and rdl source", () => {
  it.scopedLive("tell what was last told of a source that is gone, and that it has no log now", () =>
    Effect.gen(function* () {
      const { container, proxy, run, source } = yield* Fleet
      ;(yield* container({ name: "web" })).log("stdout", "last\n")
      yield* Effect.promise(() => source.stop("SIGKILL"))
      yield* Effect.promise(() => proxy.says(/the link of the source edge-1 is gone/))
      expect((yield* run(["ps"])).stdout).toContain("(source offline)")
      expect((yield* run(["sources"])).stdout).toMatch(/^edge-1 +Offline /m)
      const refused = yield* run(["logs", "web"])
      expect(refused).toMatchObject({ code: 1, stdout: "" })
      expect(refused.stderr).toMatch(/^rdl: the source edge-1 is offline[^\n]*\n$/)
    }).pipe(Effect.provide(Fleets.layer(rdl))),
  )

  it.scopedLive("refuse a token that was revoked, and end what it had opened", () =>
    Effect.gen(function* () {
      const { container, revoked, run, start, user } = yield* Fleet
      ;(yield* container({ name: "web" })).log("stdout", "line\n")
      const follower = yield* start(["logs", "-f", "web"])
      yield* Effect.promise(() => follower.says(/line/))
      expect(yield* run(["token", "revoke", "--revoked-file", revoked])).toMatchObject({ code: 0, stdout: "" })
      expect(readFileSync(revoked, "utf8")).toMatch(/^[0-9a-f-]{36}\n$/)
      expect(yield* Effect.promise(() => follower.ended)).toBe(1)
      const refused = yield* run(["ps"])
      expect(refused).toMatchObject({ code: 1, stdout: "" })
      expect(refused.stderr).toMatch(/^rdl: http:\S+ does not take the token: [^\n]+\n$/)
      expect(yield* run(["ps"], yield* user())).toMatchObject({ code: 0 })
    }).pipe(Effect.provide(Fleets.layer(rdl))),
  )

  it.scopedLive("stop cleanly on SIGTERM, with exit code 0 and nothing secret in their logs", () =>
    Effect.gen(function* () {
      const { proxy, source, user } = yield* Fleet
      expect(yield* Effect.promise(() => source.stop("SIGTERM"))).toBe(0)
      yield* Effect.promise(() => proxy.says(/the source stops/))
      expect(yield* Effect.promise(() => proxy.stop("SIGTERM"))).toBe(0)
      const { RDL_TOKEN = "" } = yield* user()
      for (const { stderr, stdout } of [proxy, source]) {
        expect(stdout()).toBe("")
        expect(stderr()).not.toContain(RDL_TOKEN.slice(0, 20))
        expect(stderr()).toMatch(/^(\d{4}-\S+Z \w+ +[^\n]+\n)+$/)
      }
    }).pipe(Effect.provide(Fleets.layer(rdl))),
  )

  it.live("warn of a key that the proxy should not have, and only of such a one", () =>
    Effect.promise(async () => {
      const said = async (key: string) => {
        const proxy = serving(rdl.start(["proxy", "--listen", "127.0.0.1:0"], { env: { RDL_KEY: key } }))
        await proxy.says(/listening on/)
        await proxy.stop()
        return proxy.stderr()
      }
      const { stdout: whole } = await rdl.run(["key", "generate"])
      const { stdout: half } = await rdl.run(["key", "public"], { env: { RDL_KEY: whole } })
      const { stdout: shared } = await rdl.run(["key", "generate", "--alg", "HS256"])
      expect(await said(whole)).toMatch(/warn +this proxy was given a private key: /)
      for (const key of [half, shared]) expect(await said(key)).not.toContain("private")
    }),
  )

  it.live.each<[string, ReadonlyArray<string>, Record<string, string>, number, RegExp]>([
    ["a proxy without a key", ["proxy"], {}, 2, /there is no key: .*rdl key public/],
    [
      "a proxy with a weak key",
      ["proxy"],
      { RDL_KEY: '{"kty":"oct","k":"AAAA"}' },
      2,
      /at least 256 bits, this one has 24/,
    ],
    ["a source without a proxy", ["source"], {}, 2, /proxy is missing: give --proxy or set RDL_PROXY/],
    ["a source without a token", ["source", "--proxy", "http://x"], {}, 2, /there is no token/],
    [
      "a source with what is no token",
      ["source", "--proxy", "http://x"],
      { RDL_TOKEN: "x" },
      2,
      /the token is of no use/,
    ],
    [
      "an address that is none",
      ["proxy", "--listen", "7070x"],
      {},
      2,
      /--listen: "7070x" is not an address to listen on/,
    ],
    [
      "a way to link that is none",
      ["source"],
      { RDL_PROXY: "http://x", RDL_LINK: "pigeon" },
      2,
      /RDL_LINK: "pigeon" is none of auto, ws, http/,
    ],
    [
      "an engine that is none",
      ["source"],
      { RDL_PROXY: "http://x", DOCKER_HOST: "ssh://x" },
      2,
      /DOCKER_HOST: "ssh:\/\/x" is no engine: ssh is not supported/,
    ],
  ])("do not start with %s", ([, words, env, code, sentence]) =>
    Effect.gen(function* () {
      const refused = yield* Effect.promise(() => rdl.run(words, { env }))
      expect(refused).toMatchObject({ code, stdout: "" })
      expect(refused.stderr).toMatch(sentence)
      expect(refused.stderr.trim().split("\n")).toHaveLength(1)
    }),
  )
})

import { describe, expect, it } from "@effect/vitest"
import type { TokenClaims } from "@rdl/core/token/TokenClaims"
import * as TokenCodec from "@rdl/core/token/TokenCodec"
import * as TokenKey from "@rdl/core/token/TokenKey"
import * as LocalAuthority from "@rdl/test-kit/LocalAuthority"
import { Effect } from "effect"
import { readFileSync, statSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { afterAll } from "vitest"
import * as SampleEngine from "@rdl/sample-engine/SampleEngine"
import * as OpenAddress from "../src/OpenAddress.ts"
import { rdlProcess, type Serving, serving } from "./RdlProcess.ts"

const rdl = rdlProcess()
const authority = LocalAuthority.make()
afterAll(authority.remove)

const file = (name: string, text: string): string => {
  const path = join(rdl.directory, name)
  writeFileSync(path, text)
  return path
}

const run = (words: ReadonlyArray<string>, env: Record<string, string> = {}) =>
  Effect.promise(() => rdl.run(words, { env }))

const start = (words: ReadonlyArray<string>, env: Record<string, string> = {}) =>
  Effect.acquireRelease(
    Effect.sync(() => serving(rdl.start(words, { env }))),
    (process: Serving) => Effect.promise(() => process.stop("SIGKILL")),
  )

const says = (process: Serving, what: RegExp) => Effect.promise(() => process.says(what))

/** A key, and tokens that it signs. */
const keys = Effect.gen(function* () {
  const jwk = JSON.stringify(yield* TokenKey.generate("EdDSA"))
  const [key] = yield* TokenKey.parse(jwk)
  const issue = (role: TokenClaims["role"], sub: string) => {
    const iat = Math.floor(Date.now() / 1000)
    return Effect.orDie(TokenCodec.issue(key!, { role, sub, iat, exp: iat + 3_600, jti: sub }))
  }
  return { issue, proxyKey: { RDL_KEY: JSON.stringify(yield* TokenKey.publicHalf(jwk)) } }
})

describe.skipIf(!LocalAuthority.isAvailable)("rdl with TLS of an authority of one's own", () => {
  it.scopedLive.each(["ws", "http"])(
    "links by %s and is asked, where --tls-ca names it, and not where it does not",
    (link) =>
      Effect.gen(function* () {
        const pair = authority.issue("proxy")
        const [cert, key, ca] = [file("c.pem", pair.cert), file("k.pem", pair.key), file("ca.pem", authority.ca)]
        const { issue, proxyKey } = yield* keys
        const words = ["proxy", "--listen", "127.0.0.1:0", "--tls-cert", cert, "--tls-key", key]
        const proxy = yield* start(words, proxyKey)
        const [, url = ""] = yield* says(proxy, /listening on (https:\S+)/)
        const engine = yield* SampleEngine.make()
        engine.createContainer({ name: "web" }).log("stdout", "hello\n")
        const RDL_TOKEN = yield* issue("source", "edge-1")
        const dial = ["source", "--proxy", url, "--link", link, "--engine", engine.url]
        const strange = yield* start(dial, { RDL_TOKEN })
        yield* says(strange, /certificate/)
        yield* Effect.promise(() => strange.stop("SIGKILL"))
        const source = yield* start([...dial, "--tls-ca", ca], { RDL_TOKEN })
        yield* says(source, /linked to the proxy/)
        const user = { RDL_PROXY: url, RDL_TOKEN: yield* issue("user", "ann") }
        const logs = ["logs", "edge-1/web", "--host", "none"]
        const asked = run([...logs, "--tls-ca", ca], user)
        expect(yield* Effect.repeat(asked, { until: ({ stdout }) => stdout !== "" })).toMatchObject({
          stdout: "hello\n",
        })
        const refused = yield* run(logs, user)
        expect(refused).toMatchObject({ code: 1, stdout: "" })
        expect(refused.stderr).toContain("--tls-ca")
      }),
  )

  it.live.each<[string, ReadonlyArray<string>, RegExp]>([
    ["a certificate without its key", ["--tls-cert", "x"], /--tls-cert and --tls-key go together/],
    ["client authorities without TLS", ["--tls-client-ca", "x"], /--tls-client-ca needs --tls-cert/],
    [
      "a certificate that is none",
      ["--tls-cert", "/dev/null", "--tls-key", "/dev/null"],
      /--tls-key: .*cannot be used/,
    ],
    ["a web server that is no network", ["--trust-proxy", "10.0.0.0/99"], /"10.0.0.0\/99" is no network/],
    ["a rate that is none", ["--user-rate", "0"], /--user-rate: "0" is no whole number/],
    ["an audit that cannot be written", ["--audit", "/nowhere/audit"], /--audit: cannot write "\/nowhere\/audit"/],
    ["a log of another format", ["--log-format", "xml"], /--log-format: "xml" is none of pretty, json/],
  ])("does not start a proxy with %s", ([, words, said]) =>
    Effect.gen(function* () {
      const { proxyKey } = yield* keys
      const refused = yield* run(["proxy", "--listen", "127.0.0.1:0", ...words], proxyKey)
      expect(refused.code).toBeGreaterThan(0)
      expect(refused.stderr).toMatch(said)
    }),
  )
})

describe("A proxy with a policy", () => {
  it.scopedLive("puts down each request, tells in JSON, limits users and counts it all", () =>
    Effect.gen(function* () {
      const { issue, proxyKey } = yield* keys
      const audit = join(rdl.directory, "audit.jsonl")
      const config = file(
        "proxy.yaml",
        `audit: ${audit}\nuser-rate: 1\nlog-format: json\ntrust-proxy: 10.0.0.0/8, 127.0.0.1\n`,
      )
      const proxy = yield* start(["proxy", "--listen", "127.0.0.1:0", "--config", config], proxyKey)
      const [, url = ""] = yield* says(proxy, /listening on (http:[^\s"]+)/)
      const token = yield* issue("user", "ann")
      const get = (path: string) =>
        Effect.promise(async () => {
          const headers = { authorization: `Bearer ${token}`, "x-forwarded-for": "198.51.100.7" }
          const answer = await fetch(url + path, { headers })
          return { status: answer.status, text: await answer.text() }
        })
      const statuses = yield* Effect.forEach([1, 2, 3, 4, 5, 6], () =>
        Effect.map(get("/sources?x=secret"), ({ status }) => status),
      )
      expect(statuses).toContain(400)
      expect(statuses).toContain(429)
      const metrics = yield* Effect.repeat(Effect.delay(get("/metrics"), "100 millis"), {
        until: ({ status }) => status === 200,
      })
      expect(metrics.text).toMatch(/rdl_requests_total\{route="\/sources",status="429"\} \d/)
      expect(yield* Effect.promise(() => proxy.stop("SIGTERM"))).toBe(0)
      const entries = readFileSync(audit, "utf8")
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line) as Record<string, unknown>)
      expect(entries.length).toBeGreaterThanOrEqual(7)
      expect(entries[0]).toMatchObject({ address: "198.51.100.7", subject: "ann", path: "/sources", status: 400 })
      expect(statSync(audit).mode & 0o777).toBe(0o600)
      const written = readFileSync(audit, "utf8") + proxy.stderr()
      for (const secret of [token.slice(0, 20), "secret"]) expect(written).not.toContain(secret)
      for (const line of proxy.stderr().trim().split("\n")) expect(JSON.parse(line)).toMatchObject({ level: "info" })
    }),
  )

  it.scopedLive("tells less or more of itself as --log-level says, by flag or environment", () =>
    Effect.gen(function* () {
      const { proxyKey } = yield* keys
      for (const [words, env] of [
        [["--log-level", "debug"], {}],
        [[], { RDL_LOG_LEVEL: "debug" }],
      ] as const) {
        const proxy = yield* start(["proxy", "--listen", "127.0.0.1:0", ...words], { ...proxyKey, ...env })
        const [, url = ""] = yield* says(proxy, /listening on (http:\S+)/)
        yield* Effect.promise(() => fetch(`${url}/sources`))
        yield* says(proxy, /debug +a token was refused/)
      }
      const env = { ...proxyKey, RDL_LOG_LEVEL: "error" }
      yield* Effect.flatMap(start(["proxy", "--listen", "127.0.0.1:0", "--log-level", "info"], env), (proxy) =>
        says(proxy, /info +listening on/),
      )
    }),
  )
})

describe("A source with a policy", () => {
  it.scopedLive("takes patterns from flags and environment, and refuses what is none", () =>
    Effect.gen(function* () {
      const { issue, proxyKey } = yield* keys
      const engine = yield* SampleEngine.make()
      for (const name of ["web-1", "web-2", "vault"])
        engine.createContainer({ name }).log("stdout", "user=ann password=hunter2 ok\n")
      const proxy = yield* start(["proxy", "--listen", "127.0.0.1:0"], proxyKey)
      const [, url = ""] = yield* says(proxy, /listening on (http:\S+)/)
      const source = ["source", "--proxy", url, "--engine", engine.url]
      const RDL_TOKEN = yield* issue("source", "edge-1")
      const bad = yield* run([...source, "--deny", "a b"], { RDL_TOKEN })
      expect(bad).toMatchObject({ code: 2 })
      expect(bad.stderr).toMatch(/--deny: "a b" is no pattern/)
      const senseless = yield* run([...source, "--redact", "x*"], { RDL_TOKEN })
      expect(senseless.stderr).toMatch(/--redact: "x\*" matches where there is nothing/)
      const env = { RDL_TOKEN, RDL_DENY: "vault, *-2", RDL_REDACT: "password=\\S+\nuser=\\S+" }
      yield* Effect.flatMap(start([...source, "--allow", "web-*", "--allow", "vault"], env), (running) =>
        says(running, /linked to the proxy/),
      )
      const user = { RDL_PROXY: url, RDL_TOKEN: yield* issue("user", "ann") }
      const listed = yield* Effect.repeat(run(["ps", "-q"], user), { until: ({ stdout }) => stdout !== "" })
      expect(listed.stdout.trim().split("\n")).toHaveLength(1)
      expect((yield* run(["ps"], user)).stdout).toMatch(/edge-1 +web-1 /)
      expect((yield* run(["logs", "web-1", "--host", "none"], user)).stdout).toBe("[redacted] [redacted] ok\n")
    }),
  )
})

describe("An address", () => {
  it.each([
    ["8.8.8.8", true],
    ["10.1.2.3", false],
    ["172.16.0.1", false],
    ["172.32.0.1", true],
    ["192.168.1.1", false],
    ["127.0.0.1", false],
    ["169.254.1.1", false],
    ["100.64.0.1", false],
    ["100.128.0.1", true],
    ["::1", false],
    ["fd12::1", false],
    ["fe80::1", false],
    ["2001:db8::1", true],
    ["localhost", false],
    ["logs.example.org", true],
  ])("%s is open to the internet: %s", (address, open) => {
    expect(OpenAddress.isPublic(address)).toBe(open)
  })

  it("that stands for all is as open as the machine's most open one", () => {
    const interfaces = { lo: [{ address: "127.0.0.1" }, { address: "2001:db8::1" }], eth0: [{ address: "10.0.0.5" }] }
    expect(OpenAddress.find("0.0.0.0", interfaces)).toBeUndefined()
    expect(OpenAddress.find("::", interfaces)).toBe("2001:db8::1")
    expect(OpenAddress.find("0.0.0.0", { ...interfaces, eth1: [{ address: "192.0.2.7" }] })).toBe("192.0.2.7")
    expect(OpenAddress.find("127.0.0.1", { eth1: [{ address: "192.0.2.7" }] })).toBeUndefined()
  })
})

import { describe, expect, it } from "@effect/vitest"
import { SourceRegistry } from "@rdl/core/routing/SourceRegistry"
import * as TokenCodec from "@rdl/core/token/TokenCodec"
import * as TokenKey from "@rdl/core/token/TokenKey"
import * as ProxyServer from "@rdl/proxy/ProxyServer"
import * as SampleEngine from "@rdl/sample-engine/SampleEngine"
import * as LocalAuthority from "@rdl/test-kit/LocalAuthority"
import { Context, Effect, Layer, Logger, Redacted } from "effect"
import { once } from "node:events"
import { existsSync, readdirSync, statSync, writeFileSync } from "node:fs"
import * as Https from "node:https"
import { join } from "node:path"
import { connect, type TLSSocket } from "node:tls"
import { afterAll } from "vitest"
import * as ProxyProgram from "../src/ProxyProgram.ts"
import * as ProxyTls from "../src/ProxyTls.ts"
import { startSource } from "../src/SourceProgram.ts"
import { hasDocker } from "./DockerFleet.ts"
import * as FaultWorld from "./FaultWorld.ts"
import { rdlProcess } from "./RdlProcess.ts"

const rdl = rdlProcess()
const authority = LocalAuthority.make()
const stranger = LocalAuthority.make()
afterAll(() => {
  authority.remove()
  stranger.remove()
})

let made = 0
const file = (text: string): string => {
  const path = join(rdl.directory, `tls-${++made}.pem`)
  writeFileSync(path, text)
  return path
}

const pair = (of: LocalAuthority.LocalAuthority, name: string) => {
  const { cert, key } = of.issue(name)
  return { cert: file(cert), key: file(key) }
}

/** A proxy that lets nobody in without a certificate of the authority, in front of one container. */
const world = Effect.gen(function* () {
  const [key] = yield* TokenKey.parse(JSON.stringify(yield* TokenKey.generate("EdDSA")))
  const issue = (role: "user" | "source", sub: string) => {
    const iat = Math.floor(Date.now() / 1000)
    return Effect.orDie(TokenCodec.issue(key!, { sub, role, iat, exp: iat + 3_600, jti: crypto.randomUUID() }))
  }
  const ca = file(authority.ca)
  const shown = pair(authority, "proxy-1")
  const logged: Array<string> = []
  const logger = Logger.replace(
    Logger.defaultLogger,
    Logger.make(({ message }) => void logged.push([message].flat().join(" "))),
  )
  const listen = { host: "127.0.0.1", port: 0 }
  const layer = ProxyProgram.layer({ keys: [key!], listen, tls: { ...shown, clientCa: ca } })
  const proxy = yield* Effect.provide(Layer.build(layer), logger)
  const { url } = Context.get(proxy, ProxyServer.ProxyServer)
  const registry = Context.get(proxy, SourceRegistry)
  const engine = yield* SampleEngine.make()
  const web = engine.createContainer({ name: "web" })
  const client = pair(authority, "client")
  const source = (name: string, link: "ws" | "http", paths: Partial<ProxyTls.Paths>) =>
    Effect.gen(function* () {
      const none = { tlsCa: undefined, tlsClientCert: undefined, tlsClientKey: undefined }
      const token = Redacted.make(yield* issue("source", name))
      const terms = { name, engine: engine.url, proxy: url, token, link, forwardProxy: "none" } as const
      yield* startSource({ ...terms, ...(yield* ProxyTls.read({ ...none, ...paths })) })
    }).pipe(Effect.provide(logger))
  const linked = (name: string) => FaultWorld.until(() => FaultWorld.isLinked(registry, name))
  const paths = { tlsCa: ca, tlsClientCert: client.cert, tlsClientKey: client.key }
  return { ca, client, issue, linked, logged, paths, registry, shown, source, url, web }
})

/** A log that is followed over TLS. */
const follow = (url: string, token: string, client: { readonly cert: string; readonly key: string }) =>
  Effect.acquireRelease(
    Effect.async<{ readonly text: () => string; readonly isOver: () => boolean; readonly leave: () => void }>(
      (resume) => {
        const headers = { authorization: `Bearer ${token}` }
        const request = Https.get(url, { agent: false, ca: authority.ca, ...client, headers }, (response) => {
          let text = ""
          let isOver = false
          response.setEncoding("utf8").on("data", (piece: string) => (text += piece))
          response.on("error", () => {}).on("close", () => (isOver = true))
          resume(Effect.succeed({ text: () => text, isOver: () => isOver, leave: () => void request.destroy() }))
        })
        request.on("error", (error) => resume(Effect.die(error)))
      },
    ),
    ({ leave }) => Effect.sync(leave),
  )

/** Whose certificate a new connection is shown. */
const shownNow = (url: string, client: { readonly cert: string; readonly key: string }) =>
  Effect.promise(async () => {
    const { hostname, port } = new URL(url)
    const socket: TLSSocket = connect({ host: hostname, port: Number(port), ca: authority.ca, ...client })
    await once(socket, "secureConnect")
    const { CN } = socket.getPeerCertificate().subject
    socket.destroy()
    return CN
  })

describe.skipIf(!LocalAuthority.isAvailable)("A proxy that asks for certificates of its clients", () => {
  it.scopedLive.each(["ws", "http"] as const)("is linked by %s to sources that show one, and to no others", (link) =>
    Effect.gen(function* () {
      const { linked, logged, paths, registry, source } = yield* world
      yield* source("good", link, paths)
      yield* linked("good")
      const foreign = pair(stranger, "client")
      yield* source("none", link, { tlsCa: paths.tlsCa })
      yield* source("foreign", link, { tlsCa: paths.tlsCa, tlsClientCert: foreign.cert, tlsClientKey: foreign.key })
      const refused = () => logged.filter((line) => line.startsWith("no link to "))
      // The proxy cuts these off, and which of its words come through before that is chance.
      yield* FaultWorld.until(() => refused().length >= 2)
      for (const name of ["none", "foreign"]) expect(FaultWorld.status(registry, name)).toBeUndefined()
    }),
  )

  it.scopedLive.each(["ws", "http"] as const)(
    "shows a renewed certificate to who comes, while links by %s and logs go on",
    (link) =>
      Effect.gen(function* () {
        const { client, issue, linked, logged, paths, shown, source, url, web } = yield* world
        yield* source("edge-1", link, paths)
        yield* linked("edge-1")
        const texts = authority.issue("client")
        const log = yield* follow(`${url}/containers/web/logs?follow=1&host=none`, yield* issue("user", "ann"), texts)
        web.log("stdout", "before\n")
        yield* FaultWorld.until(() => log.text() === "before\n")
        expect(yield* shownNow(url, texts)).toBe("proxy-1")
        const next = authority.issue("proxy-2")
        writeFileSync(shown.cert, next.cert)
        writeFileSync(shown.key, next.key)
        yield* Effect.repeat(shownNow(url, texts), { until: (name) => name === "proxy-2" })
        web.log("stdout", "after\n")
        yield* FaultWorld.until(() => log.text() === "before\nafter\n")
        expect(log.isOver()).toBe(false)
        expect(logged.filter((line) => /link of the source edge-1 is gone/.test(line))).toEqual([])
        // What a source shows may be renewed as well: the next that dials shows it.
        const renewed = authority.issue("client-2")
        writeFileSync(client.cert, renewed.cert)
        writeFileSync(client.key, renewed.key)
        yield* source("edge-2", link, paths)
        yield* linked("edge-2")
      }),
  )

  it.scopedLive("answers rdl, Docker's command and rdl health that show one, and tells the others what they lack", () =>
    Effect.gen(function* () {
      const { issue, linked, paths, shown, source, url, web } = yield* world
      yield* source("edge-1", "ws", paths)
      yield* linked("edge-1")
      web.log("stdout", "hello\n")
      const state = join(rdl.directory, "state")
      const user = {
        RDL_PROXY: url,
        RDL_TOKEN: yield* issue("user", "ann"),
        RDL_TLS_CA: paths.tlsCa,
        RDL_STATE_DIR: state,
      }
      const env = { ...user, RDL_TLS_CLIENT_CERT: paths.tlsClientCert, RDL_TLS_CLIENT_KEY: paths.tlsClientKey }
      const run = (words: ReadonlyArray<string>, how: Record<string, string>) =>
        Effect.promise(() => rdl.run(words, { env: { ...how, PATH: process.env["PATH"] ?? "" } }))
      const logs = ["logs", "edge-1/web", "--host=none"]
      expect(yield* run(logs, env)).toEqual({ code: 0, stdout: "hello\n", stderr: "" })
      const refused = yield* run(logs, user)
      expect(refused).toMatchObject({ code: 1, stdout: "" })
      expect(refused.stderr).toContain("--tls-client-cert")
      const half = yield* run(logs, { ...user, RDL_TLS_CLIENT_CERT: paths.tlsClientCert })
      expect(half.stderr).toContain("--tls-client-cert and --tls-client-key go together")
      if (hasDocker()) {
        expect(yield* run(["docker", "--", ...logs.slice(0, 2)], env)).toEqual({
          code: 0,
          stdout: "hello\n",
          stderr: "",
        })
        const keys = () =>
          readdirSync(join(state, "docker"), { recursive: true, encoding: "utf8" })
            .filter((path) => path.endsWith("key.pem"))
            .map((path) => join(state, "docker", path))
        expect(keys().map((path) => statSync(path).mode & 0o777)).toEqual([0o600])
        expect((yield* run(["docker", "--", "ps"], user)).code).toBe(1)
        expect(keys()).toEqual([])
        yield* run(["logout"], env)
        expect(existsSync(join(state, "docker"))).toBe(false)
      }
      const health = ["health", "proxy", `--listen=${new URL(url).host}`, `--tls-cert=${shown.cert}`]
      const client = { RDL_TLS_CLIENT_CERT: paths.tlsClientCert, RDL_TLS_CLIENT_KEY: paths.tlsClientKey }
      expect(yield* run(health, client)).toEqual({ code: 0, stdout: "ready\n", stderr: "" })
      const unwell = yield* run(health, {})
      expect(unwell.code).toBe(1)
      expect(unwell.stderr).toContain("--tls-client-cert")
    }),
  )

  it.effect.each<readonly [string, (good: LocalAuthority.Pair) => Partial<LocalAuthority.Pair>]>([
    ["a certificate that is none", () => ({ cert: "x" })],
    ["a key that is none", () => ({ key: "x" })],
    ["the key of another", () => ({ key: authority.issue("other").key })],
  ])("is shown no %s: that is told at once, and nothing of the key", ([, bad]) =>
    Effect.gen(function* () {
      const good = authority.issue("client")
      const { cert, key } = { ...good, ...bad(good) }
      const paths = { tlsCa: undefined, tlsClientCert: file(cert), tlsClientKey: file(key) }
      const error = yield* Effect.flip(ProxyTls.read(paths))
      expect(error.message).toMatch(/^--tls-client-cert, --tls-client-key: cannot use /)
      expect(error.message).not.toContain("PRIVATE")
    }),
  )
})

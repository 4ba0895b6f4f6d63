import { afterAll, describe, expect, it } from "@effect/vitest"
import * as LocalAuthority from "@rdl/test-kit/LocalAuthority"
import { Effect, Layer, Logger, Redacted, Schedule } from "effect"
import { renameSync, symlinkSync, unlinkSync, writeFileSync } from "node:fs"
import * as Https from "node:https"
import { join } from "node:path"
import type { TLSSocket } from "node:tls"
import * as TlsFiles from "../src/TlsFiles.ts"
import * as Tls from "../src/Tls.ts"
import * as Fleet from "./Fleet.ts"

const authority = LocalAuthority.make()
afterAll(authority.remove)

let made = 0
/** Files of a test's own with this pair in them. */
const filesWith = (pair: LocalAuthority.Pair) => {
  const stem = join(authority.directory, `pair-${++made}`)
  const paths = { cert: `${stem}.pem`, key: `${stem}.key` }
  const write = ({ cert, key }: LocalAuthority.Pair) => {
    writeFileSync(paths.cert, cert)
    writeFileSync(paths.key, key)
  }
  write(pair)
  return { paths, write }
}

/** What is logged meanwhile. */
const logging = () => {
  const logged: Array<string> = []
  const logger = Logger.replace(
    Logger.defaultLogger,
    Logger.make(({ logLevel, message }) => void logged.push(`${logLevel.label} ${[message].flat().join(" ")}`)),
  )
  return { logged, logger }
}

interface Seen {
  /** Whose certificate the server showed. */
  readonly name: string
  readonly status: number
}

/** Asks on a connection of its own; fails with what TLS says. */
const see = (url: string, how: Https.RequestOptions = {}): Effect.Effect<Seen, string> =>
  Effect.async((resume) => {
    const request = Https.get(`${url}/health`, { ca: authority.ca, agent: false, ...how }, (response) => {
      const name = (response.socket as TLSSocket).getPeerCertificate().subject.CN
      response.resume()
      response.on("end", () => resume(Effect.succeed({ name, status: response.statusCode ?? 0 })))
    })
    request.on("error", (error) => resume(Effect.fail(error.message)))
  })

const started = (tls: Tls.Terms) => Fleet.start({}, { tls })

const eventually = <A>(look: Effect.Effect<A, unknown>, until: (value: A) => boolean) =>
  Effect.orDie(look).pipe(Effect.repeat({ until, schedule: Schedule.spaced("20 millis") }))

const has = (logged: ReadonlyArray<string>, what: RegExp) =>
  eventually(
    Effect.sync(() => logged.filter((line) => what.test(line)).length),
    (count) => count > 0,
  )

describe.skipIf(!LocalAuthority.isAvailable)("TLS of the proxy", () => {
  it.scopedLive("shows a renewed certificate to new connections, and lets those that are open go on", () =>
    Effect.gen(function* () {
      const { paths, write } = filesWith(authority.issue("first"))
      const { logged, logger } = logging()
      const { url } = yield* started(yield* TlsFiles.load(paths)).pipe(Effect.provide(logger))
      const kept = new Https.Agent({ keepAlive: true, maxSockets: 1 })
      yield* Effect.addFinalizer(() => Effect.sync(() => kept.destroy()))
      expect(yield* see(url, { agent: kept })).toEqual({ name: "first", status: 200 })
      write(authority.issue("second"))
      yield* eventually(see(url), ({ name }) => name === "second")
      expect(logged.filter((line) => line.includes("was renewed"))).toHaveLength(1)
      expect(yield* see(url, { agent: kept })).toEqual({ name: "first", status: 200 })
    }),
  )

  it.scopedLive(
    "keeps the certificate it has while a new pair is bad, says so once, and takes the good one after it",
    () =>
      Effect.gen(function* () {
        const { paths, write } = filesWith(authority.issue("first"))
        const { logged, logger } = logging()
        const { url } = yield* started(yield* TlsFiles.load(paths)).pipe(Effect.provide(logger))
        writeFileSync(paths.cert, authority.issue("other").cert)
        yield* has(logged, /^ERROR .*cannot be used: .*; the one before stays in use$/)
        for (let look = 0; look < 20; look++) expect((yield* see(url)).name).toBe("first")
        expect(logged.filter((line) => line.startsWith("ERROR"))).toHaveLength(1)
        write(authority.issue("third"))
        yield* eventually(see(url), ({ name }) => name === "third")
        unlinkSync(paths.key)
        yield* has(logged, /^ERROR cannot read .*\.key: /)
        expect((yield* see(url)).name).toBe("third")
        expect(logged.join()).not.toContain("PRIVATE")
      }),
  )

  it.scopedLive("sees files that are links to elsewhere change with where they lead", () =>
    Effect.gen(function* () {
      const [one, two] = [filesWith(authority.issue("one")), filesWith(authority.issue("two"))]
      const link = join(authority.directory, `link-${++made}`)
      const point = ({ paths }: typeof one) => {
        for (const [name, to] of [
          ["pem", paths.cert],
          ["key", paths.key],
        ] as const) {
          symlinkSync(to, `${link}.${name}.new`)
          renameSync(`${link}.${name}.new`, `${link}.${name}`)
        }
      }
      point(one)
      const { url } = yield* started(yield* TlsFiles.load({ cert: `${link}.pem`, key: `${link}.key` }))
      expect((yield* see(url)).name).toBe("one")
      point(two)
      yield* eventually(see(url), ({ name }) => name === "two")
    }),
  )

  it.effect("takes no file over 1 MiB for a certificate or a key", () =>
    Effect.gen(function* () {
      const pair = authority.issue("one")
      for (const [cert, key] of [
        [pair.cert.padEnd(1_048_577), pair.key],
        [pair.cert, pair.key.padEnd(1_048_577)],
      ] as const) {
        const { paths } = filesWith({ cert, key })
        expect((yield* Effect.flip(TlsFiles.load(paths))).message).toContain("it is larger than 1 MiB")
      }
      yield* TlsFiles.load(filesWith({ cert: pair.cert.padEnd(1_048_576), key: pair.key }).paths)
    }),
  )

  it.scopedLive("asks every client for a certificate of its authorities where it has some", () =>
    Effect.gen(function* () {
      const { paths } = filesWith(authority.issue("proxy"))
      const clientCa = join(authority.directory, "clients.pem")
      writeFileSync(clientCa, authority.ca)
      const stranger = LocalAuthority.make()
      yield* Effect.addFinalizer(() => Effect.sync(stranger.remove))
      const { url } = yield* started(yield* TlsFiles.load({ ...paths, clientCa }))
      expect((yield* see(url, authority.issue("client"))).status).toBe(200)
      for (const bad of [undefined, stranger.issue("client")])
        expect(yield* Effect.flip(see(url, bad ?? {}))).toMatch(/alert|ECONNRESET|socket hang up|disconnected/)
    }),
  )

  it.effect.each<[string, (good: LocalAuthority.Pair) => Partial<Tls.Pems>, RegExp]>([
    ["a key of another certificate", () => ({ key: Redacted.make(authority.issue("x").key) }), /key values mismatch/],
    ["what is no PEM", () => ({ cert: "x" }), /cannot be used/],
    ["client authorities that are no PEM", () => ({ clientCa: "x" }), /cannot be used/],
    ["client authorities that are none", ({ cert }) => ({ clientCa: cert }), /no authorities'/],
  ])("does not begin with %s, and tells nothing of the key", ([, bad, said]) =>
    Effect.gen(function* () {
      const good = authority.issue("good")
      const pems = { cert: good.cert, key: Redacted.make(good.key), ...bad(good) }
      const error = yield* Effect.flip(Tls.check(pems))
      expect(error.message).toMatch(said)
      expect(JSON.stringify(error)).not.toContain("PRIVATE")
    }).pipe(Effect.provide(Layer.empty)),
  )
})

/** A proxy with three sources of the real parts, and all that a user could be told of them. */
import type { Scope as Allow } from "@rdl/core/token/TokenClaims"
import { SourceRegistry } from "@rdl/core/routing/SourceRegistry"
import * as TokenCodec from "@rdl/core/token/TokenCodec"
import * as TokenKey from "@rdl/core/token/TokenKey"
import * as ProxyServer from "@rdl/proxy/ProxyServer"
import * as SampleEngine from "@rdl/sample-engine/SampleEngine"
import * as Source from "@rdl/source/Source"
import { Context, Effect, Layer } from "effect"
import * as Http from "node:http"
import * as FaultWorld from "./FaultWorld.ts"

export interface Subject {
  readonly source: string
  readonly name: string
  readonly id: string
  readonly labels: Readonly<Record<string, string>>
  /** The one line of its log, which stands nowhere else. */
  readonly line: string
}

export interface Answer {
  readonly status: number
  readonly headers: Http.IncomingHttpHeaders
  readonly text: string
  /** All of it, as it would be had something else been asked for: what is the same for both cannot tell them apart. */
  readonly modulo: (ref: string) => unknown
}

export interface ScopeWorld {
  readonly url: string
  /** Of one more source, which is not linked. */
  readonly sourceToken: string
  readonly sources: ReadonlyArray<string>
  readonly subjects: ReadonlyArray<Subject>
  /** One of each container. */
  readonly cursors: ReadonlyArray<{ readonly id: string; readonly cursor: string }>
  /** Unix seconds between which all containers were started. */
  readonly since: number
  readonly until: number
  readonly token: (allow: Allow) => Effect.Effect<string>
  readonly ask: (path: string, token: string) => Effect.Effect<Answer>
  readonly get: (path: string, allow: Allow) => Effect.Effect<Answer>
}

const FLEET: Readonly<Record<string, ReadonlyArray<readonly [name: string, labels: Record<string, string>]>>> = {
  "edge-1": [
    ["web", { team: "a" }],
    ["db", { team: "a", tier: "back" }],
    ["b1", {}],
  ],
  "edge-2": [
    ["web", { team: "b" }],
    ["secret-db", { tier: "back" }],
  ],
  "lab-1": [["db", { team: "b" }]],
}

/** The containers a reference may mean: a full id before a name, a name before the beginning of an id. */
export const meant = (ref: string, among: ReadonlyArray<Subject>): ReadonlyArray<Subject> => {
  const [name = "", source] = ref.split("/").toReversed()
  const there = among.filter((subject) => source === undefined || subject.source === source)
  const ranks = [
    there.filter(({ id }) => id === name),
    there.filter((subject) => subject.name === name),
    there.filter(({ id }) => id.startsWith(name)),
  ]
  return ranks.find((found) => found.length > 0) ?? []
}

/** A reference of the same form that means nothing anywhere, by source as well. */
export const absentLike = (ref: string): string => (ref.includes("/") ? "edge-9/absent" : "absent")

export const start = Effect.gen(function* () {
  const [key] = yield* TokenKey.parse(JSON.stringify(yield* TokenKey.generate("EdDSA")))
  const proxy = yield* FaultWorld.startable(FaultWorld.proxyLayer([key!]))
  const { url } = Context.get(proxy.context, ProxyServer.ProxyServer)
  const registry = Context.get(proxy.context, SourceRegistry)
  const issue = (role: "user" | "source", sub: string, allow?: Allow) => {
    const iat = Math.floor(Date.now() / 1000)
    const claims = { sub, role, iat, exp: iat + 3_600, jti: crypto.randomUUID() }
    return Effect.orDie(TokenCodec.issue(key!, { ...claims, ...(allow === undefined ? {} : { allow }) }))
  }
  const since = Math.floor(Date.now() / 1000) - 1
  const fleets = yield* Effect.forEach(Object.entries(FLEET), ([source, containers]) =>
    Effect.gen(function* () {
      const engine = yield* SampleEngine.make()
      const subjects = containers.map(([name, labels]): Subject => {
        const made = engine.createContainer({ name, labels })
        const line = `line-of-${made.id.slice(0, 16)}`
        made.log("stdout", `${line}\n`)
        return { source, name, labels, line, id: made.id }
      })
      const dialer = FaultWorld.dialerLayer("ws", url, yield* issue("source", source))
      const layer = Source.layer({ engine: engine.url, env: {}, agent: "rdl/test" })
      yield* FaultWorld.startable(Layer.provide(layer, dialer))
      yield* FaultWorld.until(() => FaultWorld.isLinked(registry, source))
      return subjects
    }),
  )
  const subjects = fleets.flat()
  const token = (allow: Allow) => issue("user", "ann", allow)
  const ask: ScopeWorld["ask"] = (path, bearer) => get(url + path, bearer)
  const all = yield* token({})
  const cursors = yield* Effect.forEach(subjects, ({ id }) =>
    Effect.map(ask(`/containers/${id}/logs?format=sse`, all), ({ text }) => ({
      id,
      cursor: /^id: ?(.+)$/m.exec(text)?.[1] ?? "",
    })),
  )
  const until = Math.ceil(Date.now() / 1000) + 1
  yield* FaultWorld.until(() => Date.now() / 1000 > until)
  return {
    url,
    sourceToken: yield* issue("source", "edge-9"),
    sources: Object.keys(FLEET),
    subjects,
    cursors,
    since,
    until,
    token,
    ask,
    get: (path, allow) => Effect.flatMap(token(allow), (bearer) => ask(path, bearer)),
  } satisfies ScopeWorld
})

const agent = new Http.Agent({ keepAlive: true })

const get = (url: string, token: string): Effect.Effect<Answer> =>
  Effect.async((resume) => {
    const request = Http.get(url, { agent, headers: { authorization: `Bearer ${token}` } }, (response) => {
      const parts: Array<Buffer> = []
      response.on("data", (part: Buffer) => void parts.push(part))
      response.on("end", () =>
        resume(Effect.succeed(answerOf(response.statusCode ?? 0, response.headers, Buffer.concat(parts).toString()))),
      )
    })
    request.on("error", (error) => resume(Effect.die(error)))
  })

const answerOf = (status: number, headers: Http.IncomingHttpHeaders, text: string): Answer => ({
  status,
  headers,
  text,
  modulo: (ref) => {
    const { date: _, "content-length": length, ...others } = headers
    // Its length is told by the body, in which what was asked for stands.
    const isTrue = length === undefined || Number(length) === Buffer.byteLength(text)
    return { status, isTrue, text: text.replaceAll(ref, "REF"), headers: JSON.stringify(others).replaceAll(ref, "REF") }
  },
})

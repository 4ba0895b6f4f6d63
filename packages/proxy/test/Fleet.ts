/** A proxy that really listens, and sources that speak the real link protocol to it, in one process. */
import { type Container, ContainerId, ContainerName } from "@rdl/core/model/Container"
import type { InventoryChange } from "@rdl/core/model/InventoryChange"
import { LinkAcceptor } from "@rdl/core/link/Link"
import type { OpenLogs } from "@rdl/core/link/LinkMessage"
import * as LinkSession from "@rdl/core/link/LinkSession"
import * as MemoryLink from "@rdl/core/link/MemoryLink"
import { StreamError } from "@rdl/core/link/StreamError"
import type { End } from "@rdl/core/link/LinkMessage"
import { SourceRegistry } from "@rdl/core/routing/SourceRegistry"
import type { Scope as Allow } from "@rdl/core/token/TokenClaims"
import * as TokenCodec from "@rdl/core/token/TokenCodec"
import * as TokenKey from "@rdl/core/token/TokenKey"
import * as TokenVerifier from "@rdl/core/token/TokenVerifier"
import { Deferred, Effect, Layer, type Scope } from "effect"
import * as Http from "node:http"
import * as Proxy from "../src/Proxy.ts"
import * as ProxyServer from "../src/ProxyServer.ts"

export const container = (id: string, name: string, more: Partial<Container> = {}): Container => ({
  id: ContainerId.make(id.padEnd(64, "0")),
  name: ContainerName.make(name),
  names: [ContainerName.make(name)],
  image: "busybox",
  imageId: "sha256:0",
  command: "sh",
  created: 0,
  state: "running",
  status: "Up",
  labels: {},
  ports: [],
  ...more,
})

export type LogHandler = (request: OpenLogs, writer: LinkSession.StreamWriter) => Effect.Effect<End, StreamError>

/** A log of one line that ends at once. */
export const oneLine: LogHandler = (request, writer) =>
  Effect.sync(() => {
    writer.head({ contentType: "text/html", tty: false })
    writer.write(new TextEncoder().encode(`log of ${request.containerId.slice(0, 4)}\n`))
    return { reason: "eof" as const }
  })

/** A head, and then nothing until it is cancelled. */
export const idle: LogHandler = (_, writer) =>
  Effect.suspend(() => {
    writer.head({ contentType: "text/plain", tty: false })
    return Effect.never
  })

/** Writes as much as it may until it is cancelled. */
export const endless: LogHandler = (_, writer) => {
  const chunk = new Uint8Array(64 * 1024).fill(120)
  const room = Effect.async<void>((resume) => writer.onWritable(() => resume(Effect.void)))
  return Effect.sync(() => writer.head({ contentType: "text/plain", tty: false })).pipe(
    Effect.zipRight(
      Effect.forever(
        Effect.zipRight(
          room,
          Effect.sync(() => writer.write(chunk.slice())),
        ),
      ),
    ),
  )
}

/** What went through a source's hands. */
export interface Source {
  readonly link: ReturnType<typeof MemoryLink.make>[0]
  readonly requests: Array<OpenLogs>
  /** How many logs are being served. */
  readonly open: () => number
}

export interface Fleet {
  readonly url: string
  readonly server: ProxyServer.ProxyServer["Type"]["server"]
  readonly proxy: Proxy.Proxy["Type"]
  readonly token: (claims?: {
    readonly role?: "user" | "source"
    readonly sub?: string
    readonly allow?: Allow
    readonly exp?: number
  }) => Effect.Effect<string>
  /** Links a source, and waits until its inventory has come. */
  readonly link: (
    name: string,
    containers: ReadonlyArray<Container>,
    logs?: LogHandler,
  ) => Effect.Effect<Source, never, Scope.Scope>
  readonly revoke: (jti: string) => void
  readonly registry: SourceRegistry["Type"]
}

/** Starts a proxy on a free port; the scope ends it. */
export const start = Effect.fn("Fleet.start")(function* (
  options: Proxy.Options = {},
  server: Partial<ProxyServer.Options> = {},
) {
  const [key] = yield* TokenKey.parse(JSON.stringify(yield* TokenKey.generate("EdDSA")))
  if (key === undefined) throw new Error("no key")
  const revoked = new Set<string>()
  const context = yield* Layer.build(
    ProxyServer.layer({ host: "127.0.0.1", port: 0, grace: "50 millis", ...server }).pipe(
      Layer.provideMerge(Proxy.layer(options)),
      Layer.provide(TokenVerifier.layer({ keys: [key], isRevoked: (jti) => Effect.sync(() => revoked.has(jti)) })),
    ),
  )
  let ids = 0
  const token: Fleet["token"] = (claims = {}) =>
    TokenCodec.issue(key, {
      sub: "ann",
      role: "user",
      iat: 0,
      exp: 3600,
      jti: `t${ids++}`,
      ...claims,
    }).pipe(Effect.orDie)
  const link: Fleet["link"] = (name, containers, logs = oneLine) =>
    linkSource(name, containers, logs, token).pipe(Effect.provide(context))
  const services = yield* Effect.provide(
    Effect.all({ server: ProxyServer.ProxyServer, proxy: Proxy.Proxy, registry: SourceRegistry }),
    context,
  )
  return {
    url: services.server.url,
    server: services.server.server,
    proxy: services.proxy,
    registry: services.registry,
    token,
    link,
    revoke: (jti) => revoked.add(jti),
  } satisfies Fleet
})

const linkSource = Effect.fnUntraced(function* (
  name: string,
  containers: ReadonlyArray<Container>,
  logs: LogHandler,
  token: Fleet["token"],
) {
  const acceptor = yield* LinkAcceptor
  const [near, far] = MemoryLink.make()
  const requests: Array<OpenLogs> = []
  let open = 0
  const identity = yield* acceptor.authenticate(yield* token({ role: "source", sub: name })).pipe(Effect.orDie)
  yield* Effect.forkScoped(acceptor.accept(far, identity))
  yield* LinkSession.serve(near, {
    hello: { versions: [1], instanceId: name, time: 0, agent: "rdl/test", engine: null, features: [] },
    handler: (request, writer) => {
      if (request.op === "inventory") return inventory(containers, writer)
      if (request.op !== "logs") return new StreamError({ reason: "bad-request", detail: "only logs are here" })
      requests.push(request)
      open++
      return Effect.ensuring(
        logs(request, writer),
        Effect.sync(() => open--),
      )
    },
    onWelcome: () => Effect.void,
  }).pipe(Effect.exit, Effect.forkScoped)
  yield* until(
    Effect.map(
      Effect.flatMap(SourceRegistry, (registry) => registry.inventories),
      (all) => all.some(({ source, stale }) => source === name && !stale),
    ),
  )
  return { link: near, requests, open: () => open } satisfies Source
})

const inventory = (containers: ReadonlyArray<Container>, writer: LinkSession.StreamWriter) =>
  Effect.suspend(() => {
    const changes: ReadonlyArray<InventoryChange> = [
      { _tag: "Begin" },
      ...containers.map((each) => ({ _tag: "Put" as const, container: each })),
      { _tag: "Ready" },
    ]
    writer.head({ contentType: "application/x-ndjson" })
    writer.write(new TextEncoder().encode(changes.map((change) => `${JSON.stringify(change)}\n`).join("")))
    return Effect.never
  })

/** Real turns of the event loop, until something is so; the test's own timeout is the bound. */
export const until = <R>(condition: Effect.Effect<boolean, never, R>): Effect.Effect<void, never, R> =>
  Effect.promise(() => new Promise<void>((resolve) => setImmediate(resolve))).pipe(
    Effect.zipRight(condition),
    Effect.repeat({ until: (so) => so }),
    Effect.asVoid,
  )

/** An answer as it came in so far. */
export interface Answer {
  readonly status: number
  readonly headers: Http.IncomingHttpHeaders
  readonly text: () => string
  readonly bytes: () => number
  /** Whole, or broken off; waits for either. */
  readonly ended: Effect.Effect<"whole" | "broken">
  readonly json: Effect.Effect<unknown>
  readonly pause: () => void
  readonly resume: () => void
  readonly abort: () => void
}

/** Asks, and returns as soon as the headers are there. */
export const ask = (
  url: string,
  options: {
    readonly token?: string
    readonly method?: string
    readonly headers?: Http.OutgoingHttpHeaders
    /** Reads in fits and starts. */ readonly slow?: boolean
  } = {},
): Effect.Effect<Answer> =>
  Effect.async<Answer>((resume) => {
    const request = Http.request(url, {
      method: options.method ?? "GET",
      agent: false,
      headers: {
        ...(options.token === undefined ? {} : { authorization: `Bearer ${options.token}` }),
        ...options.headers,
      },
    })
    request.on("response", (response) => resume(Effect.succeed(answerOf(request, response, options.slow ?? false))))
    request.on("error", (error) => resume(Effect.die(error)))
    request.end()
  })

const answerOf = (request: Http.ClientRequest, response: Http.IncomingMessage, slow: boolean): Answer => {
  const chunks: Array<Buffer> = []
  const over = Effect.runSync(Deferred.make<"whole" | "broken">())
  response.on("data", (chunk: Buffer) => {
    chunks.push(chunk)
    if (!slow || chunks.length % 8 !== 0) return
    response.pause()
    setTimeout(() => response.resume(), 2)
  })
  response.on("error", () => undefined)
  response.on("close", () => Effect.runSync(Deferred.succeed(over, response.complete ? "whole" : "broken")))
  const text = () => Buffer.concat(chunks).toString()
  return {
    status: response.statusCode ?? 0,
    headers: response.headers,
    text,
    bytes: () => chunks.reduce((sum, chunk) => sum + chunk.length, 0),
    ended: Deferred.await(over),
    json: Effect.map(Deferred.await(over), (): unknown => JSON.parse(text())),
    pause: () => void response.pause(),
    resume: () => void response.resume(),
    abort: () => void request.destroy(),
  }
}

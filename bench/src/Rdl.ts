/** rdl as it is measured: a proxy and a source, each a process of its own, with a link between them. */
import { Effect, Schedule, type Scope } from "effect"
import { BenchError } from "./BenchError.ts"
import * as Credentials from "./Credentials.ts"
import type { ProxyReady } from "./programs/Proxy.ts"
import type { Target } from "./programs/Reader.ts"
import type { Transport } from "./programs/Source.ts"
import { type Program, program } from "./Processes.ts"
import { getJson } from "./UserApi.ts"

export interface Rdl {
  readonly proxy: Program<ProxyReady>
  readonly source: Program<void>
  readonly pids: ReadonlyArray<number>
  /** Where its users read. */
  readonly target: Target
  /** What a user sends for a log of the container. */
  readonly logHead: (container: string, query: string) => string
}

export interface Options {
  /** As DOCKER_HOST takes it. */
  readonly engine: string
  readonly transport?: Transport
  /** Where the source reads the engine's files; `none` = nowhere. Default: where it finds them by itself. */
  readonly logDir?: string
  readonly tls?: { readonly cert: string; readonly key: string } | undefined
}

const SOURCE = "edge-1"

/** A proxy alone. */
export const startProxy = (
  publicKey: string,
  options: { readonly port?: number; readonly tls?: Options["tls"] } = {},
): Effect.Effect<Program<ProxyReady>, BenchError, Scope.Scope> =>
  program("Proxy", { key: publicKey, port: options.port ?? 0, tls: options.tls })

/** Both, once the proxy knows the containers of the source. */
export const start = (options: Options): Effect.Effect<Rdl, BenchError, Scope.Scope> =>
  Effect.gen(function* () {
    const { engine, logDir, tls, transport = "ws" } = options
    const credentials = yield* Credentials.make
    const proxy = yield* startProxy(credentials.publicKey, { tls })
    const { url } = proxy.ready
    const token = yield* credentials.sourceToken(SOURCE)
    const source = yield* program<void>("Source", { proxy: url, token, engine, transport, logDir, ca: tls?.cert })
    yield* waitForContainers(url, credentials.userToken, tls?.cert)
    return {
      proxy,
      source,
      pids: [proxy.pid, source.pid],
      target: { host: "127.0.0.1", port: Number(new URL(url).port), ca: tls?.cert },
      logHead: (container: string, query: string) =>
        getHead(`/containers/${SOURCE}/${container}/logs?${query}`, {
          authorization: `Bearer ${credentials.userToken}`,
        }),
    }
  })

/** One GET on a connection that ends with its answer. */
export const getHead = (path: string, headers: Readonly<Record<string, string>> = {}): string =>
  [
    `GET ${path} HTTP/1.1`,
    "Host: bench",
    "Connection: close",
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    "\r\n",
  ].join("\r\n")

/** Waits until the first inventory of the source is there. */
const waitForContainers = (proxy: string, token: string, ca: string | undefined): Effect.Effect<void, BenchError> =>
  getJson<ReadonlyArray<unknown>>(new URL("/containers?all=1", proxy), token, ca).pipe(
    Effect.filterOrFail(({ length }) => length > 0),
    Effect.retry(Schedule.spaced("20 millis").pipe(Schedule.intersect(Schedule.recurs(500)))),
    Effect.mapError(() => new BenchError({ detail: "the source did not link up within 10 s" })),
  )

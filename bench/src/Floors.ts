/** What rdl is measured against: the engine itself, plain Node pipes, and nginx. */
import { Effect, type Scope } from "effect"
import { existsSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import type { BenchError } from "./BenchError.ts"
import { type EngineConfig, idOf } from "./programs/Engine.ts"
import type { HopReady } from "./programs/Hop.ts"
import type { PipeReady } from "./programs/Pipe.ts"
import type { Target } from "./programs/Reader.ts"
import { output, program, temporaryDirectory, tool } from "./Processes.ts"
import { getHead } from "./Rdl.ts"

export interface MemoryEngine {
  /** As DOCKER_HOST takes it. */
  readonly url: string
  readonly target: Target
  readonly setBytes: (bytesPerLog: number) => Effect.Effect<void, BenchError>
}

/** An engine that answers from memory, in a process of its own. */
export const startEngine = (
  config: Omit<EngineConfig, "socketPath">,
): Effect.Effect<MemoryEngine, BenchError, Scope.Scope> =>
  Effect.gen(function* () {
    const socketPath = join(yield* temporaryDirectory, "engine.sock")
    const engine = yield* program<void>("Engine", { ...config, socketPath })
    return {
      url: `unix://${socketPath}`,
      target: { socketPath },
      setBytes: (bytesPerLog: number) => engine.ask<void>({ bytesPerLog }),
    }
  })

/** What a client of the engine sends for the log of a container; by its name where it is the engine in memory. */
export const engineLogHead = (container: string, query: string): string =>
  getHead(`/v1.41/containers/${container}/logs?stdout=1&stderr=1${query}`)

/** The same for a container of the engine in memory, which goes by its id. */
export const memoryLogHead = (name: string, query: string): string => engineLogHead(idOf(name), query)

export interface Relay {
  readonly target: Target
  readonly pids: ReadonlyArray<number>
}

/** As many processes as rdl has between an engine and its user: one pipe behind the other. */
export const startPipes = (target: Target): Effect.Effect<Relay, BenchError, Scope.Scope> =>
  Effect.gen(function* () {
    const near = yield* program<PipeReady>("Pipe", { target })
    const far = yield* program<PipeReady>("Pipe", { target: { host: "127.0.0.1", port: near.ready.port } })
    return { target: { host: "127.0.0.1", port: far.ready.port }, pids: [near.pid, far.pid] }
  })

/** As many processes as rdl has between a log's file and its user, each of which only passes bytes on. */
export const startHops = (file: string): Effect.Effect<Relay, BenchError, Scope.Scope> =>
  Effect.gen(function* () {
    const near = yield* program<HopReady>("Hop", { file })
    const far = yield* program<HopReady>("Hop", { from: near.ready.port })
    return { target: { host: "127.0.0.1", port: far.ready.port }, pids: [near.pid, far.pid] }
  })

/** One nginx before the engine; undefined where there is none. It costs less than any relay in Node: a floor, not a peer. */
export const startNginx = (socketPath: string): Effect.Effect<Relay | undefined, BenchError, Scope.Scope> =>
  Effect.gen(function* () {
    const found = yield* Effect.option(output("nginx", ["-v"]))
    if (found._tag === "None") return undefined
    const directory = yield* temporaryDirectory
    const front = join(directory, "nginx.sock")
    writeFileSync(join(directory, "nginx.conf"), nginxConfig(directory, front, socketPath))
    const { pid } = yield* tool("nginx", ["-p", directory, "-c", join(directory, "nginx.conf"), "-e", "stderr"])
    yield* Effect.repeat(Effect.sleep("10 millis"), { until: () => existsSync(front), times: 500 })
    return { target: { socketPath: front }, pids: [pid] }
  })

const nginxConfig = (directory: string, front: string, socketPath: string): string => `
daemon off;
master_process off;
pid ${directory}/nginx.pid;
error_log stderr crit;
events { worker_connections 1024; }
http {
  access_log off;
  client_body_temp_path ${directory}/body;
  proxy_temp_path ${directory}/proxy;
  fastcgi_temp_path ${directory}/fastcgi;
  uwsgi_temp_path ${directory}/uwsgi;
  scgi_temp_path ${directory}/scgi;
  server {
    listen unix:${front};
    location / {
      proxy_pass http://unix:${socketPath}:;
      proxy_http_version 1.1;
      proxy_buffering off;
      proxy_buffer_size 64k;
      proxy_buffers 8 64k;
      proxy_read_timeout 300s;
    }
  }
}
`

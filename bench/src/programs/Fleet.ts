/** Many sources in one process: real links, kept as real sources keep them, over containers that nobody runs. */
import { ContainerId, ContainerName, type Container } from "@rdl/core/model/Container"
import type { InventoryChange } from "@rdl/core/model/InventoryChange"
import { LinkDialer } from "@rdl/core/link/Link"
import * as LinkKeeper from "@rdl/core/link/LinkKeeper"
import { serve as serveLink, type StreamHandler } from "@rdl/core/link/LinkSession"
import { StreamError } from "@rdl/core/link/StreamError"
import * as WsLinkDialer from "@rdl/transport-ws/WsLinkDialer"
import { Clock, Effect, Logger, LogLevel, Redacted } from "effect"
import { createHash, randomUUID } from "node:crypto"
import { serve } from "../Parent.ts"

export interface FleetConfig {
  readonly proxy: string
  /** One for each source. */
  readonly tokens: ReadonlyArray<string>
  readonly containersPerSource: number
}

export interface FleetState {
  readonly connected: number
  /** When each dial began and each link was welcomed, in Unix milliseconds, since the last time this was asked. */
  readonly dials: ReadonlyArray<number>
  readonly welcomes: ReadonlyArray<number>
}

const containerOf = (seed: string): Container => {
  const id = createHash("sha256").update(seed).digest("hex")
  const name = ContainerName.make(`web-${id.slice(0, 8)}`)
  return {
    id: ContainerId.make(id),
    name,
    names: [name],
    image: "registry.example/shop/web:1.42.0",
    imageId: `sha256:${id}`,
    command: "/usr/bin/node server.js",
    created: 1_767_225_600,
    state: "running",
    status: "Up 3 days",
    labels: { "com.docker.compose.project": "shop", "com.docker.compose.service": "web" },
    ports: [{ ip: "0.0.0.0", privatePort: 8080, publicPort: 80, type: "tcp" }],
  }
}

/** Tells its inventory once and stays. */
const handlerOf = (containers: ReadonlyArray<Container>): StreamHandler => {
  const changes: ReadonlyArray<InventoryChange> = [
    { _tag: "Begin" },
    ...containers.map((container) => ({ _tag: "Put" as const, container })),
    { _tag: "Ready" },
  ]
  const text = changes.map((change) => `${JSON.stringify(change)}\n`).join("")
  return (request, writer) => {
    if (request.op !== "inventory") return new StreamError({ reason: "not-found", detail: "there are no logs here" })
    writer.head({ contentType: "application/x-ndjson" })
    writer.write(Buffer.from(text))
    return Effect.never
  }
}

serve(({ containersPerSource, proxy, tokens }: FleetConfig) => {
  let connected = 0
  let dials: Array<number> = []
  let welcomes: Array<number> = []

  const source = (token: string, index: number) =>
    Effect.gen(function* () {
      const dialer = yield* LinkDialer
      const instanceId = randomUUID()
      const handler = handlerOf(
        Array.from({ length: containersPerSource }, (_, at) => containerOf(`${index} ${at} ${token}`)),
      )
      let isConnected = false
      const count = (now: boolean) => {
        connected += Number(now) - Number(isConnected)
        isConnected = now
      }
      return yield* LinkKeeper.keep(
        dialer.dial,
        (link, welcomed, onGoAway) =>
          Effect.flatMap(Clock.currentTimeMillis, (time) =>
            serveLink(link, {
              hello: { versions: [1], instanceId, time, agent: "bench", engine: null, features: [] },
              handler,
              onWelcome: () => welcomed,
              onGoAway,
            }),
          ),
        {
          onState: ({ _tag }) =>
            Effect.sync(() => {
              count(_tag === "connected")
              if (_tag === "connecting") dials.push(Date.now())
              if (_tag === "connected") welcomes.push(Date.now())
            }),
        },
      )
    }).pipe(
      Effect.provide(WsLinkDialer.layer({ proxy, token: Redacted.make(token), forwardProxy: "none" })),
      Logger.withMinimumLogLevel(LogLevel.None),
    )

  Effect.runFork(Effect.forEach(tokens, source, { concurrency: "unbounded", discard: true }))
  return {
    answer: (): FleetState => {
      const state = { connected, dials, welcomes }
      dials = []
      welcomes = []
      return state
    },
  }
})

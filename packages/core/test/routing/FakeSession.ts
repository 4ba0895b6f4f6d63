/** A source without a link: the session a registry would get, played by a handler in the same process. */
import type { Container } from "../../src/model/Container.ts"
import { ContainerId, ContainerName } from "../../src/model/Container.ts"
import type { InventoryChange } from "../../src/model/InventoryChange.ts"
import type { End, Hello, Open } from "../../src/link/LinkMessage.ts"
import { type ConnectedSession, LinkLost, type ProxySession, type StreamHandlers } from "../../src/link/LinkSession.ts"
import { SourceName } from "../../src/model/SourceName.ts"
import type { StreamError } from "../../src/link/StreamError.ts"
import { Deferred, Effect } from "effect"

/** What the source does with one stream; `ended` is set once the proxy has cancelled it. */
export interface FakeStream {
  readonly request: Open
  readonly send: (text: string) => void
  readonly end: (result: End | StreamError | LinkLost) => void
  cancelled: boolean
  consumed: number
}

export interface FakeSession extends ConnectedSession {
  readonly streams: Array<FakeStream>
  readonly closes: Array<{ readonly code: number; readonly reason: string }>
  /** What it was told to wait when it was drained, each time. */
  readonly drains: Array<number>
  readonly lose: (detail: string) => void
}

export const hello = (instanceId: string): Hello => ({
  versions: [1],
  instanceId,
  time: 0,
  agent: "rdl/test",
  engine: null,
  features: [],
})

export const sourceName = (name: string): SourceName => SourceName.make(name)

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

export const line = (change: InventoryChange): string => `${JSON.stringify(change)}\n`

export const snapshot = (...containers: ReadonlyArray<Container>): string =>
  [
    line({ _tag: "Begin" }),
    ...containers.map((each) => line({ _tag: "Put", container: each })),
    line({ _tag: "Ready" }),
  ].join("")

/** How a stream is answered before it begins; undefined = it begins. */
export type Answer = Effect.Effect<void, StreamError | LinkLost>

export const make = (options: {
  readonly name: string
  readonly instanceId?: string
  readonly hello?: Partial<Hello>
  /** Sent as soon as an inventory is asked for. */
  readonly inventory?: string
  readonly answer?: (request: Open) => Answer
}): FakeSession => {
  const lost = Effect.runSync(Deferred.make<LinkLost>())
  const streams: Array<FakeStream> = []
  const closes: FakeSession["closes"] = []
  const drains: FakeSession["drains"] = []
  const lose = (error: LinkLost) => {
    if (Effect.runSync(Deferred.succeed(lost, error))) for (const stream of streams) stream.end(error)
  }
  const text = new TextEncoder()

  const open: ProxySession["open"] = (request) =>
    Effect.gen(function* () {
      yield* options.answer?.(request) ?? Effect.void
      let handlers: StreamHandlers | undefined
      let held: Array<(attached: StreamHandlers) => void> = []
      const deliver = (event: (attached: StreamHandlers) => void) => {
        if (handlers === undefined) held.push(event)
        else event(handlers)
      }
      let over = false
      const stream: FakeStream = {
        request,
        send: (bytes) => {
          if (!over) deliver((attached) => attached.onData(text.encode(bytes)))
        },
        end: (result) => {
          if (over) return
          over = true
          deliver((attached) => attached.onEnd(result))
        },
        cancelled: false,
        consumed: 0,
      }
      streams.push(stream)
      yield* Effect.addFinalizer(() => Effect.sync(() => (stream.cancelled = true)))
      if (request.op === "inventory" && options.inventory !== undefined) stream.send(options.inventory)
      return {
        head: { contentType: "text/plain" },
        consumed: (bytes: number) => {
          stream.consumed += bytes
        },
        start: (attached: StreamHandlers) => {
          handlers = attached
          for (const event of held) event(attached)
          held = []
        },
      }
    })

  return {
    hello: { ...hello(options.instanceId ?? "one"), ...options.hello },
    welcome: {
      version: 1,
      sessionId: "s",
      proxyId: "p",
      source: sourceName(options.name),
      heartbeatMs: 15_000,
      deadMs: 40_000,
      maxFrame: 65_536,
      maxStreams: 256,
      features: [],
    },
    transport: "memory",
    open,
    rttMs: () => 7,
    lastSeen: () => 1000,
    close: (code, reason) =>
      Effect.sync(() => {
        closes.push({ code, reason })
        lose(new LinkLost({ clean: true, code, detail: reason }))
      }),
    lost: Deferred.await(lost),
    drain: (retryAfterMs) => Effect.sync(() => void drains.push(retryAfterMs)),
    streams,
    closes,
    drains,
    lose: (detail) => lose(new LinkLost({ clean: false, code: 0, detail })),
  }
}

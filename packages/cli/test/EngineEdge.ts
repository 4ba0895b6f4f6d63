/** A source on a real engine, in this process, whose link goes through a relay that cuts it; and what its users read meanwhile. */
import type { LinkState } from "@rdl/core/link/LinkKeeper"
import * as Source from "@rdl/source/Source"
import type { FaultProxy } from "@rdl/test-kit/FaultProxy"
import { Effect, Layer, Logger, Scope } from "effect"
import * as http from "node:http"
import * as FaultWorld from "./FaultWorld.ts"
import { type Carrier, until } from "./FaultWorld.ts"

/** By which origin a source reads logs. */
export type Reader = "files" | "engine"

export interface EngineEdge {
  readonly name: string
  readonly relay: FaultProxy
  /** How often it was cut, and how often its link was lost. */
  readonly cuts: () => number
  readonly losses: () => number
  /** Cuts the link after so many bytes of the source's have passed, waits until it is cut, and then until the proxy has its inventory again; or until `isOver` is so first. */
  readonly cut: (bytes: number, isOver: () => boolean) => Effect.Effect<void>
  /** Waits until the proxy knows the container. */
  readonly knows: (id: string) => Effect.Effect<void>
}

/** A source dials less and less often where it loses its link all the time: after so many cuts another process takes its place. */
const CUTS_OF_ONE_PROCESS = 3

/** Starts the source and waits until it is linked, and says that it reads as it should. */
export const start = Effect.fn("EngineEdge.start")(function* (
  world: FaultWorld.World,
  carrier: Carrier,
  { name, reader, socket }: { readonly name: string; readonly reader: Reader; readonly socket: string },
) {
  const relay = yield* FaultWorld.relayTo(world.port)
  const token = yield* world.token("source", name)
  const dialer = FaultWorld.dialerLayer(carrier, relay.url, token)
  let state: LinkState["_tag"] = "connecting"
  let losses = 0
  const layer = Source.layer({
    engine: `unix://${socket}`,
    env: {},
    agent: "rdl/test",
    ...(reader === "engine" ? { logDir: "none" } : {}),
    onState: ({ _tag }) =>
      Effect.sync(() => {
        if (_tag === "waiting" && state === "connected") losses++
        state = _tag
      }),
  }).pipe(Layer.provide(dialer), Layer.provide(Logger.remove(Logger.defaultLogger)))
  const linked = until(() => state === "connected" && FaultWorld.isLinked(world.registry, name))
  const scope = yield* Effect.scope
  const begin = Scope.extend(FaultWorld.startable(layer), scope)
  let running = yield* begin
  yield* linked
  const readers = FaultWorld.status(world.registry, name)?.readers ?? []
  if (readers[0] !== reader) return yield* Effect.dieMessage(`${name} reads by ${readers.join(", ")}, not ${reader}`)

  let cuts = 0
  const startAgain = Effect.gen(function* () {
    yield* running.stop
    yield* until(() => !FaultWorld.isLinked(world.registry, name))
    running = yield* begin
  })
  const cut: EngineEdge["cut"] = (bytes, isOver) =>
    Effect.gen(function* () {
      let isCut = false
      const before = losses
      void relay.up.cutAfter(bytes, cuts % 2 === 0 ? "rst" : "fin").then(() => (isCut = true))
      yield* until(() => isCut || isOver())
      if (!isCut) {
        relay.heal()
        return
      }
      // Over HTTP one connection is not the link: every other cut is one that the transport mends by itself.
      if (carrier === "ws" || cuts % 2 === 0) {
        yield* Effect.promise(() => relay.refuse())
        relay.dropAll("rst")
        yield* until(() => losses > before)
        yield* Effect.promise(() => relay.admit())
      }
      if (++cuts % CUTS_OF_ONE_PROCESS === 0) yield* startAgain
      yield* linked
    })
  const knows: EngineEdge["knows"] = (id) =>
    until(() =>
      Effect.runSync(world.registry.inventories).some(
        ({ containers, source }) =>
          String(source) === name && Array.from(containers.keys(), String).some((known) => known === id),
      ),
    )
  return { name, relay, cuts: () => cuts, losses: () => losses, cut, knows } satisfies EngineEdge
})

/** A body as it comes. */
export interface Body {
  readonly status: number
  /** What has come; whole once it is over. */
  readonly bytes: () => Buffer
  readonly state: () => "open" | "whole" | "broken"
  readonly gap: () => string | undefined
}

/** Reads a log until the scope closes; returns as soon as its headers are there, asking again while its source is away. */
export const read = (url: string, token: string): Effect.Effect<Body, never, Scope.Scope> =>
  Effect.gen(function* () {
    for (;;) {
      const body = yield* ask(url, token)
      if (body.status === 200) return body
      yield* until(() => body.state() !== "open")
      if (body.status !== 503) return yield* Effect.dieMessage(`${url}: ${body.status} ${body.bytes().toString()}`)
    }
  })

const ask = (url: string, token: string): Effect.Effect<Body, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.async<readonly [Body, http.ClientRequest]>((resume) => {
      const request = http.get(url, { agent: false, headers: { authorization: `Bearer ${token}` } })
      request.on("error", (error) => resume(Effect.die(error)))
      request.on("response", (response) => resume(Effect.succeed([bodyOf(response), request])))
    }),
    ([, request]) => Effect.sync(() => request.destroy()),
  ).pipe(Effect.map(([body]) => body))

const bodyOf = (response: http.IncomingMessage): Body => {
  const pieces: Array<Buffer> = []
  let state: ReturnType<Body["state"]> = "open"
  response.on("data", (piece: Buffer) => pieces.push(piece))
  response.on("error", () => undefined)
  response.on("close", () => (state = response.complete ? "whole" : "broken"))
  return {
    status: response.statusCode ?? 0,
    bytes: () => Buffer.concat(pieces),
    state: () => state,
    gap: () => response.trailers["x-rdl-gap"],
  }
}

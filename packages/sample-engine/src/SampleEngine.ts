/** A small container engine that only keeps logs: it speaks enough of the Docker API to be read, and is played by its owner. */
import { Effect, type Scope, Schema } from "effect"
import { mkdtempSync, rmSync } from "node:fs"
import { hostname, tmpdir } from "node:os"
import { join } from "node:path"
import { Container, type ContainerHost, type ContainerSpec } from "./Container.ts"
import { ContainerRegistry } from "./ContainerRegistry.ts"
import { EngineClock } from "./EngineClock.ts"
import { containerEvents, EngineEvents } from "./EngineEvents.ts"
import type { EngineState } from "./EngineState.ts"
import { type CutHow, Faults } from "./Fault.ts"
import { type FlavourName, flavourOf } from "./Flavour.ts"
import { type EngineRequest, RequestLog } from "./RequestLog.ts"
import { runSamples } from "./Samples.ts"
import { Server } from "./Server.ts"

/** The engine cannot listen where it should. */
export class SampleEngineError extends Schema.TaggedError<SampleEngineError>()("SampleEngineError", {
  address: Schema.String,
  cause: Schema.Defect,
}) {
  override get message(): string {
    return `sample engine: cannot listen on ${this.address} (${String(this.cause)}): choose another address, or remove what is there`
  }
}

export interface Options {
  /** Default `docker-20.10`. */
  readonly flavour?: FlavourName
  /** Where to listen; default a socket in a new directory of its own, removed at the end; `tcp` = a free port of 127.0.0.1. */
  readonly listen?: { readonly socketPath: string } | "tcp"
  /** Three containers that log by themselves: `web`, `worker`, `db`; default false. */
  readonly samples?: boolean
  /** The host's name in `/info`; default this machine's. */
  readonly hostName?: string
  /** Podman: the zone of log timestamps, minutes east of UTC; default 0. */
  readonly zoneMinutes?: number
}

/** A running engine. Its own methods and those of its containers act at once; the Effects are those that wait. */
export interface SampleEngine {
  /** As DOCKER_HOST takes it: `unix:///…` or `tcp://127.0.0.1:port`. */
  readonly url: string
  /** Undefined with `tcp`. */
  readonly socketPath: string | undefined
  readonly clock: EngineClock
  readonly faults: Faults
  /** The last 1,000 requests, oldest first. */
  readonly requests: ReadonlyArray<EngineRequest>
  /** Requests for logs and events that are being answered right now. */
  readonly openStreams: ReadonlySet<EngineRequest>
  /** Newest first. */
  readonly containers: ReadonlyArray<Container>
  /** Creates, and brings it into the state of the specification. */
  readonly createContainer: (spec?: ContainerSpec) => Container
  /** Ends open streams that match, cleanly (`end`) or broken; default all. */
  readonly cutStreams: (how: CutHow | "end", when?: (request: EngineRequest) => boolean) => void
  /** What happens in `body` is told by no event, as when a subscriber was too slow. */
  readonly losingEvents: (body: () => void) => void
  /** Waits until `condition` holds; asked again whenever a request comes, or a stream opens or closes. */
  readonly until: (condition: () => boolean) => Effect.Effect<void>
  /** Stops listening and breaks every connection; containers go on. */
  readonly down: Effect.Effect<void>
  /** Listens again at the same place. */
  readonly up: Effect.Effect<void, SampleEngineError>
}

/** Listens until the scope ends; then every connection is broken and the socket is gone. */
export const make = (options: Options = {}): Effect.Effect<SampleEngine, SampleEngineError, Scope.Scope> =>
  Effect.gen(function* () {
    const place = yield* listenPlace(options.listen)
    const state = makeState(options)
    const log = new RequestLog()
    const faults = new Faults()
    const server = new Server(state, log, faults)
    yield* Effect.addFinalizer(() => close(server))
    const port = yield* listen(server, place)
    const fixed: Place = place.socketPath === undefined ? { port } : place
    const createContainer = makeCreate(state)
    if (options.samples === true) yield* runSamples(createContainer, state.clock)
    return {
      url: urlOf(fixed),
      socketPath: place.socketPath,
      clock: state.clock,
      faults,
      requests: log.requests,
      openStreams: log.streams,
      get containers() {
        return state.containers.all
      },
      createContainer,
      cutStreams: (how, when = () => true) => server.cut(how, when),
      losingEvents: (body) => state.events.losingDuring(body),
      until: (condition) => until(log, condition),
      down: close(server),
      up: listen(server, fixed).pipe(Effect.asVoid),
    }
  })

interface Place {
  readonly socketPath?: string
  readonly port?: number
}

const urlOf = ({ socketPath, port }: Place): string =>
  socketPath === undefined ? `tcp://127.0.0.1:${port ?? 0}` : `unix://${socketPath}`

const listenPlace = (wanted: Options["listen"]): Effect.Effect<Place, never, Scope.Scope> => {
  if (wanted === "tcp") return Effect.succeed({ port: 0 })
  if (wanted !== undefined) return Effect.succeed({ socketPath: wanted.socketPath })
  return Effect.acquireRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "rdl-sample-"))),
    (directory) => Effect.sync(() => rmSync(directory, { recursive: true, force: true })),
  ).pipe(Effect.map((directory) => ({ socketPath: join(directory, "engine.sock") })))
}

/** The port it listens on; 0 for a socket. */
const listen = (server: Server, place: Place): Effect.Effect<number, SampleEngineError> =>
  Effect.async((resume) => {
    const failed = (cause: Error) => resume(Effect.fail(new SampleEngineError({ address: urlOf(place), cause })))
    server.http.once("error", failed)
    server.http.listen(
      place.socketPath === undefined ? { port: place.port, host: "127.0.0.1" } : { path: place.socketPath },
      () => {
        server.http.off("error", failed)
        const address = server.http.address()
        resume(Effect.succeed(typeof address === "object" && address !== null ? address.port : 0))
      },
    )
  })

const close = (server: Server): Effect.Effect<void> =>
  Effect.async((resume) => {
    if (!server.http.listening) return resume(Effect.void)
    server.http.close(() => resume(Effect.void))
    server.http.closeAllConnections()
  })

const makeState = (options: Options): EngineState => {
  const flavour = flavourOf(options.flavour ?? "docker-20.10")
  return {
    flavour,
    clock: new EngineClock(),
    containers: new ContainerRegistry(flavour),
    events: new EngineEvents(),
    hostName: options.hostName ?? hostname(),
    zoneMinutes: options.zoneMinutes ?? 0,
  }
}

const makeCreate = (state: EngineState): ((spec?: ContainerSpec) => Container) => {
  const { clock, containers, events, flavour } = state
  const host: ContainerHost = {
    clock,
    stopBeforeDie: flavour.modernEvents,
    emit: (container, action, attributes = {}) => {
      for (const event of containerEvents(flavour, container, action, attributes, clock.now())) events.publish(event)
    },
    rename: (container, name) => containers.rename(container, name),
    forget: (container) => containers.delete(container),
  }
  return (spec = {}) => {
    const container = new Container(host, spec)
    containers.add(container)
    host.emit(container, "create")
    reach(container, spec)
    return container
  }
}

/** Brings a new container into a state by the way that leads there. */
const reach = (container: Container, { state: status = "running", created }: ContainerSpec): void => {
  if (status === "removing" || status === "dead") return container.markRemoving(status)
  if (status !== "created") container.start({ at: created })
  if (status === "paused") container.pause()
  if (status === "exited") container.exit()
}

const until = (log: RequestLog, condition: () => boolean): Effect.Effect<void> =>
  Effect.async((resume) => {
    if (condition()) return resume(Effect.void)
    const stop = log.watch(() => {
      if (!condition()) return
      stop()
      resume(Effect.void)
    })
    return Effect.sync(stop)
  })

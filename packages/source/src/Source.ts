/** A source: watches the engine of its machine, keeps a link to the proxy, and answers what the proxy asks over it. */
import { randomUUID } from "node:crypto"
import { Clock, Effect, Either, Layer, Option } from "effect"
import type { Engine } from "@rdl/core/model/Engine"
import { LinkDialer } from "@rdl/core/link/Link"
import * as LinkKeeper from "@rdl/core/link/LinkKeeper"
import type { OpenLogs, Welcome } from "@rdl/core/link/LinkMessage"
import { serve, type StreamHandler, type StreamWriter } from "@rdl/core/link/LinkSession"
import type { Redaction } from "@rdl/core/log/LogRedaction"
import type { SourceName } from "@rdl/core/model/SourceName"
import { StreamError } from "@rdl/core/link/StreamError"
import * as ContainerAccess from "./answer/ContainerAccess.ts"
import * as ContainerAnswer from "./answer/ContainerAnswer.ts"
import * as EngineClient from "./engine/EngineClient.ts"
import * as EngineAddress from "./engine/EngineAddress.ts"
import { isRunning } from "./engine/EngineContainer.ts"
import type { EngineProblem } from "./engine/EngineError.ts"
import * as EngineOrigin from "./api/EngineOrigin.ts"
import { writeEvents } from "./answer/EventsStream.ts"
import * as ContainerEnd from "./files/ContainerEnd.ts"
import * as FilesLogOrigin from "./files/FilesLogOrigin.ts"
import * as Inventory from "./inventory/Inventory.ts"
import { writeInventory } from "./answer/InventoryStream.ts"
import * as LogReader from "./log/LogReader.ts"
import { untold } from "./SourceCounters.ts"

/** What the parts of a source are told. */
export interface ServicesOptions extends EngineClient.Options, Pick<FilesLogOrigin.Options, "logDir"> {
  /** What is taken out of every line before it leaves the host. Default: nothing. */
  readonly redaction?: Redaction | undefined
}

/** What a source is told besides how to dial. */
export interface Options extends ServicesOptions {
  /** Release of the program, such as `rdl/0.1.0`; the proxy shows it. */
  readonly agent: string
  /** Told how the link stands. */
  readonly onState?: LinkKeeper.Options["onState"]
}

/** What a source that stops gives the streams it serves to end, before it cuts them. */
const STOP_GRACE = "1 second"

/** How long the first HELLO waits for the engine to be found, before it says that there is none. */
const ENGINE_WAIT = "2 seconds"

/** Asks once who the engine is, so that a program can refuse to start without one; at most 40 s. */
export const probe = (options: EngineClient.Options): Effect.Effect<Engine, EngineProblem> =>
  Effect.scoped(Effect.flatMap(EngineClient.make(options), (client) => client.version))

/** Where logs are read, in the order of preference: the files tell once why they cannot be. */
const origins = Effect.fnUntraced(function* (options: ServicesOptions) {
  const client = yield* EngineClient.EngineClient
  const inventory = yield* Inventory.Inventory
  const files = FilesLogOrigin.make({
    logDir: options.logDir,
    isLocal: Effect.sync(() => {
      const address = EngineAddress.find(options)
      return Either.isRight(address) && address.right._tag === "Unix"
    }),
    rootDir: Effect.map(client.info, ({ rootDir }) => rootDir),
    onUnreadable: yield* tellOnce,
    ended: ContainerEnd.make({
      inspect: client.inspect,
      seemsToRun: (id) =>
        Effect.map(
          inventory.get(id),
          Option.exists(({ state }) => isRunning(state)),
        ),
    }),
  })
  return [files, yield* EngineOrigin.make()]
})

const tellOnce = Effect.sync(() => {
  let told = false
  return (words: string) =>
    Effect.suspend(() => {
      if (told) return Effect.void
      told = true
      return Effect.logInfo(words)
    })
})

/** The parts of a source, for programs that put one together themselves. */
export const services = (
  options: ServicesOptions,
): Layer.Layer<EngineClient.EngineClient | Inventory.Inventory | LogReader.LogReader> =>
  LogReader.layer(origins(options), options.redaction).pipe(
    Layer.provideMerge(Inventory.layer),
    Layer.provideMerge(EngineClient.layer(options)),
  )

/** Runs a source until it is interrupted; then streams have 1 s to end, and its goodbye half a second. Neither a missing engine nor a missing proxy ends it: it waits for both, and says so once. */
export const run = (options: Options): Effect.Effect<never, never, LinkDialer> =>
  Effect.provide(serveLinks(options), services(options))

/** A source for as long as the layer lives. */
export const layer = (options: Options): Layer.Layer<never, never, LinkDialer> =>
  Layer.scopedDiscard(Effect.forkScoped(run(options)))

/** The same over parts of one's own, such as another log reader. */
export const serveLinks = Effect.fnUntraced(function* (options: Omit<Options, keyof ServicesOptions>) {
  const dialer = yield* LinkDialer
  const client = yield* EngineClient.EngineClient
  const inventory = yield* Inventory.Inventory
  const reader = yield* LogReader.LogReader
  const instanceId = randomUUID()

  /** The last link that was welcomed and has not ended: the one that the next takes over from. */
  let current: Welcome | undefined

  const session: LinkKeeper.Session<never> = (link, welcomed, leaving, stop) => {
    let own: Welcome | undefined
    const handler: StreamHandler = (request, writer) => {
      if (request.op === "inventory")
        return Effect.raceFirst(writeInventory(inventory.changes, writer), Effect.as(stop, { reason: "eof" } as const))
      const source = own?.source
      if (source === undefined) return new StreamError({ reason: "internal", detail: "a stream came before WELCOME" })
      if (request.op === "logs") return readLog(inventory, reader, source, request, writer)
      return request.op === "events"
        ? writeEvents(client, inventory, source, request, writer)
        : ContainerAnswer.write(client, inventory, source, request, writer)
    }
    const onWelcome = (welcome: Welcome) =>
      Effect.suspend(() => {
        current = own = welcome
        return welcomed
      })
    const forget = Effect.sync(() => {
      if (current === own) current = undefined
    })
    return Effect.gen(function* () {
      const known = { versions: [1] as const, instanceId, agent: options.agent, features: [], transportWhy: link.why }
      const engine = yield* engineSoon(inventory)
      const readers = engine === null ? undefined : yield* readersSoon(reader)
      const hello = { ...known, engine, readers, time: yield* Clock.currentTimeMillis, handOver: current?.sessionId }
      return yield* serve(link, { hello, handler, onWelcome, onGoAway: leaving, stop, tally: untold })
    }).pipe(Effect.ensuring(forget))
  }

  const { onState } = options
  return yield* LinkKeeper.keep(dialer.dial, session, { onState, improve: dialer.improve, stopGrace: STOP_GRACE })
})

/** Null where it is not found soon. */
const engineSoon = ({ engine }: typeof Inventory.Inventory.Service) =>
  Effect.timeoutTo(engine, { duration: ENGINE_WAIT, onTimeout: () => null, onSuccess: (found) => found })

/** Undefined where that is not known soon. */
const readersSoon = ({ readers }: typeof LogReader.LogReader.Service) =>
  readers.pipe(
    Effect.timeout(ENGINE_WAIT),
    Effect.catchAll(() => Effect.succeed(undefined)),
  )

const readLog = Effect.fn("Source.readLog")(function* (
  inventory: typeof Inventory.Inventory.Service,
  reader: typeof LogReader.LogReader.Service,
  source: SourceName,
  request: OpenLogs,
  writer: StreamWriter,
) {
  const { query, rendering, resume } = request
  if (!query.stdout && !query.stderr)
    return yield* new StreamError({ reason: "bad-request", detail: "neither stdout nor stderr is wanted" })
  const container = yield* ContainerAccess.find(inventory, source, request)
  return yield* reader.read({ container, query, rendering, source, resume }, writer)
})

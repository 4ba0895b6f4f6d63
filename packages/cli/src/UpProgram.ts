/** Proxy and source in one process, with sample containers where there is no engine. */
import { SourceRegistry } from "@rdl/core/routing/SourceRegistry"
import * as ProxyServer from "@rdl/proxy/ProxyServer"
import * as SampleEngine from "@rdl/sample-engine/SampleEngine"
import * as EngineAddress from "@rdl/source/engine/EngineAddress"
import * as Source from "@rdl/source/Source"
import { Context, Effect, Either, Layer, Redacted, Schedule } from "effect"
import { hostname } from "node:os"
import { CommandFailed } from "./Failure.ts"
import * as ListenAddress from "./ListenAddress.ts"
import * as Login from "./Login.ts"
import * as Output from "./Output.ts"
import * as OwnTokens from "./OwnTokens.ts"
import * as ProxyProgram from "./ProxyProgram.ts"
import { startSource } from "./SourceProgram.ts"
import * as StateDirectory from "./StateDirectory.ts"
import * as Welcome from "./Welcome.ts"

export interface UpTerms {
  readonly listen: ListenAddress.ListenAddress
  readonly engine: string | undefined
  /** Default: where the engine keeps its log files, if they can be read. */
  readonly logDir?: string | undefined
  readonly stateDir: string
  /** Shows samples whatever engine there is. */
  readonly samples: boolean
}

/** How long the first list of containers is waited for, before the welcome does without. */
const FIRST_LIST = "5 seconds"

/** Starts all of it for as long as the scope lives, and says how to use it. */
export const startUp = Effect.fn("UpProgram.startUp")(function* (terms: UpTerms) {
  const { engine, listen, logDir, stateDir } = terms
  const found = EngineAddress.find({ engine, env: process.env })
  const samples = terms.samples || (engine === undefined && Either.isLeft(found))
  if (!samples) yield* probe(engine)
  const name = samples ? "sample" : sourceName(hostname())
  const own = yield* OwnTokens.load(stateDir, name)
  const context = yield* Layer.build(ProxyProgram.layer({ keys: own.keys, listen }))
  const { url } = Context.get(context, ProxyServer.ProxyServer)
  const local = ListenAddress.local(url)
  yield* Login.offer(stateDir, { proxy: new URL(local), token: own.user })
  const address = samples ? (yield* SampleEngine.make({ samples: true })).url : engine
  yield* startSource({ name, engine: address, logDir, proxy: local, token: own.source, forwardProxy: "none" })
  const registry = Context.get(context, SourceRegistry)
  yield* firstList(registry).pipe(Effect.timeoutOption(FIRST_LIST))
  const [inventory] = yield* registry.inventories
  const chosen = yield* StateDirectory.read(stateDir, Login.CHOSEN)
  yield* Output.out(
    Welcome.announce({
      url,
      local,
      name,
      token: Redacted.value(own.user),
      stateDir,
      samples,
      missing: Either.isLeft(found) ? found.left : undefined,
      ready: inventory !== undefined && !inventory.stale,
      containers: [...(inventory?.containers.values() ?? [])],
      elsewhere: chosen !== undefined,
      program: Welcome.programOf(process.env),
    }),
  )
})

/** An engine that does not answer now is told now: whoever tries this out stands in front of it. */
const probe = (engine: string | undefined): Effect.Effect<void, CommandFailed> =>
  Source.probe({ engine, env: process.env }).pipe(
    Effect.mapError((problem) => new CommandFailed({ detail: problem.message })),
    Effect.asVoid,
  )

const firstList = (registry: SourceRegistry["Type"]): Effect.Effect<void> =>
  registry.inventories.pipe(
    Effect.map(([first]) => first !== undefined && !first.stale),
    Effect.repeat({ until: (there) => there, schedule: Schedule.spaced("20 millis") }),
    Effect.asVoid,
  )

/** A host's name as the name of a source: what does not fit becomes `-`. */
const sourceName = (host: string): string =>
  host
    .split(".")[0]!
    .replace(/[^a-zA-Z0-9_-]+/g, "-")
    .replace(/^[^a-zA-Z0-9]+/, "")
    .slice(0, 63) || "local"

/** The sources a proxy knows: each by its name, with its session while it has one, and what it said it has. */
import {
  Clock,
  Context,
  Deferred,
  type Duration,
  Effect,
  Fiber,
  FiberMap,
  Layer,
  Random,
  Schema,
  type Scope,
} from "effect"
import type { Container, ContainerId } from "../model/Container.ts"
import * as Inventory from "./Inventory.ts"
import * as InventoryFeed from "./InventoryFeed.ts"
import type { Hello, Open } from "../link/LinkMessage.ts"
import { type ConnectedSession, LinkLost, type ProxySession, type StreamReader } from "../link/LinkSession.ts"
import { SessionCode } from "../link/SessionCode.ts"
import { SourceName } from "../model/SourceName.ts"
import type { SourceStatus } from "../model/SourceStatus.ts"
import * as SourceWatchers from "./SourceWatchers.ts"
import type { StreamError } from "../link/StreamError.ts"

/** No stream can be opened at the source right now; asking later may help. */
export class SourceUnavailable extends Schema.TaggedError<SourceUnavailable>()("SourceUnavailable", {
  source: SourceName,
  /** `offline` = it has no link, `busy` = it serves as many streams as one source may. */
  reason: Schema.Literal("offline", "busy"),
}) {
  override get message(): string {
    return this.reason === "offline"
      ? `the source ${this.source} is offline`
      : `the source ${this.source} serves as many streams as it may`
  }
}

/** The containers of one source, as last told. The map is live: read it at once, keep nothing of it. */
export interface SourceInventory {
  readonly source: SourceName
  /** True until the link is up and its first snapshot came through whole. */
  readonly stale: boolean
  /** True while the link is up and its first snapshot is still on the way. */
  readonly loading: boolean
  readonly containers: ReadonlyMap<ContainerId, Container>
  /** Milliseconds for which what was told of a container has held, as far as is known: a lost link or engine ends the count. */
  readonly ageOf: (id: ContainerId) => number
}

/** A source whose session was opened. */
export interface LinkedSource {
  readonly name: SourceName
  readonly session: ConnectedSession
  /** The source's clock minus the proxy's at the handshake. */
  readonly clockSkewMs: number
}

/** Who is linked, what each has told, and the streams that are open at them. */
export class SourceRegistry extends Context.Tag("@rdl/core/SourceRegistry")<
  SourceRegistry,
  {
    /** Whether a source that says hello may have the name; refuses it (CONFLICT) while another process under that name is alive, which it finds out within 3 s. */
    readonly admit: (name: SourceName, hello: Hello) => Effect.Effect<void, LinkLost>
    /** Makes the session the way to its source until it is lost; an older session of the same process is closed (REPLACED), or left to end its streams where the newer one takes over from it. Returns when the session is over; interrupting it takes the session away. */
    readonly serve: (linked: LinkedSource) => Effect.Effect<LinkLost>
    /** Every source with its containers, offline ones too. Never waits. */
    readonly inventories: Effect.Effect<ReadonlyArray<SourceInventory>>
    /** Looks at what a source has, now and whenever its link comes up or it tells something new, until there is an answer. It is never asked of a source that this proxy does not know. */
    readonly watch: <A>(
      source: SourceName,
      look: (inventory: SourceInventory, linked: boolean) => A | undefined,
    ) => Effect.Effect<A>
    /** Every source, in the order of their names. Never waits. */
    readonly statuses: Effect.Effect<ReadonlyArray<SourceStatus>>
    /** Opens a stream at a source; closing the scope cancels it there. */
    readonly open: (
      source: SourceName,
      request: Open,
    ) => Effect.Effect<StreamReader, SourceUnavailable | StreamError | LinkLost, Scope.Scope>
    /** Sends every source away (SHUTTING_DOWN): to dial again after so many milliseconds at the earliest, and up to 5 s later where there are many. Open streams go on, at most 30 s. Never waits. */
    readonly drain: (retryAfterMs: number) => Effect.Effect<void>
    /** Waits until every source is sent away: nobody should wait for one to come back. */
    readonly drained: Effect.Effect<void>
  }
>() {}

/** How much of sources is kept, and for how long. */
export interface Options {
  /** What one source may send as its inventory. */
  readonly inventory: Inventory.Limits
  /** Names known at a time, linked or not; a source with a new name is refused beyond it. Default 10,000. */
  readonly maxSources: number
  /** Streams open at one source; the session's own 256 leave room for the inventory. Default 240. */
  readonly maxStreamsPerSource: number
  /** How long a source without a link is still listed. Default 24 hours. */
  readonly rememberFor: Duration.DurationInput
  /** How long another process under a taken name is given to show that it lives. Default 3 s: the newcomer waits 5. */
  readonly probeFor: Duration.DurationInput
}

/** What holds where nothing else is said. */
export const defaults: Options = {
  inventory: Inventory.defaults,
  maxSources: 10_000,
  maxStreamsPerSource: 240,
  rememberFor: "24 hours",
  probeFor: "3 seconds",
}

/** Sources that are sent away come back at no more than 500 a second, … */
const AWAY_MS_PER_SOURCE = 2
/** … unless that would keep them away longer than this. */
const MAX_AWAY_MS = 5_000
/** Characters shown of what a source says about itself. */
const MAX_AGENT = 64
const MAX_WHY = 200

/** A session that is the way to its source, or was until the source was told to leave it. */
interface Serving extends LinkedSource {
  /** Interrupted once nothing is to be opened on it any more: its inventory is fed by the next. */
  readonly feed: Fiber.Fiber<void>
}

interface Entry {
  readonly name: SourceName
  readonly inventory: Inventory.Inventory
  linked: Serving | undefined
  /** Of the newest link, the last one where there is none. */
  version: string
  /** Unix milliseconds at which the link came up, or went down. */
  since: number
  /** Unix milliseconds at which a link was last lost; 0 where none was. */
  lostAt: number
  lastSeen: number
  streams: number
}

/** A registry in this process's memory. The scope ends its timers, not the sessions. */
export const make = Effect.fn("SourceRegistry.make")(function* (partial?: Partial<Options>) {
  const options = { ...defaults, ...partial }
  const scope = yield* Effect.scope
  const clock = yield* Effect.clock
  const now = () => clock.unsafeCurrentTimeMillis()
  const entries = new Map<SourceName, Entry>()
  const drained = yield* Deferred.make<void>()
  const watchers = SourceWatchers.make()

  const admit = Effect.fn("SourceRegistry.admit")(function* (name: SourceName, hello: Hello) {
    const linked = entries.get(name)?.linked
    if (!entries.has(name) && entries.size >= options.maxSources)
      return yield* refused(SessionCode.internal, `this proxy knows ${options.maxSources} sources, as many as it may`)
    if (linked === undefined || linked.session.hello.instanceId === hello.instanceId) return undefined
    if (yield* isAlive(linked.session, options.probeFor)) return yield* conflict(name)
    yield* Effect.forkIn(linked.session.close(SessionCode.heartbeatTimeout, "no sign of life"), scope)
    detach(entries, linked, yield* Clock.currentTimeMillis)
    return undefined
  })

  // One of a source at a time: a link that comes and goes would leave one behind each time, for a day.
  const forgetting = yield* FiberMap.make<SourceName>()
  // Interruptible by itself: it is forked where a session is being left, and nothing interrupts that.
  const forget = (entry: Entry, lostAt: number) =>
    Effect.sync(() => {
      if (entry.linked === undefined && entry.since === lostAt) entries.delete(entry.name)
    }).pipe(Effect.delay(options.rememberFor), Effect.interruptible, FiberMap.run(forgetting, entry.name))

  const leave = (linked: Serving) =>
    Effect.gen(function* () {
      const now = yield* Clock.currentTimeMillis
      const entry = detach(entries, linked, now)
      if (entry !== undefined) yield* forget(entry, now)
    })

  // Untraced: a span would last, and be held in memory, as long as the link.
  const serve = Effect.fnUntraced(function* (linked: LinkedSource) {
    const { name, session } = linked
    const entry = entries.get(name) ?? newEntry(name, options.inventory, now)
    const older = entry.linked
    // Two newcomers may have been admitted at once: the first to come here has the name.
    if (older !== undefined && older.session.hello.instanceId !== session.hello.instanceId) {
      const taken = conflict(name)
      yield* session.close(taken.code, taken.detail)
      return taken
    }
    entries.set(name, entry)
    entry.inventory.restart()
    const serving: Serving = {
      ...linked,
      feed: yield* Effect.fork(InventoryFeed.run(session, entry.inventory, () => watchers.tell(name))),
    }
    entry.linked = serving
    entry.since = yield* Clock.currentTimeMillis
    entry.version = oneLine(session.hello.agent, MAX_AGENT)
    watchers.tell(name)
    if (older !== undefined) yield* Effect.forkIn(Effect.interruptible(succeed(older, session)), scope)
    return yield* Effect.ensuring(session.lost, Effect.zipRight(Fiber.interrupt(serving.feed), leave(serving)))
  })

  const open = Effect.fn("SourceRegistry.open")(function* (source: SourceName, request: Open) {
    const entry = entries.get(source)
    if (entry?.linked === undefined) return yield* new SourceUnavailable({ source, reason: "offline" })
    if (entry.streams >= options.maxStreamsPerSource) return yield* new SourceUnavailable({ source, reason: "busy" })
    yield* Effect.acquireRelease(
      Effect.sync(() => entry.streams++),
      () => Effect.sync(() => entry.streams--),
    )
    return yield* entry.linked.session.open(request)
  })

  const watch = <A>(source: SourceName, look: (inventory: SourceInventory, linked: boolean) => A | undefined) =>
    Effect.async<A>((resume) => {
      const listen = () => {
        const entry = entries.get(source)
        const found = entry && look(inventoryOf(entry, now()), entry.linked !== undefined)
        if (found === undefined) return
        watchers.remove(source, listen)
        resume(Effect.succeed(found))
      }
      watchers.add(source, listen)
      listen()
      return Effect.sync(() => watchers.remove(source, listen))
    })

  const drain = Effect.fn("SourceRegistry.drain")(function* (retryAfterMs: number) {
    const all = Array.from(entries.values(), ({ linked }) => linked).filter((linked) => linked !== undefined)
    yield* Deferred.succeed(drained, undefined)
    const spreadMs = Math.min(MAX_AWAY_MS, AWAY_MS_PER_SOURCE * all.length)
    for (const linked of all) {
      const away = Math.round(retryAfterMs + (yield* Random.next) * spreadMs)
      yield* Effect.forkIn(Effect.interruptible(sendAway(linked, away)), scope)
    }
  })

  return SourceRegistry.of({
    admit,
    serve,
    open,
    watch,
    drain,
    drained: Deferred.await(drained),
    inventories: Effect.sync(() => Array.from(entries.values(), (entry) => inventoryOf(entry, now()))),
    statuses: Effect.sync(() =>
      Array.from(entries.values(), statusOf).sort((a, b) => (a.name < b.name ? -1 : Number(a.name > b.name))),
    ),
  })
})

/** The registry of one proxy that stands alone. */
export const layer = (options?: Partial<Options>): Layer.Layer<SourceRegistry> =>
  Layer.scoped(SourceRegistry, make(options))

const newEntry = (name: SourceName, limits: Inventory.Limits, now: () => number): Entry => ({
  name,
  inventory: Inventory.make(limits, now),
  linked: undefined,
  version: "",
  since: 0,
  lostAt: 0,
  lastSeen: 0,
  streams: 0,
})

/** What becomes of a session when a newer one has taken its place. A source that says so is still at its other end. */
const succeed = (older: Serving, { hello }: ProxySession): Effect.Effect<void> =>
  hello.handOver === older.session.welcome.sessionId
    ? sendAway(older, 0, TOOK_OVER)
    : older.session.close(SessionCode.replaced, TOOK_OVER)

const TOOK_OVER = "a newer link of the same source took over"

/** The inventory's stream never ends by itself; without it a session without users is gone at once. */
const sendAway = ({ feed, session }: Serving, retryAfterMs: number, why?: string): Effect.Effect<void> =>
  Effect.zipRight(Fiber.interrupt(feed), session.drain(retryAfterMs, why))

/** Takes a session away from its source, unless a newer one has taken its place. */
const detach = (entries: Map<SourceName, Entry>, linked: Serving, now: number): Entry | undefined => {
  const entry = entries.get(linked.name)
  if (entry?.linked !== linked) return undefined
  entry.linked = undefined
  entry.since = now
  entry.lostAt = now
  entry.lastSeen = linked.session.lastSeen()
  return entry
}

const inventoryOf = (entry: Entry, now: number): SourceInventory => {
  const { inventory, linked, lostAt, name } = entry
  const stale = linked === undefined || !inventory.ready()
  const until = Math.min(linked === undefined ? lostAt : now, inventory.engineLostAt() ?? now)
  return {
    source: name,
    stale,
    loading: stale && linked !== undefined,
    containers: inventory.containers,
    ageOf: (id) => Math.max(0, until - (inventory.toldAt(id) ?? until)),
  }
}

const statusOf = (entry: Entry): SourceStatus => {
  const { linked, inventory } = entry
  const engine = inventory.engine()
  const rttMs = linked?.session.rttMs() ?? null
  return {
    name: entry.name,
    connected: linked !== undefined,
    since: new Date(entry.since).toISOString(),
    lastSeen: new Date(linked?.session.lastSeen() ?? entry.lastSeen).toISOString(),
    transport: linked?.session.transport ?? null,
    transportWhy: oneLine(linked?.session.hello.transportWhy ?? "", MAX_WHY) || null,
    rttMs: rttMs === null ? null : Math.round(rttMs * 10) / 10,
    clockSkewMs: linked?.clockSkewMs ?? null,
    version: entry.version,
    engine: engine === undefined ? (linked?.session.hello.engine ?? null) : engine,
    readers: linked?.session.hello.readers ?? null,
    containers: inventory.containers.size,
  }
}

/** Asks for something small: any answer, were it a refusal, is a sign of life. */
const isAlive = (session: ProxySession, within: Duration.DurationInput): Effect.Effect<boolean> =>
  Effect.scoped(session.open({ op: "inventory" })).pipe(
    Effect.as(true),
    Effect.catchTags({ StreamError: () => Effect.succeed(true), LinkLost: () => Effect.succeed(false) }),
    Effect.timeoutTo({ duration: within, onTimeout: () => false, onSuccess: (alive) => alive }),
  )

const conflict = (name: SourceName) =>
  refused(
    SessionCode.conflict,
    `the name ${name} is taken by another running source; give each source a token of its own`,
  )

const refused = (code: number, detail: string) => new LinkLost({ clean: false, code, detail })

/** What a source says of itself, fit to be shown: no control characters, and no more of it than the bound. */
const oneLine = (text: string, max: number): string => text.slice(0, max).replaceAll(/\p{C}/gu, "")

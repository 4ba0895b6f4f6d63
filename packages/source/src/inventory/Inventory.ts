/** Keeps the list of this machine's containers true: events tell at once, listing again repairs what events lose. */
import { Clock, Context, Deferred, Duration, Effect, Layer, Option, type Scope, Stream } from "effect"
import type { Container, ContainerId } from "@rdl/core/model/Container"
import type { Engine } from "@rdl/core/model/Engine"
import type { InventoryChange } from "@rdl/core/model/InventoryChange"
import * as LineSplitter from "@rdl/core/log/LineSplitter"
import { EngineClient } from "../engine/EngineClient.ts"
import type { Listing } from "../engine/EngineContainer.ts"
import type { EngineProblem } from "../engine/EngineError.ts"
import { InventoryState } from "./InventoryState.ts"
import { Looks } from "./Looks.ts"

/** The shortest time between two lists of the engine, however many events there are. */
export const LIST_GAP = Duration.millis(250)
/** How often all containers are listed even if no event came. */
export const RELIST_EVERY = Duration.seconds(60)
/** The pause before the engine is tried again: doubled from the first to the last, and the first again after as long as the last went well. */
export const BACKOFF = { first: Duration.millis(250), last: Duration.seconds(10) } as const
/** The longest event line; after a longer one the events are asked for anew. */
export const MAX_EVENT = 1024 * 1024

/** The containers of this machine, kept up to date by the engine's events and a list a minute. */
export class Inventory extends Context.Tag("@rdl/source/Inventory")<
  Inventory,
  {
    /** A container as of the last list. */
    readonly get: (id: ContainerId) => Effect.Effect<Option.Option<Container>>
    /** Null while the engine cannot be reached; waits for the first attempt to reach it. */
    readonly engine: Effect.Effect<Engine | null>
    /**
     * The engine, a snapshot, then changes, without end; each subscriber has its own. Waits for the first attempt to
     * reach the engine; while none was ever reached there is no snapshot. A slow subscriber misses states in between,
     * never the last one, and starts over with a snapshot once it is 1024 changes behind.
     */
    readonly changes: Stream.Stream<InventoryChange>
  }
>() {}

/** Begins to watch; the scope ends it. */
export const make: Effect.Effect<Context.Tag.Service<Inventory>, never, EngineClient | Scope.Scope> = Effect.gen(
  function* () {
    const client = yield* EngineClient
    const clock = yield* Effect.clock
    const state = new InventoryState(() => clock.unsafeCurrentTimeMillis())
    const tried = yield* Deferred.make<void>()
    yield* Effect.forkScoped(keep(client, state, Deferred.succeed(tried, undefined)))
    return Inventory.of({
      get: (id) => Effect.sync(() => Option.fromNullable(state.get(id))),
      engine: Effect.map(Deferred.await(tried), () => state.engine ?? null),
      changes: changesOf(state),
    })
  },
)

/** Watches the engine for as long as the layer lives, and waits for one that is not there. */
export const layer: Layer.Layer<Inventory, never, EngineClient> = Layer.scoped(Inventory, make)

type Client = Context.Tag.Service<EngineClient>

const keep = Effect.fnUntraced(function* (client: Client, state: InventoryState, tried: Effect.Effect<unknown>) {
  let pause = BACKOFF.first
  let told = ""
  for (;;) {
    const began = yield* Clock.currentTimeMillis
    const watched = watch(client, state, tried)
    const ended = yield* Effect.catchAll(watched, (problem) => {
      state.offline()
      return Effect.succeed(problem.message)
    })
    yield* tried
    if (ended !== told) yield* Effect.logWarning(ended)
    told = ended
    const lasted = (yield* Clock.currentTimeMillis) - began
    if (lasted >= Duration.toMillis(BACKOFF.last)) pause = BACKOFF.first
    yield* Effect.sleep(pause)
    pause = Duration.min(Duration.times(pause, 2), BACKOFF.last)
  }
})

/** One spell with the engine: tells how its events ended, fails when it cannot be asked. */
const watch = Effect.fnUntraced(function* (client: Client, state: InventoryState, tried: Effect.Effect<unknown>) {
  const clock = yield* Effect.clock
  const engine = yield* client.version
  const looks = new Looks()
  const news = yield* Effect.makeLatch(false)
  const open = yield* Deferred.make<void>()
  const events = Effect.suspend(() => {
    const splitter = LineSplitter.make(MAX_EVENT, (line) => {
      looks.event(Buffer.from(line).toString("utf8"), clock.unsafeCurrentTimeMillis())
    })
    return client.events({
      onOpen: () => Deferred.unsafeDone(open, Effect.void),
      onData: (slice) => {
        if (!splitter.push(slice)) throw new Error("an event of the engine is too long")
      },
      onSettled: () => {
        news.unsafeOpen()
      },
    })
  })
  // However the events end, they are asked for anew; whether the engine is gone shows then.
  const listening = events.pipe(
    Effect.match({ onFailure: (problem) => problem.message, onSuccess: () => "the container engine ended its events" }),
    Effect.catchAllDefect((defect) => Effect.succeed(String(defect))),
  )
  // Listening first, listing second: what happens in between is seen twice, never not at all.
  const looking = Deferred.await(open).pipe(
    Effect.zipRight(listAll(client, state, engine)),
    Effect.zipRight(tried),
    Effect.zipRight(lookOut(client, state, looks, news)),
  )
  return yield* Effect.raceFirst(listening, looking)
})

/** Lists what events point at, at most once each `LIST_GAP`, and everything each `RELIST_EVERY`. */
const lookOut = Effect.fnUntraced(function* (client: Client, state: InventoryState, looks: Looks, news: Effect.Latch) {
  let listedAt = yield* Clock.currentTimeMillis
  let allListedAt = listedAt
  for (;;) {
    yield* news.close
    const now = yield* Clock.currentTimeMillis
    const regular = allListedAt + Duration.toMillis(RELIST_EVERY)
    const at = Math.min(regular, Math.max(looks.due(), listedAt + Duration.toMillis(LIST_GAP)))
    if (at > now) {
      yield* Effect.raceFirst(news.await, Effect.sleep(at - now))
      continue
    }
    if (now >= regular) looks.everything(now)
    const look = looks.take(now)
    if (look === "all") yield* listAll(client, state, yield* client.engine)
    else state.update(look, yield* warned(yield* client.list(look)))
    listedAt = yield* Clock.currentTimeMillis
    if (look === "all") allListedAt = listedAt
  }
})

const listAll = (client: Client, state: InventoryState, engine: Engine): Effect.Effect<void, EngineProblem> =>
  client.list().pipe(
    Effect.flatMap(warned),
    Effect.map((containers) => state.online(engine, containers)),
    Effect.filterOrElse(
      (back) => !back,
      () => Effect.logInfo(`watching ${engine.kind} ${engine.version}, API ${engine.apiVersion}`),
    ),
    Effect.asVoid,
  )

const warned = (listing: Listing): Effect.Effect<ReadonlyArray<Container>> =>
  Effect.as(
    Effect.forEach(listing.problems.slice(0, 10), (problem) =>
      Effect.logWarning(`a container of the engine's list: ${problem}`),
    ),
    listing.containers,
  )

const changesOf = (state: InventoryState): Stream.Stream<InventoryChange> =>
  Stream.unwrapScoped(
    Effect.gen(function* () {
      const news = yield* Effect.makeLatch(false)
      const feed = yield* Effect.acquireRelease(
        Effect.sync(() =>
          state.subscribe(() => {
            news.unsafeOpen()
          }),
        ),
        (feed) => Effect.sync(feed.close),
      )
      const take = news.await.pipe(
        Effect.zipRight(news.close),
        Effect.map(() => feed.take()),
      )
      return Stream.flattenIterables(Stream.repeatEffect(take))
    }),
  )

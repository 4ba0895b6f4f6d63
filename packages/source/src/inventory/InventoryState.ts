/** What a source knows of its engine and containers, and what each subscriber has yet to be told. Plain state, no I/O. */
import type { Container, ContainerId } from "@rdl/core/model/Container"
import type { Engine } from "@rdl/core/model/Engine"
import { type InventoryChange, MAX_CONTAINERS } from "@rdl/core/model/InventoryChange"
import * as StatusAge from "@rdl/core/model/StatusAge"

/** Changes a subscriber may be behind; one that is further behind gets a fresh snapshot instead. */
export const MAX_PENDING = 1024

/** One subscriber's place. */
export interface InventoryFeed {
  /** What has happened since the last call, the newest state of each container only; empty where there is nothing to say. */
  readonly take: () => ReadonlyArray<InventoryChange>
  readonly close: () => void
}

type Change = Extract<InventoryChange, { readonly _tag: "Put" | "Remove" }>

export class InventoryState {
  /** Undefined until the engine was looked for once; null while it cannot be reached. */
  engine: Engine | null | undefined
  private known: ReadonlyMap<ContainerId, Container> | undefined
  private readonly feeds = new Set<Feed>()
  private readonly now: () => number
  private readonly listedAt = new WeakMap<Container, number>()
  /** When the engine was lost, while it is. */
  private lostAt: number | undefined

  /** The clock tells milliseconds. */
  constructor(now: () => number) {
    this.now = now
  }

  /** As of the last list. */
  get(id: ContainerId): Container | undefined {
    return this.known?.get(id)
  }

  /** The engine is there, and this is all it has; true where it was not there before. */
  online(engine: Engine, listed: ReadonlyArray<Container>): boolean {
    this.stamp(listed)
    this.lostAt = undefined
    const back = this.engine === null || this.known === undefined
    const changed = !same(this.engine, engine)
    this.engine = engine
    const before = this.known ?? new Map<ContainerId, Container>()
    this.known = new Map(listed.slice(0, MAX_CONTAINERS).map((container) => [container.id, container]))
    if (changed) for (const feed of this.feeds) feed.tellEngine()
    if (back) for (const feed of this.feeds) feed.startOver()
    else this.tellDifference(before, this.known)
    return back
  }

  /** These containers were looked at again: those not listed are gone. */
  update(asked: ReadonlyArray<ContainerId>, listed: ReadonlyArray<Container>): void {
    if (this.known === undefined) return
    this.stamp(listed)
    const after = new Map(this.known)
    for (const id of asked) after.delete(id)
    for (const container of listed)
      if (after.size < MAX_CONTAINERS || after.has(container.id)) after.set(container.id, container)
    const before = this.known
    this.known = after
    this.tellDifference(pick(before, asked), pick(after, asked))
  }

  /** The engine cannot be reached; its containers are remembered until it is back. */
  offline(): void {
    if (this.engine === null) return
    this.engine = null
    this.lostAt = this.now()
    for (const feed of this.feeds) feed.tellEngine()
  }

  /** `wake` is called when `take` has something to give, from within the change; at once if it has already. */
  subscribe(wake: () => void): InventoryFeed {
    const feed = new Feed(this, wake)
    this.feeds.add(feed)
    if (this.engine !== undefined) feed.tellEngine()
    if (this.known !== undefined) feed.startOver()
    return { take: () => feed.take(), close: () => void this.feeds.delete(feed) }
  }

  /** Empty while no list ever came. */
  containers(): ReadonlyMap<ContainerId, Container> {
    return this.known ?? new Map()
  }

  /** What to say of a container now, or when the engine was lost: whoever hears it takes the words of its status for new. */
  asOfNow(container: Container): Container {
    const until = this.lostAt ?? this.now()
    const status = StatusAge.aged(container.status, until - (this.listedAt.get(container) ?? until))
    return status === container.status ? container : { ...container, status }
  }

  private stamp(listed: ReadonlyArray<Container>): void {
    const now = this.now()
    for (const container of listed) this.listedAt.set(container, now)
  }

  private tellDifference(
    before: ReadonlyMap<ContainerId, Container>,
    after: ReadonlyMap<ContainerId, Container>,
  ): void {
    for (const id of before.keys()) if (!after.has(id)) this.tell({ _tag: "Remove", id })
    for (const [id, container] of after) if (!same(before.get(id), container)) this.tell({ _tag: "Put", container })
  }

  private tell(change: Change): void {
    for (const feed of this.feeds) feed.tell(change)
  }
}

class Feed {
  private readonly state: InventoryState
  private readonly wake: () => void
  private readonly pending = new Map<ContainerId, Change>()
  private engine = false
  private snapshot = false

  constructor(state: InventoryState, wake: () => void) {
    this.state = state
    this.wake = wake
  }

  tellEngine(): void {
    this.engine = true
    this.wake()
  }

  startOver(): void {
    this.snapshot = true
    this.pending.clear()
    this.wake()
  }

  tell(change: Change): void {
    if (this.snapshot) return
    const id = change._tag === "Put" ? change.container.id : change.id
    this.pending.set(id, change)
    if (this.pending.size > MAX_PENDING) this.startOver()
    else this.wake()
  }

  take(): ReadonlyArray<InventoryChange> {
    const changes: Array<InventoryChange> = []
    if (this.engine) changes.push({ _tag: "EngineChanged", engine: this.state.engine ?? null })
    if (this.snapshot) {
      changes.push({ _tag: "Begin" })
      for (const container of this.state.containers().values())
        changes.push({ _tag: "Put", container: this.state.asOfNow(container) })
      changes.push({ _tag: "Ready" })
    } else for (const change of this.pending.values()) changes.push(change)
    this.engine = false
    this.snapshot = false
    this.pending.clear()
    return changes
  }
}

/** Both sides are made by the same code in the same order of keys, so their JSON can be compared. */
const same = (left: unknown, right: unknown): boolean => JSON.stringify(left) === JSON.stringify(right)

const pick = (
  containers: ReadonlyMap<ContainerId, Container>,
  ids: ReadonlyArray<ContainerId>,
): ReadonlyMap<ContainerId, Container> =>
  new Map(
    ids.flatMap((id) => {
      const container = containers.get(id)
      return container === undefined ? [] : [[id, container] as const]
    }),
  )

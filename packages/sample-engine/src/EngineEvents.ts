/** What happens to containers, told as it happens; the last 256 are remembered, as every Docker engine does. */
import type { Container } from "./Container.ts"
import { sorted } from "./ContainerJson.ts"
import { NANOS_PER_SECOND } from "./EngineClock.ts"
import { type Filters, matchesLabel } from "./Filters.ts"
import type { Flavour } from "./Flavour.ts"

export interface EngineEvent {
  readonly status: string
  readonly id: string
  readonly from: string
  readonly Type: "container"
  readonly Action: string
  readonly Actor: { readonly ID: string; readonly Attributes: Readonly<Record<string, string>> }
  readonly scope: "local"
  /** Unix seconds. */
  readonly time: number
  readonly timeNano: bigint
}

const MAX_REMEMBERED = 256
const MAX_PENDING = 1024

export class EngineEvents {
  private readonly remembered: Array<EngineEvent> = []
  private readonly subscriptions = new Set<EventSubscription>()
  private losing = false

  /** Tells every subscription whose filters match, and remembers. */
  publish(event: EngineEvent): void {
    if (this.losing) return
    this.remembered.push(event)
    if (this.remembered.length > MAX_REMEMBERED) this.remembered.shift()
    for (const subscription of this.subscriptions) subscription.offer(event)
  }

  /** Events of what `body` does are told to nobody and not remembered. */
  losingDuring(body: () => void): void {
    this.losing = true
    try {
      body()
    } finally {
      this.losing = false
    }
  }

  /** Remembered events between two times, both inclusive, oldest first. */
  between(since: bigint | undefined, until: bigint | undefined): ReadonlyArray<EngineEvent> {
    return this.remembered.filter(
      (event) => event.timeNano >= (since ?? 0n) && (until === undefined || event.timeNano <= until),
    )
  }

  subscribe(subscription: EventSubscription): void {
    this.subscriptions.add(subscription)
  }

  unsubscribe(subscription: EventSubscription): void {
    this.subscriptions.delete(subscription)
  }
}

/** One reader of events: at most 1024 wait for it, more are dropped without a word. */
export class EventSubscription {
  private readonly matches: (event: EngineEvent) => boolean
  private pending: Array<EngineEvent> = []
  private resume: (() => void) | undefined

  constructor(matches: (event: EngineEvent) => boolean) {
    this.matches = matches
  }

  offer(event: EngineEvent): void {
    if (!this.matches(event) || this.pending.length >= MAX_PENDING) return
    this.pending.push(event)
    this.wake()
  }

  take(): ReadonlyArray<EngineEvent> {
    const taken = this.pending
    this.pending = []
    return taken
  }

  /** Waits until an event has come, or `wake` is called. */
  wait(): Promise<void> {
    if (this.pending.length > 0) return Promise.resolve()
    return new Promise((resolve) => {
      this.resume = resolve
    })
  }

  readonly wake = (): void => {
    this.resume?.()
    this.resume = undefined
  }
}

/** Podman's own words for what Docker calls differently, and what it tells besides. */
const PODMAN_ACTIONS: Readonly<Record<string, ReadonlyArray<string>>> = {
  start: ["init", "start"],
  die: ["die", "cleanup"],
  destroy: ["remove"],
}

/** The events of one action, in the order in which they are told. */
export const containerEvents = (
  flavour: Flavour,
  container: Container,
  action: string,
  extra: Readonly<Record<string, string>>,
  timeNano: bigint,
): ReadonlyArray<EngineEvent> => {
  const actions = flavour.kind === "podman" ? (PODMAN_ACTIONS[action] ?? [action]) : [action]
  const attributes = flavour.kind === "podman" ? podmanAttributes(extra) : dockerAttributes(flavour, extra)
  return actions.map((told) => ({
    status: told,
    id: container.id,
    from: container.image,
    Type: "container",
    Action: told,
    Actor: {
      ID: container.id,
      Attributes: sorted({ ...container.labels, image: container.image, name: container.name, ...attributes }),
    },
    scope: "local",
    time: Number(timeNano / NANOS_PER_SECOND),
    timeNano,
  }))
}

const dockerAttributes = (
  { modernEvents }: Flavour,
  { execDuration, ...extra }: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> => (modernEvents && execDuration !== undefined ? { ...extra, execDuration } : extra)

/** Podman says neither the old name nor the signal; the exit code it says twice. */
const podmanAttributes = ({ exitCode }: Readonly<Record<string, string>>): Readonly<Record<string, string>> =>
  exitCode === undefined ? { podId: "" } : { podId: "", exitCode, containerExitCode: exitCode }

/** The filters of `/events`: unknown ones are ignored; `container` and `image` match the start of an id or name. */
export const eventMatcher =
  (filters: Filters) =>
  ({ Type, Action, Actor }: EngineEvent): boolean => {
    const wanted = (name: string, holds: (value: string) => boolean) => {
      const values = filters.get(name)
      return values === undefined || values.length === 0 || values.some(holds)
    }
    const { name = "", image = "" } = Actor.Attributes
    return (
      wanted("type", (value) => value === Type) &&
      wanted("event", (value) => value === Action) &&
      wanted("container", (value) => Actor.ID.startsWith(value) || name.startsWith(value)) &&
      wanted("image", (value) => image.startsWith(value)) &&
      (filters.get("label") ?? []).every((value) => matchesLabel(Actor.Attributes, value))
    )
  }

/** One line of the answer; the time in nanoseconds is a number, beyond what JSON.stringify can write of a bigint. */
export const eventLine = ({ timeNano, ...event }: EngineEvent): string =>
  `${JSON.stringify(event).slice(0, -1)},"timeNano":${timeNano}}\n`

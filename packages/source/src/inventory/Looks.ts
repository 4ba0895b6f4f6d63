/** Which containers to look at again, and when: gathered from the engine's events, so that a storm of them costs few questions. */
import { Option, Schema } from "effect"
import { ContainerId } from "@rdl/core/model/Container"
import { MAX_LISTED } from "../engine/EngineRequest.ts"

/** How long after a container died it is looked at once more, in milliseconds: Docker says `die` before its own list knows. */
export const SECOND_LOOK_MS = 1000
/** The most containers awaiting a second look; where there are more, all are looked at. */
export const MAX_SECOND_LOOKS = 1024

/** The events after which a container may look different; both engines' spellings. */
const telling = new Set([
  "create",
  "init",
  "start",
  "restart",
  "die",
  "died",
  "stop",
  "cleanup",
  "destroy",
  "remove",
  "rename",
  "pause",
  "unpause",
  "update",
  "health_status",
])

const Event = Schema.parseJson(
  Schema.Struct({
    Action: Schema.String,
    Actor: Schema.Struct({ ID: ContainerId }),
  }),
)
const decodeEvent = Schema.decodeUnknownOption(Event)

/** What to look at now: some containers by id, or all of them. */
export type Look = "all" | ReadonlyArray<ContainerId>

export class Looks {
  private soon = new Set<ContainerId>()
  private soonAt = Number.POSITIVE_INFINITY
  private all = false
  /** In the order of their times, as the delay is the same for all. */
  private readonly later = new Map<ContainerId, number>()

  /** Takes one line of the engine's event stream; what is no container's event is passed over. */
  event(line: string, now: number): void {
    const event = Option.getOrUndefined(decodeEvent(line))
    // `health_status: healthy` carries its news in the name.
    const action = event?.Action.split(":")[0] ?? ""
    if (event === undefined || !telling.has(action)) return
    this.mark(event.Actor.ID, now)
    if (action === "die" || action === "died") this.markLater(event.Actor.ID, now + SECOND_LOOK_MS)
  }

  everything(now: number): void {
    this.all = true
    this.soonAt = Math.min(this.soonAt, now)
  }

  /** When the next look is wanted; infinity for none. */
  due(): number {
    const [second = Number.POSITIVE_INFINITY] = this.later.values()
    return Math.min(this.soonAt, second)
  }

  /** What is due, which is thereby seen to; empty for nothing. */
  take(now: number): Look {
    for (const [id, at] of this.later) {
      if (at > now) break
      this.later.delete(id)
      this.mark(id, at)
    }
    const look = this.all ? "all" : [...this.soon]
    this.soon = new Set()
    this.soonAt = Number.POSITIVE_INFINITY
    this.all = false
    return look
  }

  private mark(id: ContainerId, now: number): void {
    this.soonAt = Math.min(this.soonAt, now)
    if (this.soon.size < MAX_LISTED || this.soon.has(id)) this.soon.add(id)
    else this.all = true
  }

  private markLater(id: ContainerId, at: number): void {
    this.later.delete(id)
    if (this.later.size < MAX_SECOND_LOOKS) this.later.set(id, at)
    else this.all = true
  }
}

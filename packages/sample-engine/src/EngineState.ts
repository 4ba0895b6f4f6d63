/** What one engine is and has: everything that an answer can be made of. */
import type { ContainerRegistry } from "./ContainerRegistry.ts"
import type { EngineClock } from "./EngineClock.ts"
import type { EngineEvents } from "./EngineEvents.ts"
import type { Flavour } from "./Flavour.ts"

export interface EngineState {
  readonly flavour: Flavour
  readonly clock: EngineClock
  readonly containers: ContainerRegistry
  readonly events: EngineEvents
  /** The host's name in `/info`. */
  readonly hostName: string
  /** The zone of Podman's log timestamps, in minutes east of UTC. */
  readonly zoneMinutes: number
}

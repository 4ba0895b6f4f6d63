/** Something that happened to a container, as its engine told it: the projection of the engine's event that leaves a host. */
import { Schema } from "effect"
import { ContainerId, ContainerName } from "./Container.ts"

/**
 * What may have happened. Not among them is what people do inside of a container: the engine writes their commands into
 * the name of the event.
 */
const ACTION =
  /^(?:create|start|restart|stop|kill|die|oom|pause|unpause|rename|update|resize|destroy|health_status(?:: [a-z]{1,20})?)$/

/** The longest line of an events stream, in bytes, its newline not counted; a longer one is a broken peer. */
export const MAX_EVENT_BYTES = 256 * 1024

export const ContainerEvent = Schema.Struct({
  id: ContainerId,
  action: Schema.String.pipe(Schema.pattern(ACTION)),
  /** As of then. */
  name: ContainerName,
  image: Schema.String,
  labels: Schema.Record({ key: Schema.String, value: Schema.String }),
  /** What a container that died ended with. */
  exitCode: Schema.optional(Schema.String.pipe(Schema.pattern(/^-?\d{1,10}$/))),
  /** Unix nanoseconds of the engine's clock, as text: they do not fit into a number. */
  timeNano: Schema.String.pipe(Schema.pattern(/^\d{1,19}$/)),
})
export type ContainerEvent = typeof ContainerEvent.Type

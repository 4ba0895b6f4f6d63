/** One container of an inventory: the projection of the engine's list that leaves a host, never its environment or mounts. */
import { Schema } from "effect"
import { SourceName } from "./SourceName.ts"

/** The engine's full id: 64 lower-case hexadecimal digits. */
export const ContainerId = Schema.String.pipe(Schema.pattern(/^[0-9a-f]{64}$/), Schema.brand("ContainerId"))
export type ContainerId = typeof ContainerId.Type

/** A name as the engine allows it, without the leading `/` of its API; at most 255 characters. */
export const ContainerName = Schema.String.pipe(
  Schema.pattern(/^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,254}$/),
  Schema.brand("ContainerName"),
)
export type ContainerName = typeof ContainerName.Type

/** A port of a container, and where it is published, if it is; as the engine lists it. */
export const PortMapping = Schema.Struct({
  ip: Schema.optional(Schema.String),
  privatePort: Schema.Int,
  publicPort: Schema.optional(Schema.Int),
  type: Schema.String,
})

/** A container as a source tells of it: nothing of its environment, its mounts or its host's paths. */
export const Container = Schema.Struct({
  id: ContainerId,
  /** The first of `names`. */
  name: ContainerName,
  names: Schema.NonEmptyArray(ContainerName),
  image: Schema.String,
  imageId: Schema.String,
  command: Schema.String,
  /** Unix seconds. */
  created: Schema.Int,
  /** `created`, `running`, `paused`, `restarting`, `removing`, `exited`, `dead`. */
  state: Schema.String,
  /** The engine's own words, such as `Up 3 minutes`: at the source as old as the last listing, for users as of now. */
  status: Schema.String,
  labels: Schema.Record({ key: Schema.String, value: Schema.String }),
  ports: Schema.Array(PortMapping),
})
export type Container = typeof Container.Type

/** A container as users see it: with the source it lives on. */
export const SourceContainer = Schema.Struct({
  ...Container.fields,
  source: SourceName,
  /** True while the link of its source is down: what is said here was true when the link was lost. */
  stale: Schema.Boolean,
})
export type SourceContainer = typeof SourceContainer.Type

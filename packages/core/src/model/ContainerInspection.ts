/** What the engine's inspection says of a container, in the engine's own words, cut down to what may leave a host: no environment, no mounts, no command. */
import { Schema } from "effect"
import { ContainerId } from "./Container.ts"

const text = Schema.optionalWith(Schema.String, { default: () => "", nullable: true })
const flag = Schema.optionalWith(Schema.Boolean, { default: () => false, nullable: true })
const count = Schema.optionalWith(Schema.Int, { default: () => 0, nullable: true })

/** Where container ports are bound, by `80/tcp`; null = exposed and not published. */
const Ports = Schema.optionalWith(
  Schema.Record({
    key: Schema.String,
    value: Schema.NullOr(Schema.Array(Schema.Struct({ HostIp: text, HostPort: text }))),
  }),
  { default: () => ({}), nullable: true },
)

const State = Schema.Struct({
  Status: Schema.String,
  Running: flag,
  Paused: flag,
  Restarting: flag,
  OOMKilled: flag,
  Dead: flag,
  ExitCode: count,
  StartedAt: text,
  FinishedAt: text,
  /** Without what the checks printed. */
  Health: Schema.optional(Schema.NullOr(Schema.Struct({ Status: text, FailingStreak: count }))),
})

const Config = Schema.Struct({
  Hostname: text,
  Tty: flag,
  Image: text,
  Labels: Schema.optionalWith(Schema.Record({ key: Schema.String, value: Schema.String }), {
    default: () => ({}),
    nullable: true,
  }),
})

const HostConfig = Schema.Struct({
  LogConfig: Schema.optionalWith(Schema.Struct({ Type: text }), { default: () => ({ Type: "" }), nullable: true }),
  NetworkMode: text,
  PortBindings: Ports,
  RestartPolicy: Schema.optionalWith(Schema.Struct({ Name: text, MaximumRetryCount: count }), {
    default: () => ({ Name: "", MaximumRetryCount: 0 }),
    nullable: true,
  }),
  AutoRemove: flag,
})

export const ContainerInspection = Schema.Struct({
  Id: ContainerId,
  Created: text,
  State,
  Image: text,
  /** With the engine's leading `/`. */
  Name: text,
  RestartCount: count,
  Driver: text,
  Platform: text,
  Config,
  HostConfig,
  NetworkSettings: Schema.Struct({ Ports }),
})
export type ContainerInspection = typeof ContainerInspection.Type

/**
 * The same without another container, whose network this one may share: neither that one's id nor the name of its host,
 * which is made of the id. Whoever may see this one may not see that one by it.
 */
export const alone = (told: ContainerInspection): ContainerInspection =>
  told.HostConfig.NetworkMode.startsWith("container:")
    ? {
        ...told,
        Config: { ...told.Config, Hostname: "" },
        HostConfig: { ...told.HostConfig, NetworkMode: "container" },
      }
    : told

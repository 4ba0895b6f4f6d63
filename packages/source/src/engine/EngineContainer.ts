/** What the engine's JSON says of containers, cut down to what may leave the host. */
import { Either, Option, Schema } from "effect"
import { type Container, ContainerId, ContainerName } from "@rdl/core/model/Container"
import { MAX_CONTAINER_BYTES } from "@rdl/core/model/InventoryChange"
import * as SourcePolicy from "../SourcePolicy.ts"

const Ports = Schema.Array(
  Schema.Struct({
    IP: Schema.optional(Schema.String),
    PrivatePort: Schema.Int,
    PublicPort: Schema.optional(Schema.Int),
    Type: Schema.String,
  }),
)

const Labels = Schema.Record({ key: Schema.String, value: Schema.String })

/** One element of the engine's list; Podman leaves out or nulls what is empty. */
const Listed = Schema.Struct({
  Id: ContainerId,
  Names: Schema.optional(Schema.NullOr(Schema.Array(Schema.String))),
  Image: Schema.optionalWith(Schema.String, { default: () => "" }),
  ImageID: Schema.optionalWith(Schema.String, { default: () => "" }),
  Command: Schema.optionalWith(Schema.String, { default: () => "", nullable: true }),
  Created: Schema.Int,
  State: Schema.String,
  Status: Schema.optionalWith(Schema.String, { default: () => "" }),
  Labels: Schema.optionalWith(Labels, { default: () => ({}), nullable: true }),
  Ports: Schema.optionalWith(Ports, { default: () => [], nullable: true }),
})

/** Whether a container of this state still has its processes. */
export const isRunning = (status: string): boolean => status === "running" || status === "paused"

/** What a log reader must know of a container before it reads. */
export interface ContainerDetails {
  readonly id: ContainerId
  /** Whether it has a terminal: then its log is one stream of raw bytes. */
  readonly tty: boolean
  /** `running`, `exited`, `removing`, `dead` and the like. */
  readonly status: string
  /** Such as `json-file`; empty where the engine does not tell. */
  readonly logDriver: string
  /** Where the engine keeps the log; empty where it is no file. */
  readonly logPath: string
  /** The driver's options, such as `max-size`, the engine's own defaults among them. */
  readonly logOptions: Readonly<Record<string, string>>
  /** When it was started last, as the engine writes it: another text after a restart. */
  readonly startedAt: string
  /** Podman's own API answers for it: its log comes in frames, terminal or not, and its `max-size` is known. Default no. */
  readonly libpod?: boolean
}

const Inspected = Schema.Struct({
  Id: ContainerId,
  Config: Schema.Struct({ Tty: Schema.optionalWith(Schema.Boolean, { default: () => false }) }),
  State: Schema.Struct({
    Status: Schema.String,
    StartedAt: Schema.optionalWith(Schema.String, { default: () => "", nullable: true }),
  }),
  LogPath: Schema.optionalWith(Schema.String, { default: () => "", nullable: true }),
  HostConfig: Schema.optional(
    Schema.Struct({
      LogConfig: Schema.optional(
        Schema.Struct({
          Type: Schema.optionalWith(Schema.String, { default: () => "" }),
          Config: Schema.optionalWith(Labels, { default: () => ({}), nullable: true }),
        }),
      ),
    }),
  ),
})

/** The containers of a list, and in words what was wrong with those left out. */
export interface Listing {
  readonly containers: ReadonlyArray<Container>
  readonly problems: ReadonlyArray<string>
}

const decodeListed = Schema.decodeUnknownEither(Listed)
const decodeInspected = Schema.decodeUnknownOption(Inspected)
const asName = Schema.decodeUnknownOption(ContainerName)

/** Undefined where the answer is not a list at all; a single element that makes no sense is left out, and so is one that is not shared. */
export const fromList = (
  json: unknown,
  policy: SourcePolicy.SourcePolicy = SourcePolicy.defaults,
): Listing | undefined => {
  if (!Array.isArray(json)) return undefined
  const containers: Array<Container> = []
  const problems: Array<string> = []
  for (const element of json as ReadonlyArray<unknown>)
    Either.match(decodeListed(element), {
      onLeft: (error) => problems.push(error.message.slice(0, 500)),
      onRight: (listed) => {
        const container = project(listed)
        // Before anything is left out of it that the policy may look at.
        if (!SourcePolicy.shares(policy, container)) return
        const small = shrink(container)
        if (small !== container)
          problems.push(`${container.id}: too long to send whole, its labels and ports are left out`)
        containers.push(small)
      },
    })
  return { containers, problems }
}

/** Undefined where the answer is not what `inspect` gives. */
export const fromInspect = (json: unknown): ContainerDetails | undefined =>
  Option.getOrUndefined(
    Option.map(decodeInspected(json), (inspected) => ({
      id: inspected.Id,
      tty: inspected.Config.Tty,
      status: stateOf(inspected.State.Status),
      logDriver: inspected.HostConfig?.LogConfig?.Type ?? "",
      logPath: inspected.LogPath,
      logOptions: inspected.HostConfig?.LogConfig?.Config ?? {},
      startedAt: inspected.State.StartedAt,
    })),
  )

const LibpodInspected = Schema.Struct({
  HostConfig: Schema.Struct({
    LogConfig: Schema.Struct({ Size: Schema.optionalWith(Schema.String, { default: () => "" }) }),
  }),
})
const decodeLibpod = Schema.decodeUnknownOption(LibpodInspected)

/** What Podman's own inspection adds; a log without bound has the size `0B`. */
export const withLibpod = (details: ContainerDetails, json: unknown): ContainerDetails =>
  Option.match(decodeLibpod(json), {
    onNone: () => details,
    onSome: ({ HostConfig: { LogConfig } }) => ({
      ...details,
      libpod: true,
      logOptions: /^[1-9]/.test(LogConfig.Size)
        ? { ...details.logOptions, "max-size": LogConfig.Size }
        : details.logOptions,
    }),
  })

/** Podman's states that Docker has no word for: a container that it is stopping runs on, and writes, until it has stopped. */
const DOCKERS = new Map([
  ["configured", "created"],
  ["initialized", "created"],
  ["stopping", "running"],
  ["stopped", "exited"],
])

const stateOf = (word: string): string => DOCKERS.get(word) ?? word

const project = (listed: typeof Listed.Type): Container => {
  const names = namesOf(listed.Names ?? [], listed.Id)
  return {
    id: listed.Id,
    name: names[0],
    names,
    image: listed.Image,
    imageId: listed.ImageID,
    command: listed.Command,
    created: listed.Created,
    state: stateOf(listed.State),
    status: listed.Status,
    labels: listed.Labels,
    ports: listed.Ports.map((port) => ({
      ...(port.IP === undefined || port.IP === "" ? {} : { ip: port.IP }),
      privatePort: port.PrivatePort,
      ...(port.PublicPort === undefined || port.PublicPort === 0 ? {} : { publicPort: port.PublicPort }),
      type: port.Type,
    })),
  }
}

/** A name with a slash inside is a link of another container to this one; a container without a name goes by its short id. */
const namesOf = (names: ReadonlyArray<string>, id: ContainerId): readonly [ContainerName, ...Array<ContainerName>] => {
  const [first, ...others] = names.flatMap((name) => Option.toArray(asName(name.replace(/^\//, ""))))
  return first === undefined ? [ContainerName.make(id.slice(0, 12))] : [first, ...others]
}

/** Nothing a container says of itself may make its line longer than the other end takes. */
const shrink = (container: Container): Container =>
  Buffer.byteLength(JSON.stringify(container)) <= MAX_CONTAINER_BYTES
    ? container
    : {
        ...container,
        names: [container.name],
        image: container.image.slice(0, 1024),
        command: container.command.slice(0, 1024),
        labels: {},
        ports: [],
      }

/** Containers in the engine's JSON: an element of the list, and inspect. */
import type { Container, ContainerStatus } from "./Container.ts"
import { NANOS_PER_SECOND } from "./EngineClock.ts"
import { inspectTime, unixSeconds } from "./Timestamp.ts"

/** One element of `/containers/json`. */
export const listElement = (container: Container, now: bigint): Record<string, unknown> => ({
  Id: container.id,
  Names: ["/" + container.name],
  Image: container.image,
  ImageID: container.imageId,
  Command: container.command.map((word) => (word.includes(" ") ? `'${word}'` : word)).join(" "),
  Created: unixSeconds(container.created),
  Ports: [],
  Labels: sorted(container.labels),
  State: container.status,
  Status: statusText(container, now),
  HostConfig: { NetworkMode: "none" },
  NetworkSettings: { Networks: {} },
  Mounts: [],
})

/** The answer of `/containers/{ref}/json`: less than an engine says, nothing that it does not say. */
export const inspectJson = (container: Container): Record<string, unknown> => ({
  Id: container.id,
  Created: inspectTime(container.created),
  Path: container.command[0] ?? "",
  Args: container.command.slice(1),
  State: inspectState(container),
  Image: container.imageId,
  LogPath: "",
  Name: "/" + container.name,
  RestartCount: 0,
  Driver: "overlay2",
  Platform: "linux",
  Mounts: [],
  HostConfig: {
    LogConfig: { Type: container.logDriver, Config: sorted(container.logOptions) },
    NetworkMode: "none",
    RestartPolicy: { Name: "", MaximumRetryCount: 0 },
    AutoRemove: false,
  },
  Config: {
    Hostname: container.id.slice(0, 12),
    Tty: container.tty,
    OpenStdin: false,
    Env: container.env,
    Cmd: container.command,
    Image: container.image,
    Entrypoint: null,
    Labels: sorted(container.labels),
  },
  NetworkSettings: { Networks: {} },
})

const inspectState = (container: Container): Record<string, unknown> => ({
  Status: container.status,
  Running: container.running,
  Paused: container.status === "paused",
  Restarting: false,
  OOMKilled: false,
  Dead: container.status === "dead",
  Pid: container.running ? 1000 : 0,
  ExitCode: container.exitCode,
  Error: "",
  StartedAt: inspectTime(container.startedAt),
  FinishedAt: inspectTime(container.finishedAt),
})

const STATUS_TEXT: Record<ContainerStatus, (up: string, down: string, exitCode: number) => string> = {
  created: () => "Created",
  running: (up) => `Up ${up}`,
  paused: (up) => `Up ${up} (Paused)`,
  exited: (_up, down, exitCode) => `Exited (${exitCode}) ${down} ago`,
  removing: () => "Removal In Progress",
  dead: () => "Dead",
}

const statusText = (container: Container, now: bigint): string =>
  STATUS_TEXT[container.status](age(container.startedAt, now), age(container.finishedAt, now), container.exitCode)

/** The engine's words for a length of time. */
const age = (from: bigint | undefined, now: bigint): string => {
  const seconds = Number((now - (from ?? now)) / NANOS_PER_SECOND)
  const minutes = Math.floor(seconds / 60)
  const hours = Math.round(seconds / 3600)
  if (seconds < 1) return "Less than a second"
  if (seconds === 1) return "1 second"
  if (seconds < 60) return `${seconds} seconds`
  if (minutes === 1) return "About a minute"
  if (minutes < 60) return `${minutes} minutes`
  if (hours === 1) return "About an hour"
  if (hours < 48) return `${hours} hours`
  if (hours < 24 * 14) return `${Math.floor(hours / 24)} days`
  if (hours < 24 * 60) return `${Math.floor(hours / 24 / 7)} weeks`
  if (hours < 24 * 730) return `${Math.floor(hours / 24 / 30)} months`
  return `${Math.floor(hours / 24 / 365)} years`
}

/** Keys in the engine's order: by their bytes. */
export const sorted = <A>(record: Readonly<Record<string, A>>): Record<string, A> =>
  Object.fromEntries(Object.entries(record).sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b))))

/** What `details=1` writes: the attributes the log driver was told to keep, sorted, escaped as in a query string. */
export const detailsText = (container: Container): string => {
  const chosen = (option: string) => (container.logOptions[option] ?? "").split(",").filter((word) => word !== "")
  const env = new Map(container.env.map((pair) => splitAt(pair, "=")))
  const attributes: Record<string, string> = {}
  for (const key of chosen("labels")) if (container.labels[key] !== undefined) attributes[key] = container.labels[key]
  for (const key of chosen("env")) if (env.has(key)) attributes[key] = env.get(key) ?? ""
  const tag = container.logOptions["tag"]
  if (tag !== undefined)
    attributes["tag"] = tag.replaceAll("{{.Name}}", container.name).replaceAll("{{.ID}}", container.id.slice(0, 12))
  return Object.entries(sorted(attributes))
    .map(([key, value]) => `${queryEscape(key)}=${queryEscape(value)}`)
    .join(",")
}

const splitAt = (text: string, separator: string): readonly [string, string] => {
  const at = text.indexOf(separator)
  return at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at + separator.length)]
}

/** As Go's `url.QueryEscape`. */
const queryEscape = (text: string): string =>
  encodeURIComponent(text)
    .replace(/[!'()*]/g, (character) => "%" + character.charCodeAt(0).toString(16).toUpperCase())
    .replaceAll("%20", "+")

/** The JSON payloads of link frames (docs/protocol.md); at most 16 KiB each. */
import { Schema } from "effect"
import { ContainerId } from "../model/Container.ts"
import { Engine } from "../model/Engine.ts"
import { GREATEST_MAX_FRAME } from "./LinkLimits.ts"
import { CursorText } from "../log/LogCursor.ts"
import { LogReaders } from "../model/LogReaders.ts"
import { LogQuery, LogRendering } from "../log/LogQuery.ts"
import { LogTime } from "../log/LogTime.ts"
import { ProcessColumns } from "../model/ProcessColumns.ts"
import { SourceName } from "../model/SourceName.ts"
import { Scope } from "../token/TokenClaims.ts"

/** The one version of the protocol there is. */
export const PROTOCOL_VERSION = 1

/** What the source says first. The proxy takes the source's name from the token, never from here. */
export const Hello = Schema.Struct({
  versions: Schema.NonEmptyArray(Schema.Int),
  /** Random per process: tells a source that came back from a second one with a copied token. */
  instanceId: Schema.NonEmptyString,
  /** Unix milliseconds of the source's clock, now. */
  time: Schema.Finite,
  /** Release of the source, such as `rdl/0.1.0`. */
  agent: Schema.String,
  engine: Schema.NullOr(Engine),
  features: Schema.Array(Schema.String),
  /** The `sessionId` of a link of this process that this one takes over from: what is open there goes on. */
  handOver: Schema.optional(Schema.String),
  /** Why the link travels this way although the source knows a better one; the proxy shows 200 characters of it. */
  transportWhy: Schema.optional(Schema.String),
  /** How logs can be read here, as far as is known; the proxy shows it. */
  readers: Schema.optional(LogReaders),
})
export type Hello = typeof Hello.Type

/** What the proxy answers: the terms of the session. */
export const Welcome = Schema.Struct({
  version: Schema.Int,
  sessionId: Schema.NonEmptyString,
  proxyId: Schema.NonEmptyString,
  /** The name the token gave the source. */
  source: SourceName,
  /** Milliseconds from one PING to the next. */
  heartbeatMs: Schema.Int.pipe(Schema.positive()),
  /** Milliseconds without a frame after which the link is dead; greater than `heartbeatMs`. */
  deadMs: Schema.Int.pipe(Schema.positive()),
  /** The longest DATA payload in bytes. */
  maxFrame: Schema.Int.pipe(Schema.between(1024, GREATEST_MAX_FRAME)),
  /** Streams open at a time. */
  maxStreams: Schema.Int.pipe(Schema.between(1, 65_535)),
  features: Schema.Array(Schema.String),
}).pipe(Schema.filter((terms) => terms.deadMs > terms.heartbeatMs || "deadMs must be greater than heartbeatMs"))
export type Welcome = typeof Welcome.Type

/** Asks for the inventory: InventoryChange objects, one JSON line each, until the stream is reset. */
export const OpenInventory = Schema.Struct({ op: Schema.Literal("inventory") })

/** Where a log goes on that broke off. */
export const Resume = Schema.Struct({
  /** As a MARK carried it, in base64url. */
  cursor: CursorText,
  /** Bytes of this very rendering that came after the cursor: they are left out. */
  received: Schema.NonNegativeInt,
})
export type Resume = typeof Resume.Type

/** Said with any question of a user. */
const asked = {
  /** The span that asks, as in W3C Trace Context; absent where nothing is traced. One that cannot be read is ignored. */
  traceparent: Schema.optional(Schema.String),
}

/** Asks for a log, already written in the wanted format. */
export const OpenLogs = Schema.Struct({
  op: Schema.Literal("logs"),
  ...asked,
  containerId: ContainerId,
  query: LogQuery,
  rendering: LogRendering,
  /** What the asking user may see; the source checks it again. */
  scope: Scope,
  /** Absent = the log from where the query says. */
  resume: Schema.optional(Resume),
})
export type OpenLogs = typeof OpenLogs.Type

/** What every other question about one container says. */
const aboutContainer = {
  ...asked,
  containerId: ContainerId,
  /** What the asking user may see; the source checks it again. */
  scope: Scope,
}

/** Asks what a container is: one ContainerInspection as JSON. */
export const OpenInspect = Schema.Struct({ op: Schema.Literal("inspect"), ...aboutContainer })

/** Asks what a container uses: the engine's own figures, a JSON object a line; one, or one a second until the stream is reset. */
export const OpenStats = Schema.Struct({
  op: Schema.Literal("stats"),
  ...aboutContainer,
  stream: Schema.Boolean,
  /** Does not wait for a second measurement to compare with; only with `stream` off. */
  oneShot: Schema.Boolean,
})

/** Asks for a container's processes: the engine's table as JSON. */
export const OpenTop = Schema.Struct({
  op: Schema.Literal("top"),
  ...aboutContainer,
  /** Absent = the engine's own columns. */
  columns: Schema.optional(ProcessColumns),
})

/** Asks what happens to containers: a ContainerEvent a line, until the stream is reset or `until` has passed. */
export const OpenEvents = Schema.Struct({
  op: Schema.Literal("events"),
  ...asked,
  /** What the asking user may see; only events of such containers are told. */
  scope: Scope,
  /** Inclusive, by the engine's clock; absent = from now on. The engine remembers some 256 events. */
  since: Schema.optional(LogTime),
  until: Schema.optional(LogTime),
})

/** How often something happened since a source told last; what is more is told with the next. */
const Count = Schema.optionalWith(Schema.Int.pipe(Schema.between(0, 0xffff_ffff)), { default: () => 0 })

/** What a source counted since its last TALLY, over whichever link that went. protocol.md#tally */
export const Tally = Schema.Struct({
  /** Entries of logs that were gone through, as the engine stored them. */
  lines: Count,
  /** Answers of the engine that were dropped because their reader took nothing for too long, to be asked for anew. */
  parks: Count,
  /** Times that a log had to wait for its reader's credit. */
  creditWaits: Count,
  /** Logs that were read, or read on, in another way than the best one. */
  fallbacks: Count,
  /** Lines of which nothing left, as they could not be redacted in time. */
  withheldLines: Count,
})
export type Tally = typeof Tally.Type

/** Everything that can be asked; all of it reads. */
export const Open = Schema.Union(OpenInventory, OpenLogs, OpenInspect, OpenStats, OpenTop, OpenEvents)
export type Open = typeof Open.Type
/** What is asked about one container and is no log. */
export type OpenAbout = typeof OpenInspect.Type | typeof OpenStats.Type | typeof OpenTop.Type
export type OpenEvents = typeof OpenEvents.Type

/** What the source says of a stream before its bytes. */
export const Head = Schema.Struct({
  /** What the bytes are, as an HTTP Content-Type. */
  contentType: Schema.String,
  /** For logs: whether the container has a terminal, so that there is one stream and no framing. */
  tty: Schema.optional(Schema.Boolean),
})
export type Head = typeof Head.Type

/** Why a stream ended well. */
export const End = Schema.Struct({ reason: Schema.Literal("eof", "stopped", "removed") })
export type End = typeof End.Type

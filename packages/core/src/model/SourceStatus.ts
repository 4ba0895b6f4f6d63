/** What `GET /sources` tells of one source. */
import { Schema } from "effect"
import { Engine } from "./Engine.ts"
import { LogReaders } from "./LogReaders.ts"
import { SourceName } from "./SourceName.ts"

/** A source and how its link is, as `GET /sources` lists it. */
export const SourceStatus = Schema.Struct({
  name: SourceName,
  connected: Schema.Boolean,
  /** RFC 3339 in UTC: when the link came up, or went down. */
  since: Schema.String,
  /** RFC 3339 in UTC: when the last byte came from it. */
  lastSeen: Schema.String,
  /** How its link travels, such as `ws`; null while disconnected. */
  transport: Schema.NullOr(Schema.String),
  /** Why it travels this way and not by what the source would rather use, in the source's words; null where there is nothing to say. */
  transportWhy: Schema.NullOr(Schema.String),
  /** Round trip of the last heartbeat in milliseconds. */
  rttMs: Schema.NullOr(Schema.Number),
  /** The source's clock minus the proxy's, in milliseconds, as of the handshake. */
  clockSkewMs: Schema.NullOr(Schema.Number),
  /** The source's own release. */
  version: Schema.String,
  /** Null while the source cannot reach its engine. */
  engine: Schema.NullOr(Engine),
  /** How it can read logs, the best way first; null while disconnected, and where the source does not tell. */
  readers: Schema.NullOr(LogReaders),
  /** How many containers its inventory holds. */
  containers: Schema.Int,
})
export type SourceStatus = typeof SourceStatus.Type

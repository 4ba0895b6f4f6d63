/** The times that an engine is asked for, so that it sends what is wanted and little else. */
import type { Engine } from "@rdl/core/model/Engine"
import type { RecordMark } from "@rdl/core/log/LogCursor"
import type { LogQuery } from "@rdl/core/log/LogQuery"
import { fromNanos, type LogTime, toNanos } from "@rdl/core/log/LogTime"
import type { ContainerDetails } from "../engine/EngineContainer.ts"

type Times = Pick<LogQuery, "since" | "until">

interface Asked {
  readonly query: Times
  readonly engine: Pick<Engine, "kind" | "apiVersion">
  readonly details: Pick<ContainerDetails, "logDriver" | "logOptions">
}

/** Podman reads `since` and `until` through floating point, wrong by some 200 ns, and takes neither end itself. */
const PODMAN_MARGIN_NS = 1_000n

/** A clock may have been set back by so much before a record that Podman is asked for by its time, in nanoseconds. */
const PODMAN_BACK_NS = 10_000_000_000n

/** A packed file may hold records that are later than its last one by so much, in nanoseconds. */
const PACKED_MARGIN_NS = 60_000_000_000n

/** From this version of its API on, Docker looks for the first record that is not too old, and lets all after it pass. */
const FIRST_ONLY_FROM = 43

/** Whether `since` only decides where a log begins. */
export const sinceIsStart = ({ kind, apiVersion }: Pick<Engine, "kind" | "apiVersion">): boolean =>
  kind === "docker" && Number(apiVersion.split(".")[1]) >= FIRST_ONLY_FROM

/** `since` and `until` as the engine is to be asked for them: a little more than is wanted, where it does not give just that. */
export const asked = ({ query, engine, details }: Asked): Times => {
  const { since, until } = query
  const margin = engine.kind === "podman" ? PODMAN_MARGIN_NS : 0n
  return {
    ...(since === undefined ? {} : { since: moved(since, -margin - packedMargin(engine, details)) }),
    ...(until === undefined ? {} : { until: moved(until, margin) }),
  }
}

/** Docker, asked for its last records, leaves out those before the anchor where it can do so without leaving out others. */
export const fromAnchor = (
  anchor: RecordMark | undefined,
  { engine, details }: Pick<Asked, "engine" | "details">,
): Times => {
  if (anchor === undefined || !sinceIsStart(engine)) return {}
  const since = fromNanos(anchor.nanos - packedMargin(engine, details))
  return since === undefined ? {} : { since }
}

/**
 * Docker notes in a packed file when its last record was written, and passes the file over where that is before `since`, with
 * records in it that are later: stamps need not be in order. All drivers that Docker can read may pack, but for `json-file`
 * where it is not told to.
 */
const packedMargin = ({ kind }: Pick<Engine, "kind">, { logDriver, logOptions }: Asked["details"]): bigint => {
  const isPlain = logDriver === "json-file" && /^(0|f|false)?$/i.test(logOptions["compress"] ?? "")
  return kind === "docker" && !isPlain ? PACKED_MARGIN_NS : 0n
}

/**
 * All that Podman has from some time before `nanos` on, within the bounds of the query: those it holds to itself, as its stamps
 * do not show what they are judged by. Its `tail` is of no use: it glues pieces to the lines before them.
 */
export const around = (nanos: bigint | undefined, about: Asked): Times => {
  const { since, ...until } = asked(about)
  const from = nanos === undefined ? undefined : fromNanos(nanos - (nanos % SECOND) - PODMAN_BACK_NS)
  const later = since === undefined || (from !== undefined && toNanos(from) > toNanos(since)) ? from : since
  return { ...until, ...(later === undefined ? {} : { since: later }) }
}

const SECOND = 1_000_000_000n

const moved = (time: LogTime, nanos: bigint): LogTime => fromNanos(toNanos(time) + nanos) ?? time

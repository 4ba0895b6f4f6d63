/** The times that an engine is asked for, so that it sends what is wanted and little else. */
import type { Engine } from "@rdl/core/model/Engine"
import type { RecordMark } from "@rdl/core/log/LogCursor"
import type { LogQuery } from "@rdl/core/log/LogQuery"
import { fromNanos, type LogTime, toNanos } from "@rdl/core/log/LogTime"

type Times = Pick<LogQuery, "since" | "until">

/** Podman reads `since` and `until` through floating point, wrong by some 200 ns, and takes neither end itself. */
const PODMAN_MARGIN_NS = 1_000n

/** A clock may have been set back by so much before a record that Podman is asked for by its time, in nanoseconds. */
const PODMAN_BACK_NS = 10_000_000_000n

/** From this version of its API on, Docker looks for the first record that is not too old, and lets all after it pass. */
const FIRST_ONLY_FROM = 43

/** Whether `since` only decides where a log begins. */
export const sinceIsStart = ({ kind, apiVersion }: Pick<Engine, "kind" | "apiVersion">): boolean =>
  kind === "docker" && Number(apiVersion.split(".")[1]) >= FIRST_ONLY_FROM

/** `since` and `until` as the engine is to be asked for them: a little more than is wanted, where it does not read them exactly. */
export const asked = ({ since, until }: Times, { kind }: Pick<Engine, "kind">): Times => {
  const margin = kind === "podman" ? PODMAN_MARGIN_NS : 0n
  return {
    ...(since === undefined ? {} : { since: moved(since, -margin) }),
    ...(until === undefined ? {} : { until: moved(until, margin) }),
  }
}

/** Docker, asked for its last records, leaves out those before the anchor where it can do so without leaving out others. */
export const fromAnchor = (anchor: RecordMark | undefined, engine: Pick<Engine, "kind" | "apiVersion">): Times => {
  const since = anchor === undefined || !sinceIsStart(engine) ? undefined : fromNanos(anchor.nanos)
  return since === undefined ? {} : { since }
}

/**
 * All that Podman has from some time before `nanos` on, within the bounds of the query: those it holds to itself, as its stamps
 * do not show what they are judged by. Its `tail` is of no use: it glues pieces to the lines before them.
 */
export const around = (nanos: bigint | undefined, query: Times, engine: Pick<Engine, "kind">): Times => {
  const { since, ...until } = asked(query, engine)
  const from = nanos === undefined ? undefined : fromNanos(nanos - (nanos % SECOND) - PODMAN_BACK_NS)
  const later = since === undefined || (from !== undefined && toNanos(from) > toNanos(since)) ? from : since
  return { ...until, ...(later === undefined ? {} : { since: later }) }
}

const SECOND = 1_000_000_000n

const moved = (time: LogTime, nanos: bigint): LogTime => fromNanos(toNanos(time) + nanos) ?? time

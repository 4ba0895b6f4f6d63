/** Which records `since` and `until` let through, both inclusive: by the engine's own rule, but judged here, where no rounding is. */
import type { Engine } from "@rdl/core/model/Engine"
import type { LogQuery } from "@rdl/core/log/LogQuery"
import type { LogRecord } from "@rdl/core/log/LogRecord"
import { LogStamp } from "@rdl/core/log/LogStamp"
import { fromNanos, type LogTime, toNanos } from "@rdl/core/log/LogTime"

/** Podman reads `since` and `until` through floating point, wrong by some 200 ns, and takes neither end itself. */
const PODMAN_MARGIN_NS = 1_000n

/** From this version of its API on, Docker looks for the first record that is not too old, and lets all after it pass. */
const FIRST_ONLY_FROM = 43

export type Judgement = "give" | "skip" | "past"

/** `since` and `until` as the engine is to be asked for them: a little more than is wanted, where it does not read them exactly. */
export const engineTimes = (
  { since, until }: Pick<LogQuery, "since" | "until">,
  { kind }: Pick<Engine, "kind">,
): Pick<LogQuery, "since" | "until"> => {
  const margin = kind === "podman" ? PODMAN_MARGIN_NS : 0n
  return {
    ...(since === undefined ? {} : { since: moved(since, -margin) }),
    ...(until === undefined ? {} : { until: moved(until, margin) }),
  }
}

const moved = (time: LogTime, nanos: bigint): LogTime => fromNanos(toNanos(time) + nanos) ?? time

/** Judges the records of a log in their order. */
export class RecordBounds {
  private readonly since: LogStamp | undefined
  private readonly until: LogStamp | undefined
  private readonly firstOnly: boolean
  private found = false
  private readonly stamp = new LogStamp()

  constructor(query: Pick<LogQuery, "since" | "until">, engine: Pick<Engine, "kind" | "apiVersion">) {
    const { since, until } = query
    this.since = since === undefined ? undefined : stampOf(since)
    this.until = until === undefined ? undefined : stampOf(until)
    this.firstOnly = engine.kind === "docker" && Number(engine.apiVersion.split(".")[1]) >= FIRST_ONLY_FROM
  }

  /** `past`: later than `until`, and with it everything after. */
  judge(record: LogRecord): Judgement {
    if (this.since === undefined && this.until === undefined) return "give"
    this.stamp.read(record)
    if (this.since !== undefined && !this.found) {
      if (this.stamp.compare(this.since) < 0) return "skip"
      this.found = this.firstOnly
    }
    return this.until !== undefined && this.stamp.compare(this.until) > 0 ? "past" : "give"
  }
}

const stampOf = (time: LogTime): LogStamp => {
  const stamp = new LogStamp()
  stamp.set(toNanos(time))
  return stamp
}

/** Which records `since` and `until` let through, both inclusive: by the engine's own rule, but judged here, where no rounding is. */
import type { Engine } from "@rdl/core/model/Engine"
import type { LogQuery } from "@rdl/core/log/LogQuery"
import type { LogRecord } from "@rdl/core/log/LogRecord"
import { LogStamp } from "@rdl/core/log/LogStamp"
import { type LogTime, toNanos } from "@rdl/core/log/LogTime"
import { sinceIsStart } from "./EngineTimes.ts"

export type Judgement = "give" | "skip" | "past"

/** Whether a stamp has no decimals: Podman 4 writes none, and judges by those that it has itself. */
const isWhole = ({ bytes, start }: LogRecord): boolean => bytes[start + WHOLE_BYTES] !== DOT

const WHOLE_BYTES = "2026-11-22T10:44:07".length
const DOT = 0x2e

/** Judges the records of a log in their order. A stamp of whole seconds is within `since` if some moment of its second is. */
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
    this.firstOnly = sinceIsStart(engine)
  }

  /** `past`: later than `until`, and with it everything after. */
  judge(record: LogRecord): Judgement {
    if (this.since === undefined && this.until === undefined) return "give"
    this.stamp.read(record)
    if (this.since !== undefined && !this.found) {
      const isBefore = isWhole(record) ? this.stamp.seconds < this.since.seconds : this.stamp.compare(this.since) < 0
      if (isBefore) return "skip"
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

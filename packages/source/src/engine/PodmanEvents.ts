/** A span of events, as Podman has to be asked for it. */
import { LogTime, toNanos } from "@rdl/core/log/LogTime"
import type { EventSpan } from "./EngineRequest.ts"

/** Before any event. */
const EVER = LogTime.make("1")
const SECOND = 1_000_000_000n

/**
 * Of a span that is over Podman gives nothing: it is asked for all until now. Nor does it give anything of one that has an
 * end alone, and it rounds a beginning that is finer than a second. What it gives beyond the span is for the reader to
 * leave out. The time is in milliseconds.
 */
export const spanFor = ({ since, until }: EventSpan, now: number): EventSpan => {
  const from = since === undefined ? undefined : earlier(since)
  if (until === undefined) return { since: from }
  const isOver = toNanos(until) <= BigInt(now) * 1_000_000n
  return isOver ? { since: from ?? EVER, isOver } : { since: from ?? EVER, until }
}

/** By one second to two. */
const earlier = (time: LogTime): LogTime => {
  const seconds = toNanos(time) / SECOND - 1n
  return seconds < 1n ? EVER : LogTime.make(String(seconds))
}

/** A span of events, as Podman has to be asked for it. */
import { LogTime, toNanos } from "@rdl/core/log/LogTime"
import type { EventSpan } from "./EngineRequest.ts"

/** Before any event. */
const EVER = LogTime.make("1")

/**
 * Of a span that is over Podman gives nothing: it is asked for all until now, and what is behind the span's end is for
 * the reader to leave out. Nor does it give anything of one that has an end alone. The time is in milliseconds.
 */
export const spanFor = (span: EventSpan, now: number): EventSpan => {
  const { since = EVER, until } = span
  if (until === undefined) return span
  return toNanos(until) <= BigInt(now) * 1_000_000n ? { since, isOver: true } : { since, until }
}

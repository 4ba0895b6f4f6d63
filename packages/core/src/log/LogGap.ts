/** What a user is told where bytes of a log are gone. */
import { Schema } from "effect"
import { ContainerName } from "../model/Container.ts"
import { SourceName } from "../model/SourceName.ts"

/** A time as engines write it. */
const Stamp = Schema.String.pipe(Schema.maxLength(40))

/** Bytes known to be gone; between which times, as far as it is known. */
export const LogGap = Schema.Struct({
  source: Schema.optional(SourceName),
  container: Schema.optional(ContainerName),
  /** RFC 3339: of the last record before the gap; absent = from the start. */
  since: Schema.optional(Stamp),
  /** RFC 3339: of the first record after it; absent = not known yet. */
  until: Schema.optional(Stamp),
  /** A sentence for a person, of at most 300 characters. */
  reason: Schema.String.pipe(Schema.maxLength(300)),
})
export type LogGap = typeof LogGap.Type

/** Two gaps told as one: from where the first began to where the second ended. */
export const merge = (first: LogGap, second: LogGap): LogGap => {
  const { until: _, ...from } = first
  return {
    ...from,
    ...(second.until === undefined ? {} : { until: second.until }),
    reason: first.reason === second.reason ? first.reason : `${first.reason}; ${second.reason}`.slice(0, 300),
  }
}

/** What a source counts of the logs it reads, for its whole process, and what of it a proxy has not been told. */
import type { Tally } from "@rdl/core/link/LinkMessage"
import { Metric } from "effect"

const counter = (name: string, description: string) => Metric.counter(name, { description, incremental: true })

/** Entries of logs that were gone through: lines, and pieces of long ones. Added up once for each block that is read. */
export const lines = counter("rdl_source_lines_total", "Entries of logs that were gone through")

/** Answers of the engine that were dropped because their reader took nothing for too long, to be asked for anew. */
export const parks = counter(
  "rdl_source_parks_total",
  "Answers of the engine dropped for readers that took nothing, to be asked for anew",
)

/** Times that a log had to wait for its reader's credit. */
export const creditWaits = counter("rdl_source_credit_waits_total", "Times that a log waited for credit")

/** How often an origin could not read a log, or not go on, and the next one was asked. */
export const fallbacks = counter(
  "rdl_source_fallbacks_total",
  "Logs that were read, or read on, in another way than the best one",
)

/** Lines that could not be redacted in time. */
export const withheldLines = counter("rdl_source_withheld_lines_total", "Lines withheld: they were too long to redact")

const counters = { lines, parks, creditWaits, fallbacks, withheldLines }
const NAMES = Object.keys(counters) as ReadonlyArray<keyof typeof counters>

/** The most that one TALLY tells of. */
const MOST = 0xffff_ffff

const told = { lines: 0, parks: 0, creditWaits: 0, fallbacks: 0, withheldLines: 0 }

/** What was counted since this was asked last, by whichever link of the process; undefined = nothing. What a lost link took with it is told to nobody. */
export const untold = (): Tally | undefined => {
  const tally = { lines: 0, parks: 0, creditWaits: 0, fallbacks: 0, withheldLines: 0 }
  for (const name of NAMES) {
    tally[name] = Math.min(counters[name].unsafeValue([]).count - told[name], MOST)
    told[name] += tally[name]
  }
  return NAMES.some((name) => tally[name] > 0) ? tally : undefined
}

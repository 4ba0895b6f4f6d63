/** What a source counts of its log readers; the counters are of its own process, and whoever runs it may show them. */
import { Metric } from "effect"

/** Answers of the engine that were dropped because their reader took nothing for too long, to be asked for anew. */
export const parks = Metric.counter("rdl_source_parks_total", {
  description: "answers of the engine dropped for readers that took nothing, to be asked for anew",
  incremental: true,
})

/** Times that a log had to wait for its reader's credit. */
export const creditWaits = Metric.counter("rdl_source_credit_waits_total", {
  description: "times that a log waited for credit",
  incremental: true,
})

/** What befalls logs on their way, counted for the process. */
import { Metric } from "effect"

/** Gaps that users were told of. */
export const gaps = Metric.counter("rdl_gaps_total", {
  description: "Gaps in logs that users were told of",
  incremental: true,
})

/** Logs that went on after their link was lost. */
export const resumes = Metric.counter("rdl_resumes_total", {
  description: "Logs that went on after their link was lost",
  incremental: true,
})

/** Counts one, from where there is no Effect. */
export const count = (counter: Metric.Metric.Counter<number>): void => counter.unsafeUpdate(1, [])

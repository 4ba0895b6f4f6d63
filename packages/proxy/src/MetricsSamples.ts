/** What is known only when it is asked for: the links as they are now, what sources have told, and the process. */
import type { SourceStatus } from "@rdl/core/model/SourceStatus"
import { processTallies, type Totals } from "@rdl/core/link/SourceTallies"
import { processBudget } from "@rdl/core/mux/CreditBudget"
import type { Sample } from "./MetricsText.ts"

/** One gauge a fact; no source is named, so that a fleet of thousands makes no series of its own. */
export const read = (sources: ReadonlyArray<SourceStatus>): ReadonlyArray<Sample> => {
  const linked = sources.filter(({ connected }) => connected)
  const transports = [...new Set(["ws", "http", ...linked.map(({ transport }) => transport ?? "other")])].slice(0, 8)
  const { user, system } = process.cpuUsage()
  return [
    ...transports.map((transport) =>
      gauge("rdl_links", "Sources that are linked, by transport.", count(linked, transport), { transport }),
    ),
    gauge("rdl_sources", "Sources that are known, linked or not.", sources.length),
    gauge(
      "rdl_containers",
      "Containers that are known, stopped ones too.",
      sum(sources, ({ containers }) => containers),
    ),
    gauge("rdl_link_rtt_seconds", "The longest round trip of a link.", Math.max(0, ...linked.map(rttSeconds))),
    gauge("rdl_credit_bytes", "Bytes that sources may have on their way, of 256 MiB in all.", processBudget.taken),
    counter(
      "rdl_credit_waits_total",
      "Times that a stream had used up its credit, and its source waited for the reader.",
      processBudget.waits,
    ),
    ...told(processTallies.totals),
    gauge("process_resident_memory_bytes", "Memory of the process.", process.memoryUsage.rss()),
    gauge(
      "process_start_time_seconds",
      "When the process began, in unix seconds.",
      Date.now() / 1000 - process.uptime(),
    ),
    counter("process_cpu_seconds_total", "Time the process had a processor.", (user + system) / 1e6),
  ]
}

/** All sources together. They tell every 15 s what is new. */
const told = (totals: Totals): ReadonlyArray<Sample> => [
  counter(
    "rdl_source_lines_total",
    "Entries of logs that sources went through: lines, pieces of long ones.",
    totals.lines,
  ),
  counter(
    "rdl_source_parks_total",
    "Answers that sources dropped as their readers took nothing, to ask their engines again.",
    totals.parks,
  ),
  counter("rdl_source_credit_waits_total", "Times that a source held a log for want of credit.", totals.creditWaits),
  counter(
    "rdl_source_fallbacks_total",
    "Logs that sources read, or read on, in another way than the best one.",
    totals.fallbacks,
  ),
  counter(
    "rdl_source_withheld_lines_total",
    "Lines of which nothing left their source, as they could not be redacted in time.",
    totals.withheldLines,
  ),
]

const gauge = (name: string, help: string, value: number, labels?: Sample["labels"]): Sample => ({
  name,
  help,
  type: "gauge",
  value,
  ...(labels === undefined ? {} : { labels }),
})

const counter = (name: string, help: string, value: number): Sample => ({ name, help, type: "counter", value })

const count = (linked: ReadonlyArray<SourceStatus>, wanted: string): number =>
  linked.filter(({ transport }) => (transport ?? "other") === wanted).length

const sum = (sources: ReadonlyArray<SourceStatus>, of: (source: SourceStatus) => number): number =>
  sources.reduce((total, source) => total + of(source), 0)

const rttSeconds = ({ rttMs }: SourceStatus): number => (rttMs ?? 0) / 1000

/** What is known only when it is asked for: the links as they are now, and the process. */
import type { SourceStatus } from "@rdl/core/model/SourceStatus"
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
    gauge("process_resident_memory_bytes", "Memory of the process.", process.memoryUsage.rss()),
    gauge(
      "process_start_time_seconds",
      "When the process began, in unix seconds.",
      Date.now() / 1000 - process.uptime(),
    ),
    counter("process_cpu_seconds_total", "Time the process had a processor.", (user + system) / 1e6),
  ]
}

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

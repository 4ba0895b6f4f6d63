/** Effect's metrics as Prometheus reads them: text exposition format 0.0.4. */
import { type MetricLabel, type MetricPair, MetricState, Option } from "effect"

export const CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

/** Series of one metric at most; the rest are left out, and counted in `rdl_metrics_series_dropped`. */
export const MAX_SERIES = 500

/** A value that is known only when it is asked for. */
export interface Sample {
  readonly name: string
  readonly help: string
  readonly type: "gauge" | "counter"
  readonly value: number
  readonly labels?: Readonly<Record<string, string>>
}

/** The metrics of the house in `pairs`, and the samples; each metric with its help and type once. */
export const render = (pairs: ReadonlyArray<MetricPair.MetricPair.Untyped>, samples: ReadonlyArray<Sample>): string => {
  const families = new Map<string, Family>()
  const family = (name: string, type: string, help: string): Family => {
    const known = families.get(name) ?? {
      head: `# HELP ${name} ${escapeHelp(help)}\n# TYPE ${name} ${type}\n`,
      series: [],
    }
    families.set(name, known)
    return known
  }
  for (const { metricKey, metricState } of pairs) {
    const { description, name, tags } = metricKey
    if (!OURS.test(name)) continue
    const read = readState(name, tags, metricState)
    if (read !== undefined)
      family(
        name,
        read.type,
        Option.getOrElse(description, () => name),
      ).series.push(read.lines)
  }
  for (const { help, labels = {}, name, type, value } of samples)
    family(name, type, help).series.push(
      lineOf(
        name,
        Object.entries(labels).map(([key, value]) => ({ key, value })),
        value,
      ),
    )
  const dropped = [...families.values()].reduce((sum, { series }) => sum + Math.max(0, series.length - MAX_SERIES), 0)
  family("rdl_metrics_series_dropped", "gauge", "Series left out because their metric has too many.").series.push(
    lineOf("rdl_metrics_series_dropped", [], dropped),
  )
  return [...families.values()].map(({ head, series }) => head + series.slice(0, MAX_SERIES).join("")).join("")
}

interface Family {
  readonly head: string
  /** Each one line, or all lines of a histogram. */
  readonly series: Array<string>
}

type Label = Pick<MetricLabel.MetricLabel, "key" | "value">

/**
 * What libraries count for themselves is none of an operator's business, and may have labels without bound. What sources
 * count comes over their links, also of one in this very process.
 */
const OURS = /^rdl_(?!source_)[a-z0-9_]+$/

const readState = (
  name: string,
  tags: ReadonlyArray<Label>,
  state: MetricState.MetricState.Untyped,
): { readonly type: string; readonly lines: string } | undefined => {
  if (MetricState.isCounterState(state)) return { type: "counter", lines: lineOf(name, tags, state.count) }
  if (MetricState.isGaugeState(state)) return { type: "gauge", lines: lineOf(name, tags, state.value) }
  if (!MetricState.isHistogramState(state)) return undefined
  const buckets = state.buckets
    .filter(([bound]) => Number.isFinite(bound))
    .map(([bound, count]) => bucket(name, tags, String(bound), count))
  return {
    type: "histogram",
    lines: [
      ...buckets,
      bucket(name, tags, "+Inf", state.count),
      lineOf(`${name}_sum`, tags, state.sum),
      lineOf(`${name}_count`, tags, state.count),
    ].join(""),
  }
}

const bucket = (name: string, tags: ReadonlyArray<Label>, bound: string, count: number): string =>
  lineOf(`${name}_bucket`, [...tags, { key: "le", value: bound }], count)

const lineOf = (name: string, labels: ReadonlyArray<Label>, value: number | bigint): string => {
  const written = labels.map((label) => `${label.key}="${escapeValue(label.value)}"`).join(",")
  return `${name}${written === "" ? "" : `{${written}}`} ${value}\n`
}

const escapeHelp = (text: string): string => text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n")
const escapeValue = (text: string): string => escapeHelp(text).replaceAll('"', '\\"')

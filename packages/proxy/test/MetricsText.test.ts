import { describe, expect, it } from "@effect/vitest"
import { Effect, Metric, MetricBoundaries, MetricLabel } from "effect"
import * as Metrics from "../src/Metrics.ts"
import * as MetricsText from "../src/MetricsText.ts"

const render = () => MetricsText.render(Metric.unsafeSnapshot(), [])

describe("MetricsText", () => {
  it.effect("writes what Effect counted, each metric with its help and type once, labels escaped", () =>
    Effect.sync(() => {
      const counter = Metric.counter("rdl_test_things_total", { description: "Things\nof a test.", incremental: true })
      counter.unsafeUpdate(2, [MetricLabel.make("name", 'a "b"\\\n')])
      counter.unsafeUpdate(3, [MetricLabel.make("name", "c")])
      const text = render()
      expect(text.split("# TYPE rdl_test_things_total counter\n")).toHaveLength(2)
      expect(text).toContain("# HELP rdl_test_things_total Things\\nof a test.\n")
      expect(text).toContain('rdl_test_things_total{name="a \\"b\\"\\\\\\n"} 2\n')
      expect(text).toContain('rdl_test_things_total{name="c"} 3\n')
      expect(text).toMatch(/^(# (HELP|TYPE) .+\n|[a-z_]+(\{.+\})? [-+.\dEeInf]+\n)+$/)
    }),
  )

  it.effect("writes histograms with buckets that only grow, and the last of all", () =>
    Effect.sync(() => {
      const histogram = Metric.histogram("rdl_test_seconds", MetricBoundaries.fromIterable([0.1, 1]), "Time.")
      for (const seconds of [0.05, 0.5, 0.6, 7]) histogram.unsafeUpdate(seconds, [])
      expect(render()).toContain(
        'rdl_test_seconds_bucket{le="0.1"} 1\nrdl_test_seconds_bucket{le="1"} 3\nrdl_test_seconds_bucket{le="+Inf"} 4\nrdl_test_seconds_sum 8.15\nrdl_test_seconds_count 4\n',
      )
    }),
  )

  it.effect("shows nothing that libraries count for themselves, nor what a source in the same process does", () =>
    Effect.sync(() => {
      for (const name of ["effect_or_other_total", "rdl_source_test_total"]) Metric.counter(name).unsafeUpdate(1, [])
      expect(render()).not.toMatch(/effect_or_other_total|rdl_source_test_total/)
    }),
  )

  it.effect("bounds the series of a metric, and tells how many it left out", () =>
    Effect.sync(() => {
      const counter = Metric.counter("rdl_test_flood_total")
      for (let each = 0; each < MetricsText.MAX_SERIES + 7; each++)
        counter.unsafeUpdate(1, [MetricLabel.make("each", String(each))])
      const text = render()
      expect(text.match(/^rdl_test_flood_total\{/gm)).toHaveLength(MetricsText.MAX_SERIES)
      expect(text).toContain("rdl_metrics_series_dropped 7\n")
    }),
  )
})

describe("A route in the metrics", () => {
  it.each([
    ["/containers", "/containers"],
    ["/containers/web/logs", "/containers/:ref/logs"],
    ["/containers/edge-1/web/logs", "/containers/:source/:container/logs"],
    ["/link/v1/ws", "link"],
    ["/v1.47/containers/json", "docker /containers/json"],
    ["/v1.47/containers/edge-1/web/logs", "docker /containers/:ref/logs"],
    ["/v1.47/x/json", "other"],
    ["/<script>", "other"],
    ["", "other"],
  ])("of %s is %s", (path, route) => {
    expect(Metrics.routeOf(path)).toBe(route)
  })
})

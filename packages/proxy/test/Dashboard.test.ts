import { describe, expect, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { readFileSync } from "node:fs"
import * as Fleet from "./Fleet.ts"

const Override = Schema.Struct({
  matcher: Schema.Struct({ options: Schema.String }),
  properties: Schema.Array(Schema.Struct({ id: Schema.String, value: Schema.String })),
})

const Dashboard = Schema.Struct({
  panels: Schema.Array(
    Schema.Struct({
      title: Schema.String,
      targets: Schema.Array(Schema.Struct({ expr: Schema.String, legendFormat: Schema.String })),
      fieldConfig: Schema.Struct({
        defaults: Schema.Struct({ unit: Schema.String }),
        overrides: Schema.Array(Override),
      }),
    }),
  ),
})

const read = Effect.suspend(() => Schema.decodeUnknown(Schema.parseJson(Dashboard))(readFileSync(file, "utf8")))

/** What a query gives, by the names of what it asks for. */
const unitOf = (expr: string): string | undefined => {
  if (/^rate\(\w+_bytes_total/.test(expr)) return "Bps"
  if (/^rate\(\w+_seconds_total/.test(expr)) return "percentunit"
  if (expr.startsWith("rate(")) return "ops"
  return /_seconds(_bucket)?\b/.test(expr) ? "s" : /_bytes\b/.test(expr) ? "bytes" : undefined
}

const file = new URL("../../../deploy/grafana/rdl.json", import.meta.url)

/** Functions and words of PromQL that the dashboard uses. */
const WORDS = /\b(sum|by|rate|histogram_quantile|5m|le)\b/g

/** What a proxy shows to whoever may see everything. */
const exposed = Effect.gen(function* () {
  const fleet = yield* Fleet.start()
  yield* fleet.link("edge-1", [Fleet.container("aa1", "web")])
  const token = yield* fleet.token()
  const log = yield* Fleet.ask(`${fleet.url}/containers/web/logs`, { token })
  yield* log.ended
  yield* Fleet.ask(`${fleet.url}/nothing`, { token })
  yield* Fleet.until(Effect.sync(() => log.bytes() > 0))
  const ask = Effect.flatMap(Fleet.ask(`${fleet.url}/metrics`, { token }), (answer) =>
    Effect.as(answer.ended, { text: answer.text(), headers: answer.headers, status: answer.status }),
  )
  return { fleet, ask }
})

describe("The metrics", () => {
  it.scoped("have every series that the dashboard asks for, with the labels it asks by", () =>
    Effect.gen(function* () {
      const { text } = yield* (yield* exposed).ask
      const names = new Set(
        [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].flatMap(([, name = "", type]) =>
          type === "histogram" ? [`${name}_bucket`] : [name],
        ),
      )
      const labels = new Set([...text.matchAll(/([a-z]+)="/g)].map(([, label]) => label))
      const { panels } = yield* read
      expect(panels.length).toBeGreaterThan(5)
      for (const { targets, title } of panels)
        for (const { expr } of targets) {
          const bare = expr
            .replaceAll(/\{[^}]*\}/g, "")
            .replaceAll(/by \([^)]*\)/g, "")
            .replaceAll(WORDS, "")
          for (const [name] of bare.matchAll(/[a-z_]{2,}/g))
            expect({ title, name, isThere: names.has(name) }).toMatchObject({ isThere: true })
          for (const [, by = ""] of expr.matchAll(/by \(([^)]*)\)/g))
            for (const label of by.split(", "))
              expect({ title, label, isThere: labels.has(label) }).toMatchObject({ isThere: true })
        }
    }),
  )

  it.effect("are shown in their own units, and apart from those of others that have the same names", () =>
    Effect.gen(function* () {
      for (const { fieldConfig, targets, title } of (yield* read).panels)
        for (const { expr, legendFormat } of targets) {
          const own = fieldConfig.overrides.find(({ matcher }) => matcher.options === legendFormat)
          const unit = own?.properties.find(({ id }) => id === "unit")?.value ?? fieldConfig.defaults.unit
          expect({ title, expr, unit }).toEqual({ title, expr, unit: unitOf(expr) ?? unit })
          if (/\bprocess_/.test(expr)) expect(expr).toContain('{job="$job"}')
        }
    }),
  )

  it.scoped("have what an operator asks for, from the beginning", () =>
    Effect.gen(function* () {
      const { text } = yield* (yield* exposed).ask
      const there = [
        "links",
        "streams",
        "log_bytes_total",
        "source_lines_total",
        "resumes_total",
        "gaps_total",
        "source_parks_total",
        "source_credit_waits_total",
        "source_withheld_lines_total",
        "source_fallbacks_total",
        "credit_waits_total",
        "auth_failures_total",
        "response_seconds_count",
        "link_rtt_seconds",
      ]
      for (const name of there) expect(text).toMatch(new RegExp(`^rdl_${name}(\\{[^}]+\\})? \\d`, "m"))
    }),
  )

  it.scoped("are text as Prometheus reads it, for nobody whose token keeps anything from him", () =>
    Effect.gen(function* () {
      const { ask, fleet } = yield* exposed
      const { headers, status, text } = yield* ask
      expect([status, headers["content-type"]]).toEqual([200, "text/plain; version=0.0.4; charset=utf-8"])
      expect(text).toMatch(/^(# (HELP|TYPE) .+\n|[a-z_]+(\{.+\})? [-+.\dEeInf]+\n)+$/)
      expect(text).toMatch(/^rdl_requests_total\{route="\/containers\/:ref\/logs",status="200"\} \d+$/m)
      expect(text).toMatch(/^rdl_requests_total\{route="other",status="404"\} \d+$/m)
      expect(text).not.toContain("edge-1")
      expect((yield* Fleet.ask(`${fleet.url}/metrics`)).status).toBe(401)
      for (const allow of [{ sources: ["edge-*"] }, { containers: [] }, { labels: ["team"] }]) {
        const token = yield* fleet.token({ allow })
        expect((yield* Fleet.ask(`${fleet.url}/metrics`, { token })).status).toBe(403)
      }
      const all = yield* fleet.token({ allow: { sources: ["*"], containers: ["*"] } })
      expect((yield* Fleet.ask(`${fleet.url}/metrics`, { token: all })).status).toBe(200)
    }),
  )

  it.scoped("grow by no path that anybody makes up", () =>
    Effect.gen(function* () {
      const { ask, fleet } = yield* exposed
      const token = yield* fleet.token()
      const series = Effect.map(ask, ({ text }) => text.match(/^rdl_requests_total\{/gm)?.length ?? 0)
      yield* series
      const before = yield* series
      for (let each = 0; each < 50; each++) {
        const answer = yield* Fleet.ask(`${fleet.url}/made-up-${each}/x`, { token })
        yield* answer.ended
      }
      expect(yield* series).toBe(before)
    }),
  )
})

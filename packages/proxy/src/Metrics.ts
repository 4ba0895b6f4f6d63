/** What the proxy counts, in Effect's registry: whatever else the process counts there under `rdl_` is shown with it. */
import { UserApi } from "@rdl/core/api/UserApi"
import * as LogMetrics from "@rdl/core/routing/LogMetrics"
import { Metric, MetricBoundaries, MetricLabel } from "effect"
import * as DockerRoute from "./docker/DockerRoute.ts"

const counter = (name: string, description: string) => Metric.counter(name, { description, incremental: true })

const requests = counter(
  "rdl_requests_total",
  "Answers of the proxy, by route and status; 0 = the client left before there was one.",
)
const authFailures = counter("rdl_auth_failures_total", "Requests without a good token, by what was done with them.")
const bytes = counter("rdl_log_bytes_total", "Bytes of logs that users' sockets took.")
const brokenLogs = counter("rdl_logs_broken_total", "Logs that ended before their end, by no doing of the user.")
const throttled = counter("rdl_throttle_waits_total", "Times that credit was held back to keep to a rate.")
const streams = Metric.gauge("rdl_streams", { description: "Logs that users are reading." })
const connections = Metric.gauge("rdl_connections", { description: "Connections, links among them." })
const heads = Metric.histogram(
  "rdl_response_seconds",
  MetricBoundaries.fromIterable([0.001, 0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]),
  "Seconds until an answer began.",
)

/** What became of a request without a good token. */
export type Refusal = "refused" | "limited"

const route = (path: string) => MetricLabel.make("route", routeOf(path))

export const answered = (path: string, status: number): void =>
  requests.unsafeUpdate(1, [route(path), MetricLabel.make("status", String(status))])
export const took = (path: string, milliseconds: number): void => heads.unsafeUpdate(milliseconds / 1000, [route(path)])
export const refused = (how: Refusal): void => authFailures.unsafeUpdate(1, [MetricLabel.make("outcome", how)])
export const logBytes = (taken: number): void => bytes.unsafeUpdate(taken, [])
export const logBroke = (): void => brokenLogs.unsafeUpdate(1, [])
export const waited = (): void => throttled.unsafeUpdate(1, [])
export const streamsChanged = (by: 1 | -1): void => streams.unsafeModify(by, [])
export const connectionsChanged = (by: 1 | -1): void => connections.unsafeModify(by, [])

// A series that appears only with its first event has no beginning to take a rate from.
for (const metric of [bytes, brokenLogs, throttled, LogMetrics.gaps, LogMetrics.resumes]) metric.unsafeUpdate(0, [])
for (const gauge of [streams, connections]) gauge.unsafeModify(0, [])
for (const how of ["refused", "limited"] as const) authFailures.unsafeUpdate(0, [MetricLabel.make("outcome", how)])

/** The route's own path, one of a fixed few: what is asked for must not make series. */
export const routeOf = (path: string): string => {
  if (path.startsWith("/link/")) return "link"
  return templates.find(({ pattern }) => pattern.test(path))?.route ?? "other"
}

const template = (route: string, path: string) => ({
  route,
  pattern: new RegExp(`^${path.replaceAll(".", "\\.").replaceAll(/:\w+/g, "[^/]+")}$`),
})

const templates = [
  ...Object.values(UserApi.groups).flatMap((group) =>
    Object.values(group.endpoints).map(({ path }) => template(path, path)),
  ),
  ...DockerRoute.TEMPLATES.map((path) => ({
    route: `docker ${path}`,
    pattern: new RegExp(`^(/v1\\.\\d{1,3})?${path.replace(":ref", ".+")}$`),
  })),
]

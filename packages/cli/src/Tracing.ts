/** Sends the spans of users' requests to a collector, as OTLP over HTTP; loaded only where that is asked for. */
import * as OtlpSerialization from "@effect/opentelemetry/OtlpSerialization"
import * as OtlpTracer from "@effect/opentelemetry/OtlpTracer"
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientError from "@effect/platform/HttpClientError"
import { Duration, Effect, Layer } from "effect"
import * as TracedRequest from "./TracedRequest.ts"
import { version } from "./Version.ts"

export interface Terms {
  /** Of the collector, without a path of its own; `/v1/traces` is added. */
  readonly url: string
  /** What the spans say they are of, unless OTEL_SERVICE_NAME does. */
  readonly service: "rdl-proxy" | "rdl-source"
}

/** Spans wait so long for others, or until so many are there. */
const GATHERED = { exportInterval: "2 seconds", maxBatchSize: 512 } as const

/** A collector that has not taken a batch by then does not get it; after a few failures in a row spans are dropped for a minute. */
const EXPORT_TIMEOUT = "5 seconds"

/** Batches on their way at once. A further one is dropped without another try, and all spans of the next minute are. */
const MAX_EXPORTS = 4

/** What a program that stops gives the last batch. */
const FAREWELL = "200 millis"

/** The process's tracer from here on. Never waits for the collector, and never fails because of it. */
export const layer = ({ service, url }: Terms): Layer.Layer<never> =>
  Layer.unwrapScoped(
    Effect.map(
      OtlpTracer.make({
        ...GATHERED,
        url: `${url.replace(/\/+$/, "")}/v1/traces`,
        headers: headersOf(process.env["OTEL_EXPORTER_OTLP_HEADERS"] ?? ""),
        resource: { serviceName: process.env["OTEL_SERVICE_NAME"] || service, serviceVersion: version },
        shutdownTimeout: FAREWELL,
      }),
      (tracer) => Layer.setTracer(TracedRequest.only(tracer)),
    ),
  ).pipe(Layer.provide(Layer.merge(boundedClient, OtlpSerialization.layerJson)))

const boundedClient = Layer.effect(
  HttpClient.HttpClient,
  Effect.map(HttpClient.HttpClient, (client) => {
    let running = 0
    return HttpClient.transform(client, (answer, request) =>
      Effect.suspend(() => {
        const failed = (reason: "Transport" | "Encode", description: string) =>
          new HttpClientError.RequestError({ request, reason, description })
        // Failures of the transport are tried again; its spans would be held meanwhile.
        if (running >= MAX_EXPORTS) return failed("Encode", "too many batches are on their way")
        running += 1
        return Effect.ensuring(
          Effect.timeoutFail(answer, {
            duration: Duration.decode(EXPORT_TIMEOUT),
            onTimeout: () => failed("Transport", "the collector did not answer in time"),
          }),
          Effect.sync(() => running--),
        )
      }),
    )
  }),
).pipe(Layer.provide(FetchHttpClient.layer))

/** As OpenTelemetry writes them: `name=value,name=value`, values encoded as in a URL. What is none is left out. */
const headersOf = (text: string): Record<string, string> =>
  Object.fromEntries(
    text.split(",").flatMap((pair) => {
      const [, name, value = ""] = /^\s*([\w!#$%&'*+.^`|~-]+)\s*=\s*(.*?)\s*$/.exec(pair) ?? []
      return name === undefined ? [] : [[name.toLowerCase(), decoded(value)]]
    }),
  )

const decoded = (value: string): string => {
  try {
    return decodeURIComponent(value)
  } catch {
    return value
  }
}

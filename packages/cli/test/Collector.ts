/** A collector of traces: takes OTLP as JSON over HTTP, and shows what came. */
import { Effect, type Scope } from "effect"
import { createServer, type IncomingHttpHeaders } from "node:http"
import type { AddressInfo } from "node:net"

export interface CollectedSpan {
  readonly service: string
  readonly name: string
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId?: string
  readonly attributes: ReadonlyArray<Attribute>
  readonly events?: ReadonlyArray<{ readonly attributes: ReadonlyArray<Attribute> }>
}

interface Attribute {
  readonly key: string
  readonly value?: { readonly stringValue?: string; readonly intValue?: number }
}

export interface Collector {
  readonly url: string
  readonly spans: ReadonlyArray<CollectedSpan>
  /** Paths and headers of what was sent. */
  readonly requests: ReadonlyArray<{ readonly path: string; readonly headers: IncomingHttpHeaders }>
  /** All bodies, as they came. */
  readonly text: () => string
}

interface Body {
  readonly resourceSpans: ReadonlyArray<{
    readonly resource: {
      readonly attributes: ReadonlyArray<{ readonly key: string; readonly value: { readonly stringValue?: string } }>
    }
    readonly scopeSpans: ReadonlyArray<{ readonly spans: ReadonlyArray<Omit<CollectedSpan, "service">> }>
  }>
}

/** Listens until the scope closes. */
export const start: Effect.Effect<Collector, never, Scope.Scope> = Effect.gen(function* () {
  const spans: Array<CollectedSpan> = []
  const requests: Array<Collector["requests"][number]> = []
  let all = ""
  const server = createServer((request, response) => {
    requests.push({ path: request.url ?? "", headers: request.headers })
    let text = ""
    request.setEncoding("utf8").on("data", (piece: string) => (text += piece))
    request.on("end", () => {
      all += text
      for (const { resource, scopeSpans } of (JSON.parse(text) as Body).resourceSpans) {
        const service = resource.attributes.find(({ key }) => key === "service.name")?.value.stringValue ?? ""
        for (const scope of scopeSpans) spans.push(...scope.spans.map((span) => ({ ...span, service })))
      }
      response.writeHead(200, { "content-type": "application/json" }).end("{}")
    })
  })
  yield* Effect.acquireRelease(
    Effect.async<void>((resume) => void server.listen(0, "127.0.0.1", () => resume(Effect.void))),
    () =>
      Effect.sync(() => {
        server.close()
        server.closeAllConnections()
      }),
  )
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans,
    requests,
    text: () => all,
  }
})

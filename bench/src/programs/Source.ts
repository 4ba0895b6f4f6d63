/** A source, composed as `rdl source` composes it, by either transport. */
import * as Source from "@rdl/source/Source"
import * as HttpLinkDialer from "@rdl/transport-http/HttpLinkDialer"
import * as WsLinkDialer from "@rdl/transport-ws/WsLinkDialer"
import { Effect, Layer, Logger, LogLevel, Redacted } from "effect"
import { serve } from "../Parent.ts"

export type Transport = "ws" | "http"

export interface SourceConfig {
  readonly proxy: string
  readonly token: string
  readonly engine: string
  readonly transport: Transport
  /** Where the engine's log files are; `none` = they are not read. */
  readonly logDir?: string | undefined
  /** The certificate the proxy shows. */
  readonly ca?: string | undefined
}

serve(({ ca, engine, logDir, proxy, token, transport }: SourceConfig) => {
  const terms = { proxy, token: Redacted.make(token), ca, forwardProxy: "none" }
  const dialer = transport === "ws" ? WsLinkDialer.layer(terms) : HttpLinkDialer.layer(terms)
  const source = Source.layer({ engine, logDir, env: {}, agent: "bench" }).pipe(
    Layer.provide(dialer),
    Layer.provide(Logger.minimumLogLevel(LogLevel.None)),
  )
  Effect.runFork(Effect.orDie(Layer.launch(source)))
  return {}
})

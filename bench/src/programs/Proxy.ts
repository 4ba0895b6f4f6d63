/** A proxy with all its transports, composed as `rdl proxy` composes it. */
import * as TokenKey from "@rdl/core/token/TokenKey"
import * as TokenVerifier from "@rdl/core/token/TokenVerifier"
import * as Proxy from "@rdl/proxy/Proxy"
import * as ProxyServer from "@rdl/proxy/ProxyServer"
import * as HttpLinkServer from "@rdl/transport-http/HttpLinkServer"
import * as WsLinkServer from "@rdl/transport-ws/WsLinkServer"
import { Context, Effect, Layer, Logger, LogLevel, Redacted, Scope } from "effect"
import { serve } from "../Parent.ts"

export interface ProxyConfig {
  /** The public half: a JWK. */
  readonly key: string
  /** 0 takes a free one. */
  readonly port: number
  readonly tls?: { readonly cert: string; readonly key: string } | undefined
}

export interface ProxyReady {
  readonly url: string
}

serve(({ key, port, tls }: ProxyConfig) =>
  Effect.gen(function* () {
    const keys = yield* TokenKey.parse(key)
    const options = {
      host: "127.0.0.1",
      port,
      ...(tls === undefined ? {} : { tls: { cert: tls.cert, key: Redacted.make(tls.key) } }),
    }
    const layer = ProxyServer.layer(options, (server) =>
      Effect.zipRight(WsLinkServer.attach(server), HttpLinkServer.attach(server)),
    ).pipe(
      Layer.provideMerge(Proxy.layer()),
      Layer.provide(TokenVerifier.layer({ keys })),
      Layer.provide(Logger.minimumLogLevel(LogLevel.None)),
    )
    const context = yield* Layer.buildWithScope(layer, yield* Scope.make())
    return { ready: { url: Context.get(context, ProxyServer.ProxyServer).url } satisfies ProxyReady }
  }).pipe(Effect.runPromise),
)

/** A proxy with all its transports, composed as `rdl proxy` composes it. */
import { RequestRouter } from "@rdl/core/routing/RequestRouter"
import * as TokenKey from "@rdl/core/token/TokenKey"
import * as TokenVerifier from "@rdl/core/token/TokenVerifier"
import * as Proxy from "@rdl/proxy/Proxy"
import * as ProxyServer from "@rdl/proxy/ProxyServer"
import * as HttpLinkServer from "@rdl/transport-http/HttpLinkServer"
import * as WsLinkServer from "@rdl/transport-ws/WsLinkServer"
import { Context, Effect, Layer, Logger, LogLevel, Redacted, Scope } from "effect"
import * as LineAges from "../LineAges.ts"
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

/** Follows a container in the proxy itself: what comes has left its source, and is not yet on its way to a user. */
export interface FollowHere {
  readonly ref: string
  readonly seconds: number
}

const follow = (router: RequestRouter["Type"], { ref, seconds }: FollowHere): Promise<LineAges.LatencyOutcome> =>
  Effect.gen(function* () {
    const query = { follow: true, stdout: true, stderr: true, timestamps: true, details: false, tail: 0 }
    const claims = { sub: "bench", role: "user" as const, iat: 0, exp: 0, jti: "bench" }
    const rendering = { format: "text", host: "none" } as const
    const { reader } = yield* router.logs({ claims, lapsed: Effect.never }, ref, { query, rendering })
    const listen: LineAges.Follow = (onBytes) => {
      const onData = (bytes: Uint8Array): void => {
        onBytes(bytes)
        reader.consumed(bytes.length)
      }
      reader.start({ onData, onEnd: () => undefined })
      return () => undefined
    }
    return yield* Effect.promise(() => LineAges.measure([listen], { by: "stamp", seconds }))
  }).pipe(Effect.scoped, Effect.runPromise)

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
    const router = Context.get(context, RequestRouter)
    return {
      ready: { url: Context.get(context, ProxyServer.ProxyServer).url } satisfies ProxyReady,
      answer: (request: FollowHere) => follow(router, request),
    }
  }).pipe(Effect.runPromise),
)

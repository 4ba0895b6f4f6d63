/** A proxy with all its transports, listening. */
import type { LinkAcceptor } from "@rdl/core/link/Link"
import type { TokenKey } from "@rdl/core/token/TokenKey"
import * as TokenVerifier from "@rdl/core/token/TokenVerifier"
import * as Proxy from "@rdl/proxy/Proxy"
import * as ProxyServer from "@rdl/proxy/ProxyServer"
import * as HttpLinkServer from "@rdl/transport-http/HttpLinkServer"
import * as WsLinkServer from "@rdl/transport-ws/WsLinkServer"
import { Context, Effect, Layer, Scope } from "effect"
import type { ListenAddress } from "./ListenAddress.ts"

export interface ProxyTerms {
  readonly keys: ReadonlyArray<TokenKey>
  readonly isRevoked?: TokenVerifier.Options["isRevoked"] | undefined
  readonly listen: ListenAddress
  readonly tls?: ProxyServer.Options["tls"] | undefined
}

/** The proxy as a layer: its server, and what a program may want to look into. */
export const layer = ({ isRevoked, keys, listen, tls }: ProxyTerms) =>
  ProxyServer.layer({ ...listen, ...(tls === undefined ? {} : { tls }) }, attach).pipe(
    Layer.provideMerge(Proxy.layer()),
    Layer.provide(TokenVerifier.layer({ keys, ...(isRevoked === undefined ? {} : { isRevoked }) })),
  )

/** Both transports on the one port; when it closes, the links of both say goodbye at once. */
const attach: ProxyServer.Attach<LinkAcceptor> = (server) =>
  Effect.parallelFinalizers(Effect.zipRight(apart(WsLinkServer.attach(server)), apart(HttpLinkServer.attach(server))))

/** In a scope of its own, so that its parts close in their order. */
const apart = <R>(attaching: Effect.Effect<void, never, R>) =>
  Effect.flatMap(Effect.acquireRelease(Scope.make(), Scope.close), (scope) => Scope.extend(attaching, scope))

/** Starts it for as long as the scope lives. */
export const startProxy = Effect.fn("ProxyProgram.startProxy")(function* (terms: ProxyTerms) {
  const { url } = Context.get(yield* Layer.build(layer(terms)), ProxyServer.ProxyServer)
  yield* Effect.logInfo(`listening on ${url}`).pipe(Effect.annotateLogs({ keys: terms.keys.length }))
  if (terms.tls === undefined)
    yield* Effect.logInfo("without TLS: put a web server that does it in front, or give --tls-cert and --tls-key")
})

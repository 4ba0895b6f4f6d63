/** A proxy with all its transports, listening. */
import type { TokenKey } from "@rdl/core/TokenKey"
import * as TokenVerifier from "@rdl/core/TokenVerifier"
import * as Proxy from "@rdl/proxy/Proxy"
import * as ProxyServer from "@rdl/proxy/ProxyServer"
import * as WsLinkServer from "@rdl/transport-ws/WsLinkServer"
import { Context, Effect, Layer } from "effect"
import type { ListenAddress } from "./ListenAddress.ts"

export interface ProxyTerms {
  readonly keys: ReadonlyArray<TokenKey>
  readonly isRevoked?: TokenVerifier.Options["isRevoked"] | undefined
  readonly listen: ListenAddress
  readonly tls?: ProxyServer.Options["tls"] | undefined
}

/** The proxy as a layer: its server, and what a program may want to look into. */
export const layer = ({ isRevoked, keys, listen, tls }: ProxyTerms) =>
  ProxyServer.layer({ ...listen, ...(tls === undefined ? {} : { tls }) }, WsLinkServer.attach).pipe(
    Layer.provideMerge(Proxy.layer()),
    Layer.provide(TokenVerifier.layer({ keys, ...(isRevoked === undefined ? {} : { isRevoked }) })),
  )

/** Starts it for as long as the scope lives. */
export const startProxy = Effect.fn("ProxyProgram.startProxy")(function* (terms: ProxyTerms) {
  const { url } = Context.get(yield* Layer.build(layer(terms)), ProxyServer.ProxyServer)
  yield* Effect.logInfo(`listening on ${url}`).pipe(Effect.annotateLogs({ keys: terms.keys.length }))
  if (terms.tls === undefined)
    yield* Effect.logInfo("without TLS: put a web server that does it in front, or give --tls-cert and --tls-key")
})

/** Proxy, source and client in a program that knows nothing of Effect: promises, async iteration, one function that ends each. */
import type { Server } from "node:http"
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as RdlClient from "@rdl/core/api/RdlClient"
import * as TokenKey from "@rdl/core/token/TokenKey"
import { Effect, Layer, ManagedRuntime, Redacted, Stream } from "effect"
import { proxyLayer } from "./embed-proxy.ts"
import { sourceLayer } from "./embed-source.ts"

/** What was started, until it is closed. */
export interface Running {
  readonly close: () => Promise<void>
}

/** Starts what a layer holds, and fails where that fails. */
const start = async <A, E>(layer: Layer.Layer<A, E>): Promise<Running> => {
  const runtime = ManagedRuntime.make(layer)
  await runtime.runtime()
  return { close: () => runtime.dispose() }
}

/** A proxy in a server of yours; `publicJwk` is what `rdl key public` prints. Call it before the server listens. */
export const startProxy = async (server: Server, publicJwk: string): Promise<Running> => {
  const keys = await Effect.runPromise(TokenKey.parse(publicJwk))
  return start(proxyLayer(server, keys))
}

/** A source for this machine's engine. */
export const startSource = (proxy: string, token: string, engine?: string): Promise<Running> =>
  start(sourceLayer({ proxy, token: Redacted.make(token), ...(engine === undefined ? {} : { engine }) }))

/** A client whose lists are promises, and whose logs are iterated. */
export const openClient = (proxy: string, token: string) => {
  const options = { url: new URL(proxy), token: Redacted.make(token) }
  const runtime = ManagedRuntime.make(RdlClient.layer(options).pipe(Layer.provide(FetchHttpClient.layer)))
  return {
    containers: () => runtime.runPromise(Effect.flatMap(RdlClient.RdlClient, (client) => client.containers())),
    /** Lines, gaps and the end of a log. Goes on over lost connections; leaving the loop lets go of the log. */
    async *follow(ref: string) {
      const client = await runtime.runPromise(RdlClient.RdlClient)
      yield* Stream.toAsyncIterable(client.entries(ref, { follow: true, tail: 100 }))
    },
    close: () => runtime.dispose(),
  }
}

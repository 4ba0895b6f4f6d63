/** A source with the transport that it dials by. */
import * as Source from "@rdl/source/Source"
import * as WsLinkDialer from "@rdl/transport-ws/WsLinkDialer"
import { Effect, Layer, type Redacted } from "effect"
import { UsageError } from "./Failure.ts"
import { version } from "./Version.ts"

export interface SourceTerms {
  readonly name: string
  /** Undefined = whichever of the usual sockets is there. */
  readonly engine: string | undefined
  readonly proxy: string
  readonly token: Redacted.Redacted
  readonly onState?: Source.Options["onState"]
  /** Default: what HTTPS_PROXY and its like say. */
  readonly forwardProxy?: "none"
}

/** Starts it for as long as the scope lives; it links up in the background. */
export const startSource = Effect.fn("SourceProgram.startSource")(function* (terms: SourceTerms) {
  const { engine, forwardProxy, name, onState, proxy, token } = terms
  const dialer = WsLinkDialer.layer({ proxy, token, forwardProxy })
  const source = Source.layer({
    engine,
    env: process.env,
    agent: `rdl/${version}`,
    ...(onState === undefined ? {} : { onState }),
  })
  const { hostname, origin, protocol } = new URL(proxy)
  yield* Effect.logInfo(`the source ${name} dials ${origin}`)
  if (protocol === "http:" && !/^(localhost|127\.[\d.]+|\[::1\])$/.test(hostname))
    yield* Effect.logWarning(`the link to ${origin} is not encrypted: on the way its token and all logs can be read`)
  yield* Layer.build(source.pipe(Layer.provide(dialer))).pipe(
    Effect.mapError((error) => new UsageError({ detail: `--proxy: ${error.message}` })),
  )
})

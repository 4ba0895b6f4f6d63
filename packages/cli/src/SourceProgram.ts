/** A source with the transports that it dials by. */
import * as AutoLinkDialer from "@rdl/core/link/AutoLinkDialer"
import { LinkDialer } from "@rdl/core/link/Link"
import type { Redaction } from "@rdl/core/log/LogRedaction"
import * as Source from "@rdl/source/Source"
import type { SourcePolicy } from "@rdl/source/SourcePolicy"
import * as HttpLinkDialer from "@rdl/transport-http/HttpLinkDialer"
import * as WsLinkDialer from "@rdl/transport-ws/WsLinkDialer"
import { Effect, Layer, type Redacted } from "effect"
import { UsageError } from "./Failure.ts"
import { version } from "./Version.ts"

/** How links travel: by WebSocket, by long-poll, or by the former where it gets through and else by the latter. */
export type LinkWay = "auto" | "ws" | "http"

export interface SourceTerms {
  readonly name: string
  /** Undefined = whichever of the usual sockets is there. */
  readonly engine: string | undefined
  /** Default: where the engine keeps its log files, if they can be read. */
  readonly logDir?: string | undefined
  readonly proxy: string
  readonly token: Redacted.Redacted
  readonly onState?: Source.Options["onState"] | undefined
  /** Default `auto`. */
  readonly link?: LinkWay
  /** Default: what HTTPS_PROXY and its like say. */
  readonly forwardProxy?: "none"
  /** PEM certificates of the authorities to trust, and no others; default Node's own. */
  readonly ca?: string | undefined
  /** What is shown to a proxy that asks for one, asked each time it is dialled. Default none. */
  readonly certificate?: WsLinkDialer.Options["certificate"]
  /** Which containers leave the host. Default: all whose label does not say otherwise. */
  readonly policy?: SourcePolicy | undefined
  /** What is taken out of every line. Default nothing. */
  readonly redaction?: Redaction | undefined
}

/** Starts it for as long as the scope lives; it links up in the background. */
export const startSource = Effect.fn("SourceProgram.startSource")(function* (terms: SourceTerms) {
  const {
    ca,
    certificate,
    engine,
    forwardProxy,
    link = "auto",
    logDir,
    name,
    onState,
    policy,
    redaction,
    proxy,
    token,
  } = terms
  const dialer = Layer.effect(LinkDialer, makeDialer(link, { proxy, token, forwardProxy, ca, certificate }))
  const source = Source.layer({
    engine,
    logDir,
    env: process.env,
    agent: `rdl/${version}`,
    policy,
    redaction,
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

const makeDialer = Effect.fnUntraced(function* (link: LinkWay, options: WsLinkDialer.Options & HttpLinkDialer.Options) {
  if (link === "http") return yield* HttpLinkDialer.make(options)
  const ws = yield* WsLinkDialer.make(options)
  if (link === "ws") return ws
  return yield* AutoLinkDialer.make({
    preferred: { name: "WebSocket", dialer: ws },
    fallback: { name: "long-poll", dialer: yield* HttpLinkDialer.make(options) },
  })
})

/** A source inside another program: this machine's logs, for as long as the program runs. */
import * as Source from "@rdl/source/Source"
import * as WsLinkDialer from "@rdl/transport-ws/WsLinkDialer"
import { Effect, Layer, type Redacted } from "effect"

export interface Options {
  /** Where the proxy is, such as `https://logs.example.org`. */
  readonly proxy: string
  readonly token: Redacted.Redacted
  /** As DOCKER_HOST says it; absent = whichever engine this machine has. */
  readonly engine?: string
}

/** Merge it into the layers of your program: it dials, and dials again, until the program ends. */
export const sourceLayer = ({ engine, proxy, token }: Options) =>
  Source.layer({
    engine,
    env: process.env,
    agent: "shop-backend/4.2",
    onState: (state) => Effect.logInfo("the link to the log proxy", state),
  }).pipe(Layer.provide(WsLinkDialer.layer({ proxy, token })))

/** Both ends of the transport, each in the place of another one. */
import { createServer } from "node:net"
import * as Proxy from "@rdl/proxy/Proxy"
import * as Source from "@rdl/source/Source"
import { Layer, type Redacted } from "effect"
import * as TcpLinkDialer from "./TcpLinkDialer.ts"
import * as TcpLinkServer from "./TcpLinkServer.ts"

/** The proxy's end: it listens where you let `server` listen. */
export const server = createServer()
export const links = TcpLinkServer.layer(server).pipe(Layer.provide(Proxy.layer()))

/** The source's end. */
export const source = (options: Source.Options, token: Redacted.Redacted) =>
  Source.layer(options).pipe(Layer.provide(TcpLinkDialer.layer({ host: "proxy.internal", port: 7071, token })))

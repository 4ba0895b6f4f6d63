/** A proxy inside a Node HTTP server that has pages of its own: sources and users come to the same port. */
import { createServer, type RequestListener, type Server } from "node:http"
import type { TokenKey } from "@rdl/core/token/TokenKey"
import * as TokenVerifier from "@rdl/core/token/TokenVerifier"
import * as Proxy from "@rdl/proxy/Proxy"
import * as WsLinkServer from "@rdl/transport-ws/WsLinkServer"
import { Effect, Layer } from "effect"

/** Takes the user API and the links on a server of your own, for as long as the layer lives; all else stays yours. */
export const proxyLayer = (server: Server, keys: ReadonlyArray<TokenKey>) =>
  Effect.gen(function* () {
    const { handler } = yield* Proxy.Proxy
    const own = server.listeners("request") as Array<RequestListener>
    const both: RequestListener = (request, response) =>
      handler(request, response, () => own.forEach((listener) => listener(request, response)))
    yield* Effect.acquireRelease(
      Effect.sync(() => server.removeAllListeners("request").on("request", both)),
      () =>
        Effect.sync(() => {
          server.off("request", both)
          own.forEach((listener) => server.on("request", listener))
        }),
    )
    yield* WsLinkServer.attach(server)
  }).pipe(Layer.scopedDiscard, Layer.provide(Proxy.layer()), Layer.provide(TokenVerifier.layer({ keys })))

/** The whole program: your server listens when the proxy is in it. */
export const program = (key: TokenKey, port: number) =>
  Effect.gen(function* () {
    const server = createServer((_, response) => response.end("the shop is open\n"))
    yield* Layer.build(proxyLayer(server, [key]))
    yield* Effect.acquireRelease(
      Effect.async<Server>((resume) => void server.listen(port, "127.0.0.1", () => resume(Effect.succeed(server)))),
      () => Effect.sync(() => server.closeAllConnections()).pipe(Effect.zipRight(Effect.sync(() => server.close()))),
    )
    return server
  })

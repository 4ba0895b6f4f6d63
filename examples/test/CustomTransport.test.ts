import { once } from "node:events"
import * as net from "node:net"
import { describeLink } from "@rdl/link-compliance/LinkCompliance"
import { tokens } from "@rdl/link-compliance/LinkHarness"
import * as RelayedLink from "@rdl/test-kit/RelayedLink"
import { Effect, Redacted } from "effect"
import * as TcpLinkDialer from "../custom-transport/TcpLinkDialer.ts"
import * as TcpLinkServer from "../custom-transport/TcpLinkServer.ts"

describeLink("tcp (examples/custom-transport)", {
  capabilities: ["cut", "cutAfter", "blackhole", "freeze", "slice", "stranger", "garbage", "halfClose"],
  make: Effect.gen(function* () {
    const server = yield* Effect.acquireRelease(
      Effect.sync(() => net.createServer()),
      (server) => Effect.sync(() => server.close()),
    )
    yield* TcpLinkServer.attach(server)
    server.listen(0, "127.0.0.1")
    yield* Effect.promise(() => once(server, "listening"))
    const { port } = server.address() as net.AddressInfo
    const { faults, relay } = yield* RelayedLink.before(port)
    /** A connection that says these words. */
    const speak = (words: string) =>
      Effect.acquireRelease(
        Effect.sync(() =>
          net
            .connect(port, "127.0.0.1")
            .on("error", () => {})
            .resume(),
        ),
        (socket) => Effect.sync(() => socket.destroy()),
      ).pipe(Effect.tap((socket) => Effect.sync(() => socket.write(words))))
    const ended = (socket: net.Socket) => Effect.promise(() => once(socket, "end"))
    return {
      dial: (token: string) =>
        TcpLinkDialer.make({ host: relay.host, port: relay.port, token: Redacted.make(token) }).dial,
      faults: {
        ...faults,
        stranger: Effect.scoped(Effect.flatMap(speak("\n"), ended)),
        garbage: speak(`${tokens.source}\nGET / HTTP/1.1\r\n\r\n`),
        halfClose: speak(`${tokens.source}\n`).pipe(
          Effect.tap((socket) => Effect.sync(() => socket.end())),
          Effect.flatMap(ended),
          Effect.scoped,
        ),
      },
    }
  }),
})

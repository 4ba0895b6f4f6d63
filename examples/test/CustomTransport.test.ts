import { once } from "node:events"
import * as net from "node:net"
import { describeLink } from "@rdl/link-compliance/LinkCompliance"
import { tokens } from "@rdl/link-compliance/LinkHarness"
import { type Cut, FaultProxy } from "@rdl/test-kit/FaultProxy"
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
    const relay = yield* Effect.acquireRelease(
      Effect.promise(() => FaultProxy.listen({ target: { port } })),
      (relay) => Effect.promise(() => relay.close()),
    )
    const cut = async (how: Cut) => {
      await relay.refuse()
      relay.dropAll(how)
    }
    const both = (faults: Parameters<typeof relay.up.set>[0]) =>
      Effect.sync(() => [relay.up, relay.down].forEach((way) => way.set(faults)))
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
        TcpLinkDialer.make({ host: "127.0.0.1", port: relay.port, token: Redacted.make(token) }).dial,
      faults: {
        cut: (how) => Effect.promise(() => cut(how)),
        cutAfter: (bytes) => Effect.sync(() => void relay.up.cutAfter(bytes, "rst").then(() => cut("rst"))),
        blackhole: both({ blackhole: true }),
        freeze: Effect.acquireRelease(both({ freeze: true }), () => both({ freeze: false })),
        slice: (most) => both({ maxWrite: most }),
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

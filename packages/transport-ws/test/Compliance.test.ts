import { describeLink } from "@rdl/link-compliance/LinkCompliance"
import { tokens } from "@rdl/link-compliance/LinkHarness"
import * as RelayedLink from "@rdl/test-kit/RelayedLink"
import * as WsLinkDialer from "@rdl/transport-ws/WsLinkDialer"
import * as WsLinkServer from "@rdl/transport-ws/WsLinkServer"
import { Effect, Redacted } from "effect"
import { once } from "node:events"
import * as http from "node:http"
import type * as net from "node:net"
import { listen, message, rawConnection, text, upgradeRequest } from "./Loopback.ts"

const upgrade = upgradeRequest({ authorization: `Bearer ${tokens.source}` })

describeLink("ws", {
  capabilities: ["cut", "cutAfter", "blackhole", "freeze", "slice", "stranger", "garbage", "halfClose"],
  make: Effect.gen(function* () {
    const { port, server } = yield* listen(http.createServer())
    yield* WsLinkServer.attach(server)
    const { faults, relay } = yield* RelayedLink.before(port)
    /** What a connection gets that begins with these words, until it ends. */
    const speak = (...words: ReadonlyArray<string | Uint8Array>) =>
      Effect.map(rawConnection(port), (socket: net.Socket) => {
        for (const word of words) socket.write(word)
        return socket.resume()
      })
    return {
      dial: (token: string) =>
        WsLinkDialer.make({ proxy: relay.url, token: Redacted.make(token), forwardProxy: "none" }).pipe(
          Effect.orDie,
          Effect.flatMap(({ dial }) => dial),
        ),
      faults: {
        ...faults,
        stranger: speak(upgradeRequest({ authorization: "" })).pipe(Effect.flatMap(ended), Effect.scoped),
        garbage: speak(upgrade, message(text, Buffer.from("hello"), true)),
        halfClose: speak(upgrade).pipe(
          Effect.tap((socket) => Effect.sync(() => socket.end())),
          Effect.flatMap(ended),
          Effect.scoped,
        ),
      },
    }
  }),
})

const ended = (socket: net.Socket) => Effect.promise(() => once(socket, "end"))

import { describeLink } from "@rdl/link-compliance/LinkCompliance"
import { tokens } from "@rdl/link-compliance/LinkHarness"
import * as RelayedLink from "@rdl/test-kit/RelayedLink"
import * as HttpLinkDialer from "@rdl/transport-http/HttpLinkDialer"
import * as HttpLinkServer from "@rdl/transport-http/HttpLinkServer"
import { Effect, Redacted } from "effect"
import { once } from "node:events"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"

describeLink("http", {
  capabilities: ["cut", "cutAfter", "blackhole", "freeze", "slice", "stranger", "garbage"],
  // protocol-http.md#up: two bodies wait for their answer.
  underWay: 2 * 512 * 1024,
  make: Effect.gen(function* () {
    const server = createServer()
    yield* Effect.addFinalizer(() =>
      Effect.sync(() => {
        server.close()
        server.closeAllConnections()
      }),
    )
    // A connection is no link: one that breaks is tried again, and only then a loss.
    yield* HttpLinkServer.attach(server, { pollTime: "500 millis", idleLimit: "3500 millis" })
    server.listen(0, "127.0.0.1")
    yield* Effect.promise(() => once(server, "listening"))
    const { port } = server.address() as AddressInfo
    const { faults, relay } = yield* RelayedLink.before(port)
    const sessions = `http://127.0.0.1:${port}/link/v1/sessions`
    const headers = { authorization: `Bearer ${tokens.source}`, "content-type": "application/octet-stream" }
    return {
      dial: (token: string) =>
        HttpLinkDialer.make({
          proxy: relay.url,
          token: Redacted.make(token),
          forwardProxy: "none",
          retryBase: "10 millis",
          giveUp: "1 second",
        }).pipe(
          Effect.orDie,
          Effect.flatMap(({ dial }) => dial),
        ),
      faults: {
        ...faults,
        stranger: Effect.promise(() => fetch(sessions, { method: "POST" }).then((refused) => refused.text())),
        garbage: Effect.promise(async () => {
          const created = await fetch(sessions, { method: "POST", headers })
          const { session } = (await created.json()) as { readonly session: string }
          await fetch(`${sessions}/${session}/up?seq=0`, { method: "POST", headers, body: "<html>welcome</html>" })
        }),
      },
    }
  }),
})

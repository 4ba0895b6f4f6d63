import { expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { Socket } from "node:net"
import { vi } from "vitest"
import { dial, endpoint } from "./Loopback.ts"

it.scopedLive(
  "a link lets the operating systems of both ends look after 15 s of silence whether the other is there",
  () =>
    Effect.gen(function* () {
      const asked = vi.spyOn(Socket.prototype, "setKeepAlive")
      yield* Effect.addFinalizer(() => Effect.sync(() => asked.mockRestore()))
      const { port, url } = yield* endpoint()
      yield* dial(url)
      const sockets = asked.mock.contexts as ReadonlyArray<Socket>
      const ports = asked.mock.calls.flatMap(([on, ms], at) =>
        on === true && ms === 15_000 ? [[sockets[at]?.localPort, sockets[at]?.remotePort]] : [],
      )
      expect(ports).toHaveLength(2)
      expect(ports.filter(([own]) => own === port)).toHaveLength(1)
      expect(ports.filter(([, other]) => other === port)).toHaveLength(1)
    }),
)

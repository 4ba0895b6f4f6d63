/** Two links with one name meet in the proxy's own acceptor and registry: the same process replaces itself, another is refused. */
import { LinkAcceptor } from "@rdl/core/link/Link"
import type { LinkLost } from "@rdl/core/link/LinkLost"
import * as LinkSession from "@rdl/core/link/LinkSession"
import { SessionCode } from "@rdl/core/link/SessionCode"
import * as SourceAcceptor from "@rdl/core/routing/SourceAcceptor"
import * as SourceRegistry from "@rdl/core/routing/SourceRegistry"
import { TokenVerifier } from "@rdl/core/token/TokenVerifier"
import { Deferred, Effect, Fiber, type Scope } from "effect"
import { expect } from "vitest"
import { tokens } from "../LinkHarness.ts"
import { sourceName, until, whoseIs } from "./LinkWorld.ts"
import * as SessionPair from "./SessionPair.ts"
import type { AnyHarness, Suite } from "./Suite.ts"

export const nameCases = ({ checkHarness }: Suite): void => {
  // protocol.md#handshake: "A newcomer with the `instanceId` of the live session replaces it (the old one gets GOAWAY(REPLACED))".
  checkHarness("whose newer link replaces the older one, which hears why", (harness) =>
    Effect.gen(function* () {
      const { answers, link } = yield* proxyWith(harness)
      const first = yield* link("one")
      yield* answers("one")
      const second = yield* link("one")
      expect(yield* Effect.flip(Fiber.join(first))).toMatchObject({ _tag: "LinkLost", code: SessionCode.replaced })
      yield* answers("one")
      expect(second.unsafePoll()).toBe(null)
    }),
  )

  // protocol.md#handshake: "One with another `instanceId` is refused with GOAWAY(CONFLICT) while the old session is alive".
  checkHarness("which another running source cannot take, and hears why", (harness) =>
    Effect.gen(function* () {
      const { answers, link } = yield* proxyWith(harness)
      const first = yield* link("one")
      yield* answers("one")
      const other = yield* link("two", { welcomed: false })
      expect(yield* Effect.flip(Fiber.join(other))).toMatchObject({ _tag: "LinkLost", code: SessionCode.conflict })
      expect(first.unsafePoll()).toBe(null)
      yield* answers("one")
    }),
  )
}

/** A proxy's acceptor and registry behind the harness, and sources that dial it. */
const proxyWith = Effect.fnUntraced(function* (harness: Effect.Effect<AnyHarness, never, Scope.Scope | LinkAcceptor>) {
  const registry = yield* SourceRegistry.make()
  const acceptor = yield* SourceAcceptor.make().pipe(
    Effect.provideService(SourceRegistry.SourceRegistry, registry),
    Effect.provideService(TokenVerifier, {
      verify: (token) => Effect.map(whoseIs(token), ({ claims }) => claims),
      remembered: () => undefined,
    }),
  )
  const { dial } = yield* Effect.provideService(harness, LinkAcceptor, acceptor)

  /** A source of this instance; its fiber ends with its link. */
  const link = Effect.fnUntraced(function* (instanceId: string, { welcomed } = { welcomed: true }) {
    const source = yield* dial(tokens.source)
    const ready = yield* Deferred.make<void>()
    const serving: Fiber.RuntimeFiber<never, LinkLost> = yield* Effect.forkScoped(
      LinkSession.serve(source, {
        hello: { ...SessionPair.hello, instanceId, agent: instanceId },
        onWelcome: () => Deferred.succeed(ready, undefined),
        handler: (_, writer) =>
          Effect.sync(() => {
            writer.head({ contentType: "application/x-ndjson" })
            writer.write(new TextEncoder().encode('{"_tag":"Begin"}\n{"_tag":"Ready"}\n'))
          }).pipe(Effect.zipRight(Effect.never)),
      }),
    )
    if (welcomed) yield* Deferred.await(ready)
    return serving
  })

  /** Waits until the source under the name answers, and that it is this instance. */
  const answers = Effect.fnUntraced(function* (instanceId: string) {
    let ready = false
    const look = Effect.map(registry.inventories, ([inventory]) => (ready = inventory?.stale === false))
    yield* Effect.raceFirst(
      until("the inventory", () => ready),
      Effect.forever(Effect.zipRight(look, Effect.sleep("2 millis"))),
    )
    expect(yield* registry.statuses).toMatchObject([{ name: sourceName, connected: true, version: instanceId }])
    const reader = yield* Effect.scoped(registry.open(sourceName, { op: "inventory" }))
    expect(reader.head.contentType).toBe("application/x-ndjson")
  })

  return { link, answers }
})

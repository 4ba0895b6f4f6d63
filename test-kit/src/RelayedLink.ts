/** What the contract suite asks of a network, played by a `FaultProxy`: the same for every transport over sockets. */
import { Effect, type Scope } from "effect"
import { type Cut, FaultProxy, type Faults } from "./FaultProxy.ts"

export interface RelayedLink {
  /** Where to dial instead of the port behind it. */
  readonly relay: FaultProxy
  readonly faults: {
    /** Cuts every connection, and lets none come again. */
    readonly cut: (how: Cut) => Effect.Effect<void>
    /** The same once so many bytes have gone up. */
    readonly cutAfter: (bytes: number) => Effect.Effect<void>
    readonly blackhole: Effect.Effect<void>
    /** Until the scope closes. */
    readonly freeze: Effect.Effect<void, never, Scope.Scope>
    readonly slice: (most: number) => Effect.Effect<void>
  }
}

/** A relay before a port of 127.0.0.1, for as long as the scope lives. */
export const before = (port: number): Effect.Effect<RelayedLink, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.promise(() => FaultProxy.listen({ target: { port } })),
    (relay) => Effect.promise(() => relay.close()),
  ).pipe(Effect.map((relay) => ({ relay, faults: faultsOf(relay) })))

const faultsOf = (relay: FaultProxy): RelayedLink["faults"] => {
  const cut = async (how: Cut) => {
    await relay.refuse()
    relay.dropAll(how)
  }
  const both = (faults: Partial<Faults>) => Effect.sync(() => [relay.up, relay.down].forEach((way) => way.set(faults)))
  return {
    cut: (how) => Effect.promise(() => cut(how)),
    cutAfter: (bytes) => Effect.sync(() => void relay.up.cutAfter(bytes, "rst").then(() => cut("rst"))),
    blackhole: both({ blackhole: true }),
    freeze: Effect.asVoid(Effect.acquireRelease(both({ freeze: true }), () => both({ freeze: false }))),
    slice: (most) => both({ maxWrite: most }),
  }
}

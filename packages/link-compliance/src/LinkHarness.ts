/** What a transport gives the suite: a way to dial its own listening end, and what may be done to the wire between the two. */
import type { Link, LinkAcceptor, LinkDialError } from "@rdl/core/link/Link"
import type { Effect, Scope } from "effect"

/** The tokens the suite's acceptor knows: one of the source `edge-1`, one of a user. Any other is no good. */
export const tokens = { source: "source.edge-1", user: "user.ada", unknown: "nobody.knows" } as const

/** How a connection ends: `fin` = politely, `rst` = at once, as after a crash. */
export type Cut = "fin" | "rst"

/** What can be done to the wire, and by hand at its ends. A transport offers those that make sense for it. */
export interface LinkFaults {
  /** Ends every connection without a goodbye, and lets no other come. A transport that tries again may take up to 5 s to notice. */
  readonly cut: (how: Cut) => Effect.Effect<void>
  /** The same (`rst`) once so many more bytes have gone towards the proxy: in the middle of a frame. Returns at once. */
  readonly cutAfter: (bytes: number) => Effect.Effect<void>
  /** From now on everything that is sent, either way, vanishes; nobody is told. */
  readonly blackhole: Effect.Effect<void>
  /** Until the scope closes nothing is taken from either end, so that both are stopped; afterwards it all goes on. */
  readonly freeze: Effect.Effect<void, never, Scope.Scope>
  /** From now on bytes arrive in pieces of 1 to `most`; 0 = as they were sent. */
  readonly slice: (most: number) => Effect.Effect<void>
  /** Asks for a link without any token, as no dialer would; returns when it was sent away. */
  readonly stranger: Effect.Effect<void>
  /** Makes a link with `tokens.source` by hand and sends what is no frame: text where the transport can tell it from frames. The scope hangs up. */
  readonly garbage: Effect.Effect<void, never, Scope.Scope>
  /** Makes a link with `tokens.source` by hand, ends the sending half of its connection without a goodbye, and returns when the other half has ended too. */
  readonly halfClose: Effect.Effect<void>
}

/** A listening end that delivers links to the LinkAcceptor it was made with, and a dialer that leads to it. */
export interface LinkHarness<Capability extends keyof LinkFaults = never> {
  /** As `LinkDialer.dial` of a dialer that has this token. */
  readonly dial: (token: string) => Effect.Effect<Link, LinkDialError, Scope.Scope>
  readonly faults: Pick<LinkFaults, Capability> & Partial<LinkFaults>
}

/** A transport as the suite is given it. */
export interface LinkSuite<Capability extends keyof LinkFaults> {
  /** What the harness can do; cases that need something else are left out. */
  readonly capabilities: ReadonlyArray<Capability>
  /** Bytes that may be on their way and unacknowledged, kept by both ends, besides the 1 MiB read ahead of a late receiver. Default 0. */
  readonly underWay?: number
  /** Run anew for each case. Where a transport waits before it calls a peer lost, let it be 1 to 4 s here. */
  readonly make: Effect.Effect<LinkHarness<Capability>, never, Scope.Scope | LinkAcceptor>
}

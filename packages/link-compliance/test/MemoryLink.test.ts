import { type Link, LinkAcceptor, LinkDialer } from "@rdl/core/link/Link"
import * as MemoryLink from "@rdl/core/link/MemoryLink"
import { describeLink } from "@rdl/link-compliance/LinkCompliance"
import { Context, Effect, Layer, Redacted } from "effect"

/** A wire of which turns of the event loop are the packets: it can be stopped, and lose what is on it. */
class Wire {
  #held: Array<() => void> = []
  #state: "open" | "frozen" | "black" = "open"

  readonly schedule = (arrive: () => void): void => {
    if (this.#state === "open") setImmediate(arrive)
    else if (this.#state === "frozen") this.#held.push(arrive)
  }

  freeze(): void {
    this.#state = "frozen"
  }

  thaw(): void {
    this.#state = "open"
    for (const arrive of this.#held.splice(0)) setImmediate(arrive)
  }

  blackhole(): void {
    this.#state = "black"
  }
}

describeLink("memory", {
  capabilities: ["cut", "blackhole", "freeze"],
  make: Effect.gen(function* () {
    const acceptor = yield* LinkAcceptor
    const wire = new Wire()
    const open = new Set<Link>()
    const dial = (token: string) =>
      MemoryLink.layer({ token: Redacted.make(token), schedule: wire.schedule }).pipe(
        Layer.provide(Layer.succeed(LinkAcceptor, acceptor)),
        Layer.build,
        Effect.flatMap((context) => Context.get(context, LinkDialer).dial),
        Effect.tap((link) =>
          Effect.acquireRelease(
            Effect.sync(() => open.add(link)),
            () => Effect.sync(() => open.delete(link)),
          ),
        ),
      )
    return {
      dial,
      faults: {
        cut: () => Effect.sync(() => open.forEach((link) => link.destroy("the wire was cut"))),
        blackhole: Effect.sync(() => wire.blackhole()),
        freeze: Effect.acquireRelease(
          Effect.sync(() => wire.freeze()),
          () => Effect.sync(() => wire.thaw()),
        ),
      },
    }
  }),
})

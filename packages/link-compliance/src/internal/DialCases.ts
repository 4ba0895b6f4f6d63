/** A token is looked at before anything is accepted; who has no good one learns that, and nothing else comes of it. */
import { Deferred, Effect, Fiber } from "effect"
import { expect } from "vitest"
import { tokens } from "../LinkHarness.ts"
import { frame } from "./Bytes.ts"
import { sourceName, until } from "./LinkWorld.ts"
import type { Suite } from "./Suite.ts"

export const dialCases = ({ check, checkWith }: Suite): void => {
  // protocol.md#carriage: "Who the source is was settled by the transport, from its token, before the first frame".
  check("by a source's token, which says whose the link is", (world) =>
    Effect.gen(function* () {
      yield* world.dial()
      const { identity } = yield* world.accepted
      expect(identity).toMatchObject({ name: sourceName, claims: { role: "source" } })
    }),
  )

  for (const [who, token] of [
    ["an unknown token", tokens.unknown],
    ["no token", ""],
    ["a user's token", tokens.user],
  ] as const)
    // Link.ts: `authenticate` is "asked before anything is accepted"; `refused` = the token was not accepted.
    check(`in vain with ${who}: refused, nothing is accepted, and the error holds no token`, (world) =>
      Effect.gen(function* () {
        const refused = yield* Effect.flip(Effect.scoped(world.dial(token)))
        expect(refused).toMatchObject({ _tag: "LinkDialError", reason: "refused" })
        if (token !== "") expect(JSON.stringify(refused) + refused.message).not.toContain(token)
        // The next link is a good one, and the first that was accepted.
        yield* world.dial()
        expect((yield* world.accepted).identity.name).toBe(sourceName)
        expect(world.counts.given).toBe(1)
      }),
    )

  // protocol.md#carriage, where no dialer is in between.
  checkWith("stranger", "in vain by a stranger who shows nothing at all", (world, stranger) =>
    Effect.gen(function* () {
      yield* stranger
      yield* world.dial()
      yield* world.accepted
      expect(world.counts.given).toBe(1)
    }),
  )

  // Link.ts: "asked before anything is accepted".
  check("with nothing accepted while the token is being checked", (world) =>
    Effect.gen(function* () {
      const checked = yield* Deferred.make<void>()
      const asked = yield* Deferred.make<void>()
      world.gate = Effect.zipRight(Deferred.succeed(asked, undefined), Deferred.await(checked))
      const dialling = yield* Effect.forkScoped(world.dial())
      yield* Deferred.await(asked)
      yield* Effect.sleep("50 millis")
      expect([world.counts.given, dialling.unsafePoll()]).toEqual([0, null])
      // A transport may check each of its requests.
      world.gate = Effect.void
      yield* Deferred.succeed(checked, undefined)
      const source = yield* Fiber.join(dialling)
      const { end } = yield* world.accepted
      end.record()
      source.record().send(frame(0, 100))
      yield* until("a frame", () => end.frames.length === 1)
    }),
  )
}

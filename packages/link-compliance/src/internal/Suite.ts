/** How the cases are written: each gets a world of its own, and those a transport has no means for are left out. */
import { it } from "@effect/vitest"
import type { Link, LinkAcceptor, LinkDialError } from "@rdl/core/link/Link"
import { Effect, FastCheck, Logger, LogLevel, type Scope } from "effect"
import type { LinkFaults, LinkSuite } from "../LinkHarness.ts"
import * as LinkWorld from "./LinkWorld.ts"

/** A harness whose faults may each be there or not. */
export interface AnyHarness {
  readonly dial: (token: string) => Effect.Effect<Link, LinkDialError, Scope.Scope>
  readonly faults: Partial<LinkFaults>
}

type Body<A> = (world: LinkWorld.LinkWorld, fault: A) => Effect.Effect<void, unknown, Scope.Scope>

export interface Suite {
  readonly underWay: number
  readonly check: (sentence: string, body: Body<void>) => void
  /** Only where the transport has this capability. */
  readonly checkWith: <Name extends keyof LinkFaults>(
    name: Name,
    sentence: string,
    body: Body<LinkFaults[Name]>,
  ) => void
  /** With an acceptor of the case's own. */
  readonly checkHarness: (
    sentence: string,
    body: (
      harness: Effect.Effect<AnyHarness, never, Scope.Scope | LinkAcceptor>,
    ) => Effect.Effect<void, unknown, Scope.Scope>,
  ) => void
}

const caseLimitMs = 30_000

export const make = <Capability extends keyof LinkFaults>(suite: LinkSuite<Capability>): Suite => {
  const capabilities = new Set<keyof LinkFaults>(suite.capabilities)
  const register = (sentence: string, body: Effect.Effect<void, unknown, Scope.Scope>): void =>
    it.scopedLive(sentence, () => Logger.withMinimumLogLevel(body, LogLevel.None), caseLimitMs)
  return {
    underWay: suite.underWay ?? 0,
    check: (sentence, body) =>
      register(
        sentence,
        Effect.flatMap(LinkWorld.make(suite.make), (world) => body(world, undefined)),
      ),
    checkWith: (name, sentence, body) => {
      if (!capabilities.has(name)) return
      register(
        sentence,
        Effect.flatMap(LinkWorld.make(suite.make), (world) => {
          const fault = world.faults[name]
          if (fault === undefined) return Effect.dieMessage(`the harness names the capability ${name} and has it not`)
          return body(world, fault)
        }),
      )
    },
    checkHarness: (sentence, body) => register(sentence, body(suite.make)),
  }
}

/** A property whose runs are effects. A failed run is reported as it is: links have a history that shrinking would not replay. */
export const forAll = <A>(
  arbitrary: FastCheck.Arbitrary<A>,
  numRuns: number,
  body: (value: A) => Effect.Effect<void, unknown>,
): Effect.Effect<void> =>
  Effect.promise(() =>
    FastCheck.assert(
      FastCheck.asyncProperty(arbitrary, (value) => Effect.runPromise(Effect.asVoid(body(value)))),
      { numRuns, endOnFailure: true },
    ),
  )

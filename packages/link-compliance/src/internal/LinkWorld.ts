/** Where a case takes place: a harness, an acceptor that knows the suite's tokens, and the links that came to it. */
import { type Link, LinkAcceptor, type LinkDialError, type SourceIdentity } from "@rdl/core/link/Link"
import { SessionCode } from "@rdl/core/link/SessionCode"
import { SourceName } from "@rdl/core/model/SourceName"
import { TokenRejected } from "@rdl/core/token/TokenVerifier"
import { Effect, Queue, type Scope } from "effect"
import { type LinkFaults, tokens } from "../LinkHarness.ts"
import { LinkEnd } from "./LinkEnd.ts"
import type { AnyHarness } from "./Suite.ts"

export interface Pair {
  readonly source: LinkEnd
  readonly proxy: LinkEnd
}

interface Accepted {
  readonly end: LinkEnd
  readonly identity: SourceIdentity
}

export interface LinkWorld {
  readonly faults: Partial<LinkFaults>
  /** Dials; with the token of the source `edge-1` unless another is given. */
  readonly dial: (token?: string) => Effect.Effect<LinkEnd, LinkDialError, Scope.Scope>
  /** The next link that came to the acceptor. */
  readonly accepted: Effect.Effect<Accepted>
  /** Both ends of a new link. */
  readonly pair: Effect.Effect<Pair, LinkDialError, Scope.Scope>
  /** The same, with receivers that record. */
  readonly recorded: Effect.Effect<Pair, LinkDialError, Scope.Scope>
  /** How many links the acceptor was given, and how many of those it still serves. */
  readonly counts: { readonly given: number; readonly serving: number }
  /** What every check of a token waits for first. */
  gate: Effect.Effect<void>
}

export const make = (
  harness: Effect.Effect<AnyHarness, never, Scope.Scope | LinkAcceptor>,
): Effect.Effect<LinkWorld, never, Scope.Scope> =>
  Effect.gen(function* () {
    const arrivals = yield* Queue.unbounded<Accepted>()
    const serving = new Set<LinkEnd>()
    let given = 0
    const accept = (link: Link, identity: SourceIdentity) =>
      Effect.async<void>((resume) => {
        const end = new LinkEnd(link)
        given += 1
        serving.add(end)
        end.onGone = () => {
          serving.delete(end)
          resume(Effect.void)
        }
        Queue.unsafeOffer(arrivals, { end, identity })
        return Effect.sync(() => end.close(SessionCode.shuttingDown, "it is served no more"))
      })
    const authenticate = (token: string | undefined) => Effect.zipRight(world.gate, whoseIs(token))
    const { dial, faults } = yield* Effect.provideService(harness, LinkAcceptor, { authenticate, accept })
    yield* Effect.addFinalizer(() => Effect.sync(() => serving.forEach(letGo)))
    const accepted = Queue.take(arrivals)
    const dialEnd = (token: string = tokens.source) => Effect.map(dial(token), (link) => new LinkEnd(link))
    const pair = Effect.gen(function* () {
      const source = yield* dialEnd()
      const { end } = yield* accepted
      return { source, proxy: end }
    })
    const world: LinkWorld = {
      faults,
      dial: dialEnd,
      accepted,
      pair,
      recorded: Effect.tap(pair, ({ proxy, source }) => Effect.sync(() => void (proxy.record(), source.record()))),
      counts: {
        get given() {
          return given
        },
        get serving() {
          return serving.size
        },
      },
      gate: Effect.void,
    }
    return world
  })

export const sourceName = SourceName.make("edge-1")

/** Whose the suite's tokens are. */
export const whoseIs = (token: string | undefined): Effect.Effect<SourceIdentity, TokenRejected> => {
  if (token === tokens.source)
    return Effect.succeed({
      name: sourceName,
      claims: { sub: sourceName, role: "source", iat: 0, exp: 4_000_000_000, jti: "1" },
    })
  const reason = token === tokens.user ? "forbidden" : "unauthorized"
  return new TokenRejected({ reason, detail: "the suite gave it so" })
}

/** The end of a link is told to a receiver only, and whoever serves it waits for that. */
const letGo = (end: LinkEnd): void => {
  end.destroy("the case is over")
  if (!end.started) end.record()
}

const lookEveryMs = 2
const patienceMs = 15_000

/** Waits until it holds; dies after 15 s, saying what never came. */
export const until = (what: string, holds: () => boolean): Effect.Effect<void> =>
  Effect.async<void>((resume) => {
    const since = Date.now()
    let timer: NodeJS.Timeout | undefined
    const look = (): void => {
      if (holds()) return resume(Effect.void)
      if (Date.now() - since > patienceMs)
        return resume(Effect.dieMessage(`within ${patienceMs} ms never came: ${what}`))
      timer = setTimeout(look, lookEveryMs)
    }
    look()
    return Effect.sync(() => clearTimeout(timer))
  })

/** Waits until a number has stood still for 300 ms, which is how long what is under way may take to show. */
export const atRest = (value: () => number): Effect.Effect<void> => {
  let last = value()
  let since = Date.now()
  return until("rest", () => {
    const now = value()
    if (now !== last) since = Date.now()
    last = now
    return Date.now() - since >= 300
  })
}

/** Waits until both ends know that it is over. */
export const bothClosed = ({ proxy, source }: Pair): Effect.Effect<void> =>
  until("the end of the link at both its ends", () => source.closes.length > 0 && proxy.closes.length > 0)

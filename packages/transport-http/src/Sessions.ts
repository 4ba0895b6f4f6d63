/** The sessions of a proxy: who has which, how many there may be, and what became of those that ended. */
import type { LinkAcceptor, SourceIdentity } from "@rdl/core/link/Link"
import { SessionCode } from "@rdl/core/link/SessionCode"
import type { SourceName } from "@rdl/core/model/SourceName"
import { Cause, Duration, Effect, Exit, FiberSet, type Scope } from "effect"
import { randomBytes } from "node:crypto"
import * as Answer from "./Answer.ts"
import type { Goodbye } from "./HttpWire.ts"
import { ProxyLink } from "./ProxyLink.ts"

export interface Limits {
  readonly pollMs: number
  readonly idleMs: number
  /** Sessions at a time. */
  readonly maxSessions: number
  /** Sessions of one source at a time: lost ones linger until they have been idle long enough. */
  readonly maxSessionsPerSource: number
}

export interface Session {
  readonly id: string
  readonly owner: SourceName
  readonly link: ProxyLink
}

export interface Sessions {
  /** A session with its link being served, or why there is none. */
  readonly create: (identity: SourceIdentity) => Session | Answer.Answer
  /** Only its owner finds a session; 410 while its end is remembered. */
  readonly find: (id: string, owner: SourceName) => Session | Answer.Answer
  /** Says SHUTTING_DOWN on every link and waits for their end, at most 3 s; makes no new session. */
  readonly drain: Effect.Effect<void>
}

/** Ends that are remembered at most; the oldest is forgotten first, and its source gets 404. */
const MAX_ENDED = 10_000
const DRAIN_LIMIT = Duration.seconds(3)

export const make = (acceptor: LinkAcceptor["Type"], limits: Limits): Effect.Effect<Sessions, never, Scope.Scope> =>
  Effect.gen(function* () {
    const fibers = yield* FiberSet.make<void>()
    const run = yield* FiberSet.runtime(fibers)()
    const sessions = new Map<string, Session>()
    const ended = new Map<string, { readonly owner: SourceName; readonly goodbye: Goodbye }>()
    const perOwner = new Map<SourceName, number>()
    let isOpen = true

    const remember = (id: string, owner: SourceName, goodbye: Goodbye) => {
      sessions.delete(id)
      const left = (perOwner.get(owner) ?? 1) - 1
      if (left === 0) perOwner.delete(owner)
      else perOwner.set(owner, left)
      ended.set(id, { owner, goodbye })
      const oldest = ended.keys().next()
      if (ended.size > MAX_ENDED && oldest.done !== true) ended.delete(oldest.value)
    }

    const create = (identity: SourceIdentity): Session | Answer.Answer => {
      const owner = identity.name
      const own = perOwner.get(owner) ?? 0
      if (!isOpen) return Answer.busy("the proxy is shutting down", 1)
      if (sessions.size >= limits.maxSessions) return Answer.busy("the proxy has as many sessions as it may", 5)
      if (own >= limits.maxSessionsPerSource)
        return Answer.refusal(429, "too-many-sessions", "this source has too many", {}, { "retry-after": "5" })
      const id = randomBytes(24).toString("base64url")
      const link = new ProxyLink({
        pollMs: limits.pollMs,
        idleMs: limits.idleMs,
        onEnd: (goodbye) => remember(id, owner, goodbye),
      })
      const session = { id, owner, link }
      sessions.set(id, session)
      perOwner.set(owner, own + 1)
      run(serve(acceptor, link, identity))
      return session
    }

    const find = (id: string, owner: SourceName): Session | Answer.Answer => {
      const session = sessions.get(id)
      if (session?.owner === owner) return session
      const past = ended.get(id)
      return past?.owner === owner ? Answer.sessionClosed(past.goodbye) : Answer.unknownSession
    }

    const drain = Effect.suspend(() => {
      isOpen = false
      for (const { link } of sessions.values()) link.close(SessionCode.shuttingDown, "the proxy is shutting down")
      return Effect.interruptible(FiberSet.awaitEmpty(fibers)).pipe(Effect.timeoutOption(DRAIN_LIMIT), Effect.asVoid)
    })

    return { create, find, drain }
  })

/** One link until it has ended, whoever ends it. */
const serve = (acceptor: LinkAcceptor["Type"], link: ProxyLink, identity: SourceIdentity) =>
  acceptor.accept(link, identity).pipe(
    Effect.onExit((exit) => Effect.sync(() => link.close(codeOf(exit), ""))),
    Effect.catchAllCause((cause) =>
      Cause.isInterruptedOnly(cause)
        ? Effect.void
        : Effect.annotateLogs(Effect.logError("serving a link failed", cause), { source: identity.name }),
    ),
    Effect.ensuring(Effect.promise(() => link.ended)),
  )

/** Where the acceptor has not said goodbye itself; otherwise it has no effect. */
const codeOf = (exit: Exit.Exit<void>): number => {
  if (Exit.isSuccess(exit)) return SessionCode.none
  return Exit.isInterrupted(exit) ? SessionCode.shuttingDown : SessionCode.internal
}

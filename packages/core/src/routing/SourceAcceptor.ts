/** Takes in the links of sources: says whose they are, agrees on the terms, and serves them until they end. */
import { Clock, Effect, Layer, Ref, Schema } from "effect"
import * as Alarms from "../link/Alarms.ts"
import { type Link, LinkAcceptor, type SourceIdentity } from "../link/Link.ts"
import { DEFAULT_DEAD_MS, DEFAULT_HEARTBEAT_MS, DEFAULT_MAX_FRAME, DEFAULT_MAX_STREAMS } from "../link/LinkLimits.ts"
import type { Hello, Welcome } from "../link/LinkMessage.ts"
import * as LinkSession from "../link/LinkSession.ts"
import { SessionCode } from "../link/SessionCode.ts"
import { SourceName } from "../model/SourceName.ts"
import { SourceRegistry } from "./SourceRegistry.ts"
import { TokenRejected, TokenVerifier } from "../token/TokenVerifier.ts"
import * as TokenWatch from "../token/TokenWatch.ts"

/** The terms of links, and how often their tokens are looked at again. */
export interface Options {
  /** The terms every source gets. Silence of `deadMs` ends a link; one link carries `maxStreams` at a time. */
  readonly heartbeatMs: number
  readonly deadMs: number
  /** Bytes of one frame's payload. */
  readonly maxFrame: number
  readonly maxStreams: number
}

/** What holds where nothing else is said. */
export const defaults: Options = {
  heartbeatMs: DEFAULT_HEARTBEAT_MS,
  deadMs: DEFAULT_DEAD_MS,
  maxFrame: DEFAULT_MAX_FRAME,
  maxStreams: DEFAULT_MAX_STREAMS,
}

/** An acceptor that enters sources into the registry. A link ends, with a reason, when its token stops being good. */
export const make = Effect.fn("SourceAcceptor.make")(function* (partial?: Partial<Options>) {
  const options = { ...defaults, ...partial }
  const verifier = yield* TokenVerifier
  const registry = yield* SourceRegistry
  const alarms = yield* Alarms.make
  const watch = yield* TokenWatch.make(verifier, alarms)
  const proxyId = crypto.randomUUID()
  // An identity is what `authenticate` gave out, so its token need not travel through the transport.
  const tokens = new WeakMap<SourceIdentity, string>()

  const authenticate = Effect.fn("SourceAcceptor.authenticate")(function* (token: string | undefined) {
    const claims = yield* verifier.verify(token, "source")
    if (!Schema.is(SourceName)(claims.sub))
      return yield* new TokenRejected({ reason: "unauthorized", detail: "the token's sub is no name of a source" })
    const identity: SourceIdentity = { name: claims.sub, claims }
    if (token !== undefined) tokens.set(identity, token)
    return identity
  })

  const welcome = (name: SourceName): Welcome => ({
    version: 1,
    sessionId: crypto.randomUUID(),
    proxyId,
    source: name,
    ...options,
    features: [],
  })

  const accept = Effect.fnUntraced(function* (link: Link, identity: SourceIdentity) {
    const { claims, name } = identity
    const clockSkewMs = yield* Ref.make(0)
    const session = yield* LinkSession.connect(link, {
      alarms,
      welcome: (hello) =>
        skewOf(hello).pipe(
          Effect.flatMap((skew) => Ref.set(clockSkewMs, skew)),
          Effect.zipRight(registry.admit(name, hello)),
          Effect.as(welcome(name)),
        ),
    })
    yield* Effect.logInfo(`the source ${name} has linked by ${session.transport}`)
    yield* watch({
      token: tokens.get(identity) ?? "",
      claims,
      onLapsed: (why) => session.close(SessionCode.unauthorized, why.message),
    })
    const lost = yield* registry.serve({ name, session, clockSkewMs: yield* Ref.get(clockSkewMs) })
    yield* Effect.logInfo(`the link of the source ${name} is gone: ${lost.detail}`)
  })

  return LinkAcceptor.of({
    authenticate,
    accept: (link, identity) =>
      Effect.scoped(accept(link, identity)).pipe(
        Effect.catchTag("LinkLost", (lost) =>
          Effect.logInfo(`a link of the source ${identity.name} did not come about: ${lost.detail}`),
        ),
      ),
  })
})

/** Takes in links for the registry. */
export const layer = (options?: Partial<Options>): Layer.Layer<LinkAcceptor, never, TokenVerifier | SourceRegistry> =>
  Layer.scoped(LinkAcceptor, make(options))

const skewOf = (hello: Hello) => Effect.map(Clock.currentTimeMillis, (now) => Math.round(hello.time - now))

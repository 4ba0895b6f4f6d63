/** A source's and a proxy's session over a link of the harness, with the source's handlers in the case's hands. */
import { CreditBudget } from "@rdl/core/mux/CreditBudget"
import type { LinkLost } from "@rdl/core/link/LinkLost"
import type { End, Hello, Open, Welcome } from "@rdl/core/link/LinkMessage"
import * as LinkSession from "@rdl/core/link/LinkSession"
import type { StreamReader, StreamWriter } from "@rdl/core/link/LinkStream"
import type { StreamError } from "@rdl/core/link/StreamError"
import { Effect, Fiber, type Scope } from "effect"
import { isStretch, stretch } from "./Bytes.ts"
import { type LinkWorld, type Pair, sourceName, until } from "./LinkWorld.ts"

export const hello: Hello = {
  versions: [1],
  instanceId: "one",
  time: 0,
  agent: "compliance",
  engine: null,
  features: [],
}

export const welcome: Welcome = {
  version: 1,
  sessionId: "s",
  proxyId: "p",
  source: sourceName,
  heartbeatMs: 15_000,
  deadMs: 40_000,
  maxFrame: 65_536,
  maxStreams: 256,
  features: [],
}

/** A stream as its handler at the source sees it. */
export interface Handled {
  readonly writer: StreamWriter
  readonly finish: (result: Effect.Effect<End, StreamError>) => void
  interrupted: number
}

/** What a reader was told; `isStretch` of what came is checked as it comes. */
export class Told {
  readonly results: Array<End | StreamError | LinkLost> = []
  bytes = 0
  inOrder = true
  readonly #reader: StreamReader
  #consumes: boolean
  #unconsumed = 0

  constructor(reader: StreamReader, options: { readonly consume: boolean } = { consume: true }) {
    this.#reader = reader
    this.#consumes = options.consume
    reader.start({
      onData: (bytes) => {
        this.inOrder &&= isStretch(bytes, this.bytes)
        this.bytes += bytes.length
        this.#unconsumed += bytes.length
        this.#giveBack()
      },
      onEnd: (result) => void this.results.push(result),
    })
  }

  /** What came is taken now, and what comes at once. */
  consume(): void {
    this.#consumes = true
    this.#giveBack()
  }

  #giveBack(): void {
    if (!this.#consumes) return
    const bytes = this.#unconsumed
    this.#unconsumed = 0
    this.#reader.consumed(bytes)
  }
}

export interface SessionPair extends Pair {
  readonly session: LinkSession.ConnectedSession
  readonly serving: Fiber.RuntimeFiber<never, LinkLost>
  readonly welcomes: ReadonlyArray<Welcome>
  readonly goAways: ReadonlyArray<LinkLost>
  /** Opens a stream that the source has given its HEAD. */
  readonly begin: Effect.Effect<readonly [StreamReader, Handled], StreamError | LinkLost, Scope.Scope>
}

export interface Options {
  readonly terms?: Partial<Welcome>
  readonly hello?: Partial<Hello>
  readonly stop?: Effect.Effect<void>
}

/** Both sessions, their handshake done. */
export const make = Effect.fnUntraced(function* (world: LinkWorld, options: Options = {}) {
  const { proxy, source } = yield* world.pair
  const handled: Array<Handled> = []
  const welcomes: Array<Welcome> = []
  const goAways: Array<LinkLost> = []
  const serving = yield* Effect.forkScoped(
    LinkSession.serve(source, {
      hello: { ...hello, ...options.hello },
      handler: handleInto(handled),
      onWelcome: (terms) => Effect.sync(() => void welcomes.push(terms)),
      onGoAway: (goAway) => Effect.sync(() => void goAways.push(goAway)),
      ...(options.stop === undefined ? {} : { stop: options.stop }),
    }),
  )
  const session = yield* LinkSession.connect(proxy, {
    welcome: () => Effect.succeed({ ...welcome, ...options.terms }),
    budget: new CreditBudget(256 * 1024 * 1024),
  })
  yield* until("WELCOME", () => welcomes.length > 0)
  const pair: SessionPair = { source, proxy, session, serving, welcomes, goAways, begin: begin(session, handled) }
  return pair
})

/** Opens a stream at the newest of the handlers. */
export const begin = (session: LinkSession.ProxySession, handled: ReadonlyArray<Handled>): SessionPair["begin"] =>
  Effect.gen(function* () {
    const before = handled.length
    const opening = yield* Effect.forkScoped(session.open({ op: "inventory" }))
    yield* until("OPEN", () => handled.length > before)
    const mine = handled[before]!
    mine.writer.head({ contentType: "text/plain" })
    return [yield* Fiber.join(opening), mine] as const
  })

/** A handler that leaves every stream to the case. */
export const handleInto =
  (handled: Array<Handled>) =>
  (_request: Open, writer: StreamWriter): Effect.Effect<End, StreamError> =>
    Effect.async<End, StreamError>((resume) => {
      const mine: Handled = { writer, finish: resume, interrupted: 0 }
      handled.push(mine)
      return Effect.sync(() => void mine.interrupted++)
    })

export const eof: Effect.Effect<End> = Effect.succeed({ reason: "eof" })

const piece = 16_384

/** Writes so many bytes of the text as a handler must, waiting when it is told to, and then `done`; `written` tells how far it has come. */
export const writeText = (writer: StreamWriter, bytes: number, done: () => void = () => undefined) => {
  const progress = { written: 0 }
  const more = (): void => {
    while (progress.written < bytes) {
      const length = Math.min(piece, bytes - progress.written)
      const goOn = writer.write(stretch(progress.written, length))
      progress.written += length
      if (!goOn) return writer.onWritable(more)
    }
    done()
  }
  more()
  return progress
}

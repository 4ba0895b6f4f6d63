/** A source's and a proxy's session over an in-memory link whose wire the test can stop. */
import { Effect, Fiber, type Scope } from "effect"
import { CreditBudget } from "../../src/mux/CreditBudget.ts"
import type { Link } from "../../src/link/Link.ts"
import type { LinkLost } from "../../src/link/LinkLost.ts"
import type { End, Open, Welcome } from "../../src/link/LinkMessage.ts"
import * as LinkSession from "../../src/link/LinkSession.ts"
import type { StreamReader, StreamWriter } from "../../src/link/LinkStream.ts"
import * as MemoryLink from "../../src/link/MemoryLink.ts"
import type { StreamError } from "../../src/link/StreamError.ts"
import { hello, inventory, welcomeWith } from "../mux/MuxPair.ts"

/** Waits, by turns of the event loop, until something is so; the test's own timeout is the bound. */
export const until = (holds: () => boolean): Effect.Effect<void> =>
  Effect.async<void>((resume) => {
    const look = () => void (holds() ? resume(Effect.void) : setImmediate(look))
    look()
  })

/** Lets everything in this process that needs no time come to rest. */
export const settle: Effect.Effect<void> = Effect.suspend(() => {
  let turns = 0
  return until(() => ++turns > 30)
})

/** A wire that can be stopped, and then holds everything. */
export class Wire {
  #held: Array<() => void> | null = null

  readonly schedule = (arrive: () => void): void => {
    if (this.#held === null) setImmediate(arrive)
    else this.#held.push(arrive)
  }

  stop(): void {
    this.#held ??= []
  }

  go(): void {
    const held = this.#held ?? []
    this.#held = null
    for (const arrive of held) setImmediate(arrive)
  }
}

/** A stream as its handler at the source sees it. */
export interface Handled {
  readonly request: Open
  readonly writer: StreamWriter
  readonly finish: (result: Effect.Effect<End, StreamError>) => void
  interrupted: number
}

/** What a reader was told. */
export class Told {
  readonly pieces: Array<Uint8Array> = []
  readonly results: Array<End | StreamError | LinkLost> = []
  bytes = 0

  constructor(reader: StreamReader, options: { readonly consume: boolean } = { consume: true }) {
    reader.start({
      onData: (bytes) => {
        this.pieces.push(bytes)
        this.bytes += bytes.length
        if (options.consume) reader.consumed(bytes.length)
      },
      onEnd: (result) => void this.results.push(result),
    })
  }
}

export interface LinkPair {
  readonly wire: Wire
  readonly sourceEnd: Link
  readonly proxyEnd: Link
  readonly session: LinkSession.ConnectedSession
  readonly serving: Fiber.RuntimeFiber<never, LinkLost>
  readonly handled: Array<Handled>
  readonly welcomes: Array<Welcome>
  readonly goAways: Array<LinkLost>
  readonly budget: CreditBudget
  /** Opens a stream that the source has given its HEAD. */
  readonly begin: Effect.Effect<readonly [StreamReader, Handled], StreamError | LinkLost, Scope.Scope>
}

/** Both sessions, their handshake done. */
export const make = Effect.fnUntraced(function* (
  terms: Partial<Welcome> = {},
  serveWith: Partial<LinkSession.ServeOptions> = {},
) {
  const wire = new Wire()
  const budget = new CreditBudget(256 * 1024 * 1024)
  const [sourceEnd, proxyEnd] = MemoryLink.make({ schedule: wire.schedule })
  const handled: Array<Handled> = []
  const welcomes: Array<Welcome> = []
  const goAways: Array<LinkLost> = []
  const serving = yield* Effect.forkScoped(
    LinkSession.serve(sourceEnd, {
      hello,
      handler: handleInto(handled),
      onWelcome: (welcome) => Effect.sync(() => void welcomes.push(welcome)),
      onGoAway: (goAway) => Effect.sync(() => void goAways.push(goAway)),
      ...serveWith,
    }),
  )
  const session = yield* LinkSession.connect(proxyEnd, { welcome: () => Effect.succeed(welcomeWith(terms)), budget })
  yield* until(() => welcomes.length > 0)
  const begin: LinkPair["begin"] = Effect.gen(function* () {
    const before = handled.length
    const opening = yield* Effect.forkScoped(session.open(inventory))
    yield* until(() => handled.length > before)
    const mine = handled[before]!
    mine.writer.head({ contentType: "text/plain" })
    return [yield* Fiber.join(opening), mine] as const
  })
  return { wire, sourceEnd, proxyEnd, session, serving, handled, welcomes, goAways, budget, begin } satisfies LinkPair
})

const handleInto =
  (handled: Array<Handled>): LinkSession.StreamHandler =>
  (request, writer) =>
    Effect.async<End, StreamError>((resume) => {
      const mine: Handled = { request, writer, finish: resume, interrupted: 0 }
      handled.push(mine)
      return Effect.sync(() => void mine.interrupted++)
    })

/** Writes as a well-behaved handler does: as much as there is room for, then waits. */
export const writeAll = (
  writer: StreamWriter,
  blocks: Iterable<Uint8Array>,
  done: () => void = () => undefined,
): void => {
  const rest = blocks[Symbol.iterator]()
  const more = (): void => {
    for (let next = rest.next(); !next.done; next = rest.next())
      if (!writer.write(next.value)) return writer.onWritable(more)
    done()
  }
  more()
}

/** How a link was lost, as data. */
export const lossOf = <A>(fiber: Fiber.Fiber<A, LinkLost>) =>
  Effect.map(Effect.flip(Fiber.join(fiber)), ({ clean, code, detail, retryAfterMs }) => ({
    clean,
    code,
    detail,
    retryAfterMs,
  }))

/** A proxy that takes everyone on these terms. */
export const welcomed = (welcome: Welcome = welcomeWith()) => ({ welcome: () => Effect.succeed(welcome) })

/** A source whose answers never begin. */
export const serveOptions: LinkSession.ServeOptions = {
  hello,
  handler: () => Effect.never,
  onWelcome: () => Effect.void,
}

/** A link that is being left lets its streams end while the next one is already up; nothing is lost in between. */
import * as LinkKeeper from "@rdl/core/link/LinkKeeper"
import * as LinkSession from "@rdl/core/link/LinkSession"
import { SessionCode } from "@rdl/core/link/SessionCode"
import { Deferred, Effect, Fiber, Queue } from "effect"
import { expect } from "vitest"
import { type LinkWorld, until } from "./LinkWorld.ts"
import * as SessionPair from "./SessionPair.ts"
import type { Suite } from "./Suite.ts"

const bytes = 2_000_000

export const goodbyeCases = ({ check }: Suite): void => {
  // protocol.md#goaway: "NONE and SHUTTING_DOWN are graceful: no stream is opened any more, open ones go on".
  check("by a proxy that drains: open streams go on to their END, then it closes", (world) =>
    Effect.gen(function* () {
      const { begin, goAways, serving, session } = yield* SessionPair.make(world)
      const [reader, { finish, writer }] = yield* begin
      const told = new SessionPair.Told(reader)
      yield* Effect.forkScoped(session.drain(250))
      yield* until("GOAWAY", () => goAways.length > 0)
      expect(goAways).toMatchObject([{ code: SessionCode.shuttingDown, retryAfterMs: 250 }])
      expect(yield* Effect.flip(session.open({ op: "inventory" }))).toMatchObject({ code: SessionCode.shuttingDown })
      SessionPair.writeText(writer, bytes, () => finish(SessionPair.eof))
      yield* session.lost
      expect(told).toMatchObject({ bytes, inOrder: true, results: [{ reason: "eof" }] })
      const lost = yield* Effect.flip(Fiber.join(serving))
      expect(lost).toMatchObject({ clean: true, code: SessionCode.shuttingDown })
    }),
  )

  // protocol.md#goaway, from the source's side: "streams above it were not begun".
  check("by a source that stops: open streams go on to their END, and nothing is begun", (world) =>
    Effect.gen(function* () {
      const stop = yield* Deferred.make<void>()
      const { begin, session } = yield* SessionPair.make(world, { stop: Deferred.await(stop) })
      const [reader, { finish, writer }] = yield* begin
      const told = new SessionPair.Told(reader)
      yield* Deferred.succeed(stop, undefined)
      // Whether OPEN crosses the GOAWAY or comes after it: it is not begun.
      expect(yield* Effect.flip(session.open({ op: "inventory" }))).toMatchObject({ code: SessionCode.shuttingDown })
      SessionPair.writeText(writer, bytes, () => finish(SessionPair.eof))
      expect(yield* session.lost).toMatchObject({ clean: true, code: SessionCode.shuttingDown })
      expect(told).toMatchObject({ bytes, inOrder: true, results: [{ reason: "eof" }] })
    }),
  )

  // protocol.md#goaway: "A source that receives it SHOULD dial its next link meanwhile".
  check("only when the next is up: streams of the old one end on it, and new ones begin on the new", (world) =>
    Effect.gen(function* () {
      const handled: Array<SessionPair.Handled> = []
      yield* Effect.forkScoped(keptSource(world, handled))
      const sessions = yield* proxySessions(world)
      const first = yield* Queue.take(sessions)
      const [oldReader, old] = yield* SessionPair.begin(first, handled)
      const onOld = new SessionPair.Told(oldReader)
      const writing = SessionPair.writeText(old.writer, bytes, () => undefined)
      yield* Effect.forkScoped(first.drain(0))

      const second = yield* Queue.take(sessions)
      const gone = yield* Effect.forkScoped(first.lost)
      const [newReader, fresh] = yield* SessionPair.begin(second, handled)
      const onNew = new SessionPair.Told(newReader)
      SessionPair.writeText(fresh.writer, bytes, () => fresh.finish(SessionPair.eof))
      yield* until("END on the new link", () => onNew.results.length > 0)
      yield* until("all bytes on the old link", () => writing.written === bytes && onOld.bytes === bytes)
      expect([gone.unsafePoll(), onOld.results]).toEqual([null, []])

      old.finish(SessionPair.eof)
      yield* Fiber.join(gone)
      for (const told of [onOld, onNew])
        expect(told).toMatchObject({ bytes, inOrder: true, results: [{ reason: "eof" }] })
    }),
  )
}

/** A source that stays linked. */
const keptSource = (world: LinkWorld, handled: Array<SessionPair.Handled>) =>
  LinkKeeper.keep(world.dial(), (link, welcomed, leaving) =>
    LinkSession.serve(link, {
      hello: SessionPair.hello,
      handler: SessionPair.handleInto(handled),
      onWelcome: () => welcomed,
      onGoAway: leaving,
    }),
  )

/** The proxy's sessions, one for each link that comes. */
const proxySessions = Effect.fnUntraced(function* (world: LinkWorld) {
  const sessions = yield* Queue.unbounded<LinkSession.ConnectedSession>()
  const serve = Effect.flatMap(world.accepted, ({ end }) =>
    Effect.flatMap(LinkSession.connect(end, { welcome: () => Effect.succeed(SessionPair.welcome) }), (session) =>
      Queue.offer(sessions, session),
    ),
  )
  yield* Effect.forkScoped(Effect.forever(serve))
  return sessions
})

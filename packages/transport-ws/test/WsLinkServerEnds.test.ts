import { describe, expect, it } from "@effect/vitest"
import * as Link from "@rdl/core/link/Link"
import * as WsLinkServer from "@rdl/transport-ws/WsLinkServer"
import { Context, Deferred, Effect, Exit, Layer, Scope } from "effect"
import * as http from "node:http"
import { authenticate, dial, endpoint, listen, record, type Recorded } from "./Loopback.ts"
import { ask } from "./UpgradeAnswer.ts"

describe("closing the scope", () => {
  /** An endpoint whose scope the test closes itself. */
  const closable = (acceptor: Partial<Link.LinkAcceptor["Type"]> = {}) =>
    Effect.gen(function* () {
      const { server, port } = yield* listen(http.createServer())
      const scope = yield* Effect.acquireRelease(Scope.make(), (made) => Scope.close(made, Exit.void))
      const proxies: Array<Recorded> = []
      const accept = (link: Link.Link) => {
        const recorded = record(link)
        proxies.push(recorded)
        recorded.start()
        return Effect.asVoid(recorded.closed)
      }
      const service = { authenticate, accept, ...acceptor }
      yield* Layer.buildWithScope(WsLinkServer.layer({ server }), scope).pipe(
        Effect.provide(Context.make(Link.LinkAcceptor, service)),
      )
      return { close: Scope.close(scope, Exit.void), port, proxies, server, url: `http://127.0.0.1:${port}` }
    })

  it.scopedLive("says SHUTTING_DOWN on every link, waits for their end and leaves no listener", () =>
    Effect.gen(function* () {
      const { close, proxies, server, url } = yield* closable()
      const sources = [yield* dial(url), yield* dial(url), yield* dial(url)]
      for (const source of sources) source.start()
      yield* close
      expect(proxies.map(({ closes }) => closes)).toEqual(
        sources.map(() => [expect.objectContaining({ clean: true, code: 8 })]),
      )
      for (const source of sources) expect(yield* source.closed).toMatchObject({ clean: true, code: 8 })
      expect(server.listenerCount("upgrade")).toBe(0)
    }),
  )

  it.scopedLive("answers unfinished handshakes with 503", () =>
    Effect.gen(function* () {
      const asked = yield* Deferred.make<void>()
      const { close, port } = yield* closable({
        authenticate: () => Effect.zipRight(Deferred.succeed(asked, undefined), Effect.never),
      })
      const answer = yield* Effect.fork(ask(port))
      yield* Deferred.await(asked)
      yield* close
      expect(yield* answer).toMatchObject({ status: 503, error: { code: "shutting_down" } })
    }),
  )

  it.scopedLive("waits 3 s at most for an acceptor that does not return", () =>
    Effect.gen(function* () {
      let interrupted = false
      const { close, url } = yield* closable({
        accept: () => Effect.onInterrupt(Effect.never, () => Effect.sync(() => (interrupted = true))),
      })
      const source = yield* dial(url)
      source.start()
      yield* close
      expect(interrupted).toBe(true)
      expect(yield* source.closed).toMatchObject({ clean: true, code: 8 })
    }),
  )
})

describe("an acceptor that", () => {
  it.scopedLive("returns early has its link closed without an error", () =>
    Effect.gen(function* () {
      const { url } = yield* endpoint({}, { accept: () => Effect.void })
      const source = yield* dial(url)
      source.start()
      expect(yield* source.closed).toMatchObject({ clean: true, code: 0 })
    }),
  )

  it.scopedLive("says goodbye and returns is not overruled", () =>
    Effect.gen(function* () {
      const accept = (link: Link.Link) => Effect.sync(() => link.close(11, "the name is taken"))
      const { url } = yield* endpoint({}, { accept })
      const source = yield* dial(url)
      source.start()
      expect(yield* source.closed).toEqual({ clean: true, code: 11, reason: "the name is taken" })
    }),
  )

  it.scopedLive("breaks has its link closed with INTERNAL", () =>
    Effect.gen(function* () {
      const { url } = yield* endpoint({}, { accept: () => Effect.die(new Error("broken")) })
      const source = yield* dial(url)
      source.start()
      expect(yield* source.closed).toMatchObject({ clean: true, code: 2 })
    }),
  )
})

it.scopedLive("200 links opened and closed leave no socket, no listener and no timer behind", () =>
  Effect.gen(function* () {
    const { accepted, server, url } = yield* endpoint()
    const listeners = server.eventNames().map((name) => [name, server.listenerCount(name)])
    const timers = () => process.getActiveResourcesInfo().filter((name) => name === "Timeout").length
    const timersBefore = timers()
    const cycle = (index: number) =>
      Effect.gen(function* () {
        const source = yield* dial(url)
        const proxy = yield* accepted
        source.start()
        proxy.start()
        source.link.send(Buffer.from("hello"))
        yield* proxy.until(() => proxy.frames.length === 1)
        const [one] = [source, proxy].slice(index % 2)
        if (index % 4 < 2) one!.link.close(0, "")
        else one!.link.destroy("")
        yield* source.closed
        yield* proxy.closed
      }).pipe(Effect.scoped)
    yield* Effect.forEach(Array.from({ length: 200 }).keys(), cycle)
    const open = yield* Effect.async<number>(
      (resume) => void server.getConnections((_, count) => resume(Effect.succeed(count))),
    )
    expect(open).toBe(0)
    expect(server.eventNames().map((name) => [name, server.listenerCount(name)])).toEqual(listeners)
    expect(timers()).toBeLessThanOrEqual(timersBefore)
  }),
)

import { describe, expect, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Layer, Schema, type Scope as EffectScope, TestClock } from "effect"
import { anyBody, type ApiError } from "../../src/api/ApiError.ts"
import type { Container } from "../../src/model/Container.ts"
import * as ContainerFilter from "../../src/routing/ContainerFilter.ts"
import { LinkLost } from "../../src/link/LinkSession.ts"
import * as RequestRouter from "../../src/routing/RequestRouter.ts"
import * as SourceRegistry from "../../src/routing/SourceRegistry.ts"
import { StreamError, type StreamErrorReason } from "../../src/link/StreamError.ts"
import type { Scope } from "../../src/token/TokenClaims.ts"
import { TokenRejected } from "../../src/token/TokenVerifier.ts"
import * as FakeSession from "./FakeSession.ts"

const user = (allow?: Scope, lapsed: Effect.Effect<TokenRejected> = Effect.never): RequestRouter.User => ({
  claims: { sub: "ann", role: "user", iat: 0, exp: 1e9, jti: "j", ...(allow === undefined ? {} : { allow }) },
  lapsed,
})

const asked: RequestRouter.LogRequest = {
  query: { follow: true, stdout: true, stderr: true, timestamps: false, details: false },
  rendering: { format: "text", host: "prefix" },
}

const engine = { kind: "docker", version: "26.1.5", apiVersion: "1.45", os: "linux", arch: "amd64" } as const

const settle = Effect.yieldNow().pipe(Effect.repeatN(20))

const link = (name: string, containers: ReadonlyArray<Container>, answer?: FakeSession.Answer, whole = true) =>
  Effect.gen(function* () {
    const registry = yield* SourceRegistry.SourceRegistry
    const session = FakeSession.make({
      name,
      inventory: whole ? FakeSession.snapshot(...containers) : "",
      answer: (request) => (request.op === "logs" ? (answer ?? Effect.void) : Effect.void),
    })
    yield* Effect.fork(registry.serve({ name: FakeSession.sourceName(name), session, clockSkewMs: 0 }))
    yield* settle
    return session
  })

const run = <A, E>(
  body: (
    router: RequestRouter.RequestRouter["Type"],
  ) => Effect.Effect<A, E, SourceRegistry.SourceRegistry | EffectScope.Scope>,
  options?: Partial<RequestRouter.Options>,
) =>
  Effect.flatMap(RequestRouter.RequestRouter, body).pipe(
    Effect.provide(Layer.provideMerge(RequestRouter.layer(options), SourceRegistry.layer())),
  )

const web1 = FakeSession.container("aa1", "web", { labels: { team: "a" }, created: 5 })
const web2 = FakeSession.container("aa2", "web", { labels: { team: "b" } })
const db = FakeSession.container("b1", "db", { labels: { team: "a" }, created: 9 })
/** Its name is how the id of another begins. */
const trap = FakeSession.container("c1", "b1", { state: "exited" })

const fleet = Effect.all([link("edge-1", [web1, db, trap]), link("edge-2", [web2])])

const outcome = (router: RequestRouter.RequestRouter["Type"], ref: string, scope?: Scope): Effect.Effect<string> =>
  Effect.scoped(router.logs(user(scope), ref, asked)).pipe(
    Effect.match({
      onFailure: (error: ApiError) => `${error.status} ${error.code}`,
      onSuccess: ({ container }) => `${container.source}/${container.name}`,
    }),
  )

describe("RequestRouter.logs", () => {
  it.scoped.each<[ref: string, expected: string]>([
    [web1.id, "edge-1/web"],
    ["edge-1/web", "edge-1/web"],
    ["edge-2/web", "edge-2/web"],
    ["edge-2/aa2", "edge-2/web"],
    ["db", "edge-1/db"],
    ["aa2", "edge-2/web"],
    ["b1", "edge-1/b1"],
    ["b10", "edge-1/db"],
    ["web", "409 ambiguous"],
    ["aa", "409 ambiguous"],
    ["WEB", "404 no-such-container"],
    ["AA2", "404 no-such-container"],
    ["edge-3/web", "404 no-such-container"],
    ["edge-1/nothing", "404 no-such-container"],
    ["edge-1/web/x", "400 bad-parameter"],
    ["../version", "400 bad-parameter"],
    ["edge-1/../version", "400 bad-parameter"],
    ["", "400 bad-parameter"],
    ["/web", "400 bad-parameter"],
    ["edge-1/", "400 bad-parameter"],
    ["web\n", "400 bad-parameter"],
    ["*", "400 bad-parameter"],
  ])("takes %j for %s", ([ref, expected]) =>
    run((router) =>
      Effect.gen(function* () {
        yield* fleet
        expect(yield* outcome(router, ref)).toBe(expected)
      }),
    ),
  )

  it.scoped("tells an ambiguous reference's candidates, in order", () =>
    run((router) =>
      Effect.gen(function* () {
        yield* fleet
        const error = yield* Effect.flip(router.logs(user(), "web", asked))
        expect(error.candidates).toEqual(["edge-1/web", "edge-2/web"])
      }),
    ),
  )

  it.scoped("answers out of scope as it answers what does not exist, to the letter", () =>
    run((router) =>
      Effect.gen(function* () {
        yield* fleet
        const scope: Scope = { sources: ["edge-2"] }
        for (const ref of ["edge-1/web", "edge-1/db", db.id, "db", "b1", "edge-1/nothing", "edge-9/web"]) {
          const hidden = yield* Effect.flip(router.logs(user(scope), ref, asked))
          const absent = yield* Effect.flip(router.logs(user(scope), "absent", asked))
          const shown = ({ message, ...facts }: Record<string, unknown>, name: string) =>
            JSON.stringify({ message: String(message).replaceAll(name, "absent"), ...facts })
          const wire = Schema.encode(anyBody)
          expect(shown((yield* wire(hidden)).error, ref)).toEqual(shown((yield* wire(absent)).error, "absent"))
        }
      }),
    ),
  )

  it.scoped("finds no ambiguity among containers the user may not see", () =>
    run((router) =>
      Effect.gen(function* () {
        yield* fleet
        expect(yield* outcome(router, "web", { sources: ["edge-2"] })).toBe("edge-2/web")
        expect(yield* outcome(router, "aa", { labels: ["team=a"] })).toBe("edge-1/web")
        expect(yield* outcome(router, "b1", { containers: ["db"] })).toBe("edge-1/db")
      }),
    ),
  )

  it.scoped("sends the source the query, the id from its inventory, and the user's scope", () =>
    run((router) =>
      Effect.gen(function* () {
        const [edge1] = yield* fleet
        const scope: Scope = { labels: ["team=a"] }
        yield* Effect.scoped(router.logs(user(scope), "db", asked))
        expect(edge1.streams.at(-1)?.request).toEqual({ op: "logs", containerId: db.id, ...asked, scope })
        expect(edge1.streams.at(-1)?.cancelled).toBe(true)
      }),
    ),
  )

  it.scoped.each<[StreamErrorReason, string]>([
    ["not-found", "404 no-such-container"],
    ["forbidden", "404 no-such-container"],
    ["logs-unsupported", "501 logs-unsupported"],
    ["bad-request", "400 bad-parameter"],
    ["resume-impossible", "400 bad-parameter"],
    ["engine-unavailable", "503 engine-unavailable"],
    ["engine-error", "503 engine-error"],
    ["silent", "504 source-silent"],
    ["stalled", "504 source-silent"],
    ["too-many-streams", "429 source-busy"],
    ["cancelled", "503 source-error"],
    ["flow-control", "503 source-error"],
    ["internal", "503 source-error"],
  ])("makes the source's %s %s", ([reason, expected]) =>
    run((router) =>
      Effect.gen(function* () {
        yield* link("edge-1", [web1], new StreamError({ reason, detail: `\u001b[31mno\nway${"y".repeat(400)}` }))
        const error = yield* Effect.flip(router.logs(user(), "web", asked))
        expect(`${error.status} ${error.code}`).toBe(expected)
        expect(error.message).not.toMatch(/\p{C}/u)
        expect(error.message).not.toMatch(/y{300}/)
      }),
    ),
  )

  it.scoped("answers 503 with when to come back while the source is offline, lost or still loading", () =>
    run((router) =>
      Effect.gen(function* () {
        const gone = yield* link("edge-1", [web1])
        gone.lose("x")
        yield* settle
        yield* link("edge-2", [web2], new LinkLost({ clean: false, code: 0, detail: "cut" }))
        yield* link("edge-3", [], undefined, false)
        for (const [ref, code] of [
          ["edge-1/web", "source-offline"],
          ["edge-2/web", "source-offline"],
          ["edge-3/web", "source-loading"],
        ] as const) {
          const error = yield* Effect.flip(router.logs(user(), ref, asked))
          expect([error.status, error.code]).toEqual([503, code])
          expect(error.retryAfterSeconds).toBeGreaterThan(0)
        }
        expect(yield* outcome(router, "edge-3/web", { sources: ["edge-1"] })).toBe("404 no-such-container")
        expect(yield* outcome(router, "nothing", { sources: ["edge-1"] })).toBe("404 no-such-container")
      }),
    ),
  )

  it.scoped("answers 504 when no head has come after 30 s, and cancels", () =>
    run((router) =>
      Effect.gen(function* () {
        const cancelled = yield* Deferred.make<void>()
        yield* link(
          "edge-1",
          [web1],
          Effect.onInterrupt(Effect.never, () => Deferred.succeed(cancelled, undefined)),
        )
        const answer = yield* Effect.fork(outcome(router, "web"))
        yield* settle
        yield* TestClock.adjust("29 seconds")
        expect(answer.unsafePoll()).toBeNull()
        yield* TestClock.adjust("1 second")
        expect(yield* Fiber.join(answer)).toBe("504 source-silent")
        yield* Deferred.await(cancelled)
      }),
    ),
  )

  it.scoped("bounds the logs of one user, and of all, and gives places back", () =>
    run(
      (router) =>
        Effect.gen(function* () {
          yield* fleet
          const other = { ...user(), claims: { ...user().claims, sub: "bob" } }
          yield* router.logs(user(), "db", asked)
          yield* Effect.scoped(router.logs(user(), "db", asked))
          yield* router.logs(user(), "db", asked)
          const own = yield* Effect.flip(router.logs(user(), "db", asked))
          expect([own.status, own.code, own.limit]).toEqual([429, "too-many-streams", 2])
          yield* router.logs(other, "db", asked)
          const all = yield* Effect.flip(router.logs(other, "db", asked))
          expect([all.status, all.limit]).toEqual([429, 3])
        }),
      { maxStreamsPerUser: 2, maxStreams: 3 },
    ),
  )

  it.scoped("breaks a live log off when the token lapses, and hands nothing over after that", () =>
    run((router) =>
      Effect.gen(function* () {
        const session = yield* link("edge-1", [web1])
        const rejected = yield* Deferred.make<TokenRejected>()
        const { reader } = yield* router.logs(user(undefined, Deferred.await(rejected)), "web", asked)
        const events: Array<string> = []
        reader.start({
          onData: (bytes) => events.push(new TextDecoder().decode(bytes)),
          onEnd: (result) => events.push("_tag" in result ? result._tag : result.reason),
        })
        const stream = session.streams.at(-1)
        stream?.send("one")
        yield* Deferred.succeed(rejected, new TokenRejected({ reason: "unauthorized", detail: "expired" }))
        yield* settle
        stream?.send("two")
        stream?.end({ reason: "eof" })
        expect(events).toEqual(["one", "StreamError"])
      }),
    ),
  )
})

describe("RequestRouter lists", () => {
  it.scoped("lists running containers by source, the newest first, and all of them when asked", () =>
    run((router) =>
      Effect.gen(function* () {
        yield* fleet
        const names = (filter: Partial<ContainerFilter.ContainerFilter>) =>
          Effect.map(router.containers(user(), { ...ContainerFilter.running, ...filter }), (list) =>
            list.map(({ source, name }) => `${source}/${name}`),
          )
        expect(yield* names({})).toEqual(["edge-1/db", "edge-1/web", "edge-2/web"])
        expect(yield* names({ all: true, sources: ["*-1"] })).toEqual(["edge-1/db", "edge-1/web", "edge-1/b1"])
        expect(yield* names({ names: ["we?"], labels: ["team=b*"] })).toEqual(["edge-2/web"])
        expect(yield* names({ labels: ["team", "missing"] })).toEqual([])
      }),
    ),
  )

  it.scoped("lets a status grow old with its container until it is told anew, or its link is lost", () =>
    run((router) =>
      Effect.gen(function* () {
        const put = (status: string) =>
          FakeSession.line({ _tag: "Put", container: FakeSession.container("aa1", "web", { status }) })
        const shown = Effect.map(router.containers(user(), ContainerFilter.running), ([first]) => first?.status)
        const session = yield* link("edge-1", [FakeSession.container("aa1", "web", { status: "Up 1 second" })])
        expect(yield* shown).toBe("Up 1 second")
        yield* TestClock.adjust("57 seconds")
        expect(yield* shown).toBe("Up 58 seconds")
        session.streams[0]?.send(put("Up About a minute (healthy)"))
        expect(yield* shown).toBe("Up About a minute (healthy)")
        yield* TestClock.adjust("2 minutes")
        expect(yield* shown).toBe("Up 3 minutes (healthy)")
        session.streams[0]?.send(FakeSession.line({ _tag: "EngineChanged", engine: null }))
        yield* TestClock.adjust("5 minutes")
        expect(yield* shown).toBe("Up 3 minutes (healthy)")
        session.streams[0]?.send(put("Up Less than a second"))
        session.streams[0]?.send(FakeSession.line({ _tag: "EngineChanged", engine }))
        yield* TestClock.adjust("2 seconds")
        session.lose("cable cut")
        yield* settle
        yield* TestClock.adjust("1 hour")
        expect(yield* shown).toBe("Up 2 seconds")
      }),
    ),
  )

  it.scoped("shows and counts only what the user may see", () =>
    run((router) =>
      Effect.gen(function* () {
        yield* fleet
        const scoped = user({ labels: ["team=a"] })
        expect(yield* router.containers(scoped, { ...ContainerFilter.running, all: true })).toHaveLength(2)
        expect(yield* router.sources(scoped)).toMatchObject([
          { name: "edge-1", containers: 2 },
          { name: "edge-2", containers: 0 },
        ])
        expect(yield* router.sources(user({ sources: ["edge-2"] }))).toMatchObject([{ name: "edge-2", containers: 1 }])
        expect(yield* router.sources(user({ sources: [] }))).toEqual([])
      }),
    ),
  )
})

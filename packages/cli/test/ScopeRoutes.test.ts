import { describe, expect, it } from "@effect/vitest"
import { OPEN_PATHS, UserApi } from "@rdl/core/api/UserApi"
import { ContainerName } from "@rdl/core/model/Container"
import { SourceName } from "@rdl/core/model/SourceName"
import * as Authorization from "@rdl/core/token/Authorization"
import type { Scope as Allow } from "@rdl/core/token/TokenClaims"
import * as DockerRoute from "@rdl/proxy/docker/DockerRoute"
import { LinkDialer } from "@rdl/core/link/Link"
import { Context, Effect, FastCheck as fc, Layer, Runtime } from "effect"
import * as FaultWorld from "./FaultWorld.ts"
import * as ScopeWorld from "./ScopeWorld.ts"

/** Every route there is: one that comes later and has no row below fails the first test. */
const TEMPLATES = [
  ...Object.values(UserApi.groups).flatMap((group) => Object.values(group.endpoints).map(({ path }) => path)),
  ...DockerRoute.TEMPLATES.map((path) => `docker ${path}`),
]

type World = ScopeWorld.ScopeWorld
type Subject = ScopeWorld.Subject
type Answer = ScopeWorld.Answer

/** What one route must do for a scope. */
interface Asking {
  readonly world: World
  readonly allow: Allow
  readonly visible: ReadonlyArray<Subject>
  readonly token: string
  readonly get: (path: string) => Effect.Effect<Answer>
}
type Row = (asking: Asking) => Effect.Effect<void>

const byText = (a: string | undefined, b: string | undefined) => (a ?? "").localeCompare(b ?? "")

const row = (check: Row): Row => check

const ids = (answer: Answer, key: string) =>
  (JSON.parse(answer.text) as ReadonlyArray<Record<string, string>>).map((each) => each[key]).toSorted(byText)
const idsOf = (subjects: ReadonlyArray<Subject>) => subjects.map(({ id }) => id).toSorted(byText)

/** The list is the visible ones and no others. */
const lists = (path: string, key: string) =>
  row(({ get, visible }) => Effect.map(get(path), (answer) => expect(ids(answer, key)).toEqual(idsOf(visible))))

/** What does not depend on who asks. */
const constant = (path: string) =>
  row(({ get, world }) =>
    Effect.map(Effect.all([get(path), world.get(path, {})]), ([answer, whole]) => {
      expect(answer.status).toBe(200)
      expect(answer.text).toBe(whole.text)
    }),
  )

/** For every way to name every container. */
const ofContainer = (
  at: (ref: string) => string,
  ambiguous: number,
  names: (subject: Subject) => ReadonlyArray<string>,
) =>
  row(({ get, visible, world }) =>
    Effect.forEach(
      world.subjects.flatMap(names),
      (ref) =>
        Effect.gen(function* () {
          const answer = yield* get(at(ref))
          const meant = ScopeWorld.meant(ref, visible)
          if (meant.length === 0) {
            const nothing = ScopeWorld.absentLike(ref)
            expect(answer.modulo(ref)).toEqual((yield* get(at(nothing))).modulo(nothing))
            expect(answer.status).toBe(404)
          } else if (meant.length > 1) {
            expect(answer.status).toBe(ambiguous)
            for (const { name, source } of meant) expect(answer.text).toContain(`${source}/${name}`)
          } else expect(answer.status, `${at(ref)}: ${answer.text}`).toBe(200)
        }),
      { concurrency: 6, discard: true },
    ),
  )

const everyName = ({ id, name, source }: Subject) => [id, id.slice(0, 6), name, `${source}/${name}`]
const encoded = (ref: string) => ref.replace("/", "%2F")

const ROWS: Readonly<Record<string, Row>> = {
  "/containers": lists("/containers?all=1", "id"),
  "/containers/:ref/logs": row((asking) =>
    Effect.zipRight(ofContainer((ref) => `/containers/${encoded(ref)}/logs`, 409, everyName)(asking), cursors(asking)),
  ),
  "/containers/:source/:container/logs": ofContainer(
    (ref) => `/containers/${ref}/logs`,
    409,
    ({ id, name, source }) => [`${source}/${name}`, `${source}/${id.slice(0, 6)}`, `${source}/${id}`],
  ),
  "/sources": row(({ allow, get, visible, world }) =>
    Effect.map(get("/sources"), (answer) => {
      const told = JSON.parse(answer.text) as ReadonlyArray<{ readonly name: string; readonly containers: number }>
      expect(told.map(({ containers, name }) => [name, containers])).toEqual(
        world.sources
          .filter((name) => Authorization.permitsSource(allow, SourceName.make(name)))
          .map((name) => [name, visible.filter(({ source }) => source === name).length]),
      )
    }),
  ),
  "/metrics": row(({ allow, get }) =>
    Effect.map(get("/metrics"), ({ status }) => expect(status).toBe(Authorization.permitsAll(allow) ? 200 : 403)),
  ),
  "/health": constant("/health"),
  "/ready": constant("/ready"),
  "/openapi.json": constant("/openapi.json"),
  "/docs": constant("/docs"),
  "docker /_ping": constant("/_ping"),
  "docker /version": row(({ get }) => Effect.map(get("/v1.41/version"), ({ status }) => expect(status).toBe(200))),
  "docker /info": row(({ get, visible }) =>
    Effect.map(get("/info"), (answer) =>
      expect(JSON.parse(answer.text)).toMatchObject({ Containers: visible.length, ContainersRunning: visible.length }),
    ),
  ),
  "docker /containers/json": lists("/v1.41/containers/json?all=1", "Id"),
  "docker /events": row(({ get, visible, world }) =>
    Effect.map(get(`/events?since=${world.since}&until=${world.until}`), (answer) => {
      const told = answer.text
        .split("\n")
        .filter((line) => line !== "")
        .map((line) => (JSON.parse(line) as { readonly Actor: { readonly ID: string } }).Actor.ID)
      expect([...new Set(told)].toSorted(byText)).toEqual(idsOf(visible))
    }),
  ),
  "docker /images/json": constant("/images/json"),
  "docker /networks": constant("/networks"),
  "docker /volumes": constant("/volumes"),
  "docker /containers/:ref/json": ofContainer((ref) => `/containers/${ref}/json`, 400, everyName),
  "docker /containers/:ref/logs": ofContainer((ref) => `/v1.43/containers/${ref}/logs?stdout=1`, 400, everyName),
  "docker /containers/:ref/stats": ofContainer((ref) => `/containers/${ref}/stats?stream=0&one-shot=1`, 400, everyName),
  "docker /containers/:ref/top": ofContainer((ref) => `/containers/${ref}/top`, 400, everyName),
}

/** A cursor is no key: of a hidden container it opens nothing, neither under its own name nor under another. */
const cursors = ({ get, visible, world, token }: Asking) =>
  Effect.gen(function* () {
    for (const { cursor, id } of world.cursors) {
      const isVisible = visible.some((subject) => subject.id === id)
      const query = `logs?resume=${encodeURIComponent(cursor)}`
      const own = yield* get(`/containers/${id}/${query}`)
      expect(own.status).toBe(isVisible ? 200 : 404)
      const other = visible.find((subject) => subject.id !== id)
      if (other === undefined) continue
      // The id stands in the cursor, so its bearer is told nothing new by it; a name or a line would be.
      const refused = yield* world.ask(`/containers/${other.id}/${query}`, token)
      expect(refused.status).toBe(400)
      const { line, name, source } = world.subjects.find((subject) => subject.id === id)!
      for (const trace of [line, `${source}/${name}`]) expect(refused.text).not.toContain(trace)
    }
  })

const scopes: fc.Arbitrary<Allow> = fc.record(
  {
    sources: fc.subarray(["edge-1", "edge-*", "lab-?", "*", "nothing"]),
    containers: fc.subarray(["web", "*db", "b1", "*", "nothing"]),
    labels: fc.subarray(["team=a", "team", "tier=back", "team=c"]),
  },
  { requiredKeys: [] },
)

describe("A user's scope", () => {
  it("has a row for every route there is, and none for another", () => {
    expect(Object.keys(ROWS).toSorted(byText)).toEqual([...new Set(TEMPLATES)].toSorted(byText))
  })

  it.scopedLive("is a user's: a source's token opens no route but the open ones, a user's no link", () =>
    Effect.gen(function* () {
      const { ask, subjects, token, url, sourceToken } = yield* ScopeWorld.start
      const [{ name, source }] = subjects as [Subject]
      const fill = (path: string) =>
        path.replace(":ref", `${source}%2F${name}`).replace(":source", source).replace(":container", name)
      for (const template of TEMPLATES) {
        const path = template.replace("docker ", "")
        const answer = yield* ask(fill(path), sourceToken)
        expect([path, answer.status]).toEqual([path, OPEN_PATHS.has(path) ? 200 : 403])
        if (OPEN_PATHS.has(path)) continue
        for (const subject of subjects) expect(answer.text).not.toContain(subject.name)
        const { error, message } = JSON.parse(answer.text) as { readonly error?: unknown; readonly message?: unknown }
        expect(error ?? message).toBeDefined()
      }
      const user = yield* token({})
      const headers = { authorization: `Bearer ${user}` }
      const dialled = yield* Effect.promise(() => fetch(`${url}/link/v1/sessions`, { method: "POST", headers }))
      expect(dialled.status).toBe(403)
      const upgraded = yield* FaultWorld.dialerLayer("ws", url, user).pipe(
        Layer.build,
        Effect.flatMap((context) => Effect.flip(Context.get(context, LinkDialer).dial)),
      )
      expect(upgraded).toMatchObject({ reason: "refused", status: 403 })
    }),
  )

  it.scopedLive(
    "holds on every route: lists, logs, counts, events, errors, cursors, and headers",
    () =>
      Effect.gen(function* () {
        const world = yield* ScopeWorld.start
        const run = yield* Effect.runtime()
        const holds = Effect.fnUntraced(function* (allow: Allow) {
          const visible = world.subjects.filter(({ labels, name, source }) =>
            Authorization.permits(allow, {
              source: SourceName.make(source),
              container: { names: [ContainerName.make(name)], labels },
            }),
          )
          const token = yield* world.token(allow)
          const hidden = world.subjects.filter((subject) => !visible.includes(subject))
          const get = (path: string) =>
            Effect.tap(world.ask(path, token), (answer) => expectNoTrace(answer, path, hidden, world, allow))
          for (const check of Object.values(ROWS)) yield* check({ world, allow, visible, token, get })
        })
        yield* Effect.promise(() =>
          fc.assert(
            fc.asyncProperty(scopes, (allow) => Runtime.runPromise(run)(holds(allow))),
            {
              numRuns: Number(process.env["RDL_SCOPE_RUNS"] ?? 8),
              examples: [[{}], [{ sources: [] }], [{ containers: ["web"] }]],
            },
          ),
        )
      }),
    180_000,
  )
})

/** Nothing of what is hidden stands in the answer, unless the user wrote it there. */
const expectNoTrace = (answer: Answer, path: string, hidden: ReadonlyArray<Subject>, world: World, allow: Allow) => {
  const whole = answer.text + JSON.stringify(answer.headers)
  const asked = decodeURIComponent(path)
  for (const { id, line, name, source } of hidden)
    for (const trace of [id, id.slice(0, 12), line, `${source}/${name}`])
      if (!asked.includes(trace)) expect(whole, `${path} as ${JSON.stringify(allow)}`).not.toContain(trace)
  for (const source of world.sources)
    if (!Authorization.permitsSource(allow, SourceName.make(source)) && !asked.includes(source))
      expect(whole, `${path} as ${JSON.stringify(allow)}`).not.toContain(source)
}

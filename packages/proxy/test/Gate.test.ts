import type { Container } from "@rdl/core/model/Container"
import * as Authorization from "@rdl/core/token/Authorization"
import { SourceName } from "@rdl/core/model/SourceName"
import type { Scope } from "@rdl/core/token/TokenClaims"
import { OPEN_PATHS, openApi } from "@rdl/core/api/UserApi"
import { describe, expect, it } from "@effect/vitest"
import { Effect, FastCheck as fc, Runtime } from "effect"
import * as Fleet from "./Fleet.ts"

const fleetOf: Readonly<Record<string, ReadonlyArray<Container>>> = {
  "edge-1": [
    Fleet.container("aa1", "web", { labels: { team: "a" } }),
    Fleet.container("b1", "db", { labels: { team: "a", tier: "back" } }),
    Fleet.container("c1", "b1", { labels: {} }),
  ],
  "edge-2": [
    Fleet.container("aa2", "web", { labels: { team: "b" } }),
    Fleet.container("d1", "secret-db", { labels: { tier: "back" } }),
  ],
  "lab-1": [Fleet.container("e1", "db", { labels: { team: "b" } })],
}

const everything = Object.entries(fleetOf).flatMap(([source, containers]) =>
  containers.map((container) => ({ source: SourceName.make(source), container })),
)

const started = Effect.gen(function* () {
  const fleet = yield* Fleet.start()
  for (const [name, containers] of Object.entries(fleetOf)) yield* fleet.link(name, containers)
  return fleet
})

const scopes: fc.Arbitrary<Scope> = fc.record(
  {
    sources: fc.subarray(["edge-1", "edge-*", "lab-?", "*", "nothing"]),
    containers: fc.subarray(["web", "*db", "b1", "*", "nothing"]),
    labels: fc.subarray(["team=a", "team", "tier=back", "team=c"]),
  },
  { requiredKeys: [] },
)

/** Everything a user might ask for, as every route takes it. */
const refs = everything.flatMap(({ source, container }) => [
  container.id,
  container.id.slice(0, 2),
  container.name,
  `${source}/${container.name}`,
  `${source}%2F${container.id.slice(0, 4)}`,
])

const paths = ["/containers?all=1", "/containers?name=*", "/sources", ...refs.map((ref) => `/containers/${ref}/logs`)]

describe("The gate", () => {
  it.effect("lets no scope see, on any route, what is outside of it, nor tell it from what does not exist", () =>
    Effect.gen(function* () {
      const fleet = yield* started
      const run = yield* Effect.runtime()
      const holds = Effect.fn(function* (allow: Scope) {
        const token = yield* fleet.token({ allow })
        const get = (path: string) => Effect.flatMap(Fleet.ask(fleet.url + path, { token }), readAll)
        const visible = everything.filter((subject) => Authorization.permits(allow, subject))
        const absent = yield* get("/containers/absent/logs")
        const check = (path: string) =>
          Effect.map(get(path), (answer) => expectNoLeak(allow, visible, path, answer, absent))
        yield* Effect.forEach(paths, check, { concurrency: 8 })
      })
      yield* Effect.promise(() =>
        fc.assert(
          fc.asyncProperty(scopes, (allow) => Runtime.runPromise(run)(holds(allow))),
          { numRuns: 25 },
        ),
      )
    }).pipe(Effect.scoped),
  )

  it.scoped("wants a user's token on every route it does not name open, known or not, by any method", () =>
    Effect.gen(function* () {
      const fleet = yield* Fleet.start({}, { badTokens: undefined })
      const known = Object.keys(openApi().paths).map((path) => path.replaceAll(/\{\w+\}/g, "web"))
      const source = yield* fleet.token({ role: "source", sub: "edge-1" })
      const expired = yield* fleet.token({ exp: 1 })
      const good = yield* fleet.token()
      fleet.revoke("gone")
      for (const path of [
        ...known,
        "/",
        "/nothing",
        "/HEALTH",
        "/health/",
        "//health",
        "/docs/x",
        "/health%2f..%2fsources",
      ])
        for (const method of ["GET", "POST", "OPTIONS"]) {
          if (OPEN_PATHS.has(path)) continue
          const status = (headers: Record<string, string>) =>
            Effect.map(Fleet.ask(fleet.url + path, { method, headers }), (answer) => {
              if (answer.status === 401) expect(answer.headers["www-authenticate"]).toBe("Bearer")
              return answer.status
            })
          for (const authorization of ["", "Bearer", "Bearer x.y", `Basic ${good}`, good, `Bearer ${good} x`])
            expect(yield* status({ authorization })).toBe(401)
          expect(yield* status({})).toBe(401)
          expect(yield* status({ authorization: `Bearer ${source}` })).toBe(403)
          if (expired !== good) expect(yield* status({ cookie: `token=${good}` })).toBe(401)
        }
    }),
  )

  it.scoped("takes no token from the URL", () =>
    Effect.gen(function* () {
      const fleet = yield* started
      const token = yield* fleet.token()
      for (const name of ["token", "access_token"])
        expect((yield* Fleet.ask(`${fleet.url}/containers?${name}=${token}`)).status).toBe(401)
    }),
  )
})

interface Whole {
  readonly status: number
  readonly text: string
}

const readAll = (answer: Fleet.Answer): Effect.Effect<Whole> =>
  Effect.map(answer.ended, () => ({
    status: answer.status,
    text: answer.text() + String(answer.headers["x-rdl-container"] ?? ""),
  }))

const expectNoLeak = (
  allow: Scope,
  visible: typeof everything,
  path: string,
  { status, text }: Whole,
  absent: Whole,
) => {
  for (const subject of everything) {
    const { source, container } = subject
    if (visible.includes(subject)) continue
    for (const named of [container.id, `${source}/${container.name}`])
      if (!decodeURIComponent(path).includes(named)) expect(text).not.toContain(named)
  }
  for (const name of Object.keys(fleetOf))
    if (!Authorization.permitsSource(allow, SourceName.make(name)) && !path.includes(name))
      expect(text).not.toContain(name)
  const ref = /^\/containers\/(.+)\/logs$/.exec(path)?.[1]
  if (ref === undefined) return expect(status).toBe(200)
  if (visible.some((subject) => mayMean(decodeURIComponent(ref), subject))) return expect([200, 409]).toContain(status)
  expect(status).toBe(404)
  expect(text.replaceAll(decodeURIComponent(ref), "absent")).toBe(absent.text)
}

const mayMean = (ref: string, { source, container }: (typeof everything)[number]): boolean => {
  const [name = "", ofSource = source] = ref.split("/").reverse()
  return ofSource === source && (container.name === name || container.id.startsWith(name))
}

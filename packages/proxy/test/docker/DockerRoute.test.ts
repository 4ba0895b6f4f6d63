import { describe, expect, it } from "@effect/vitest"
import { Effect, FastCheck as fc, Runtime } from "effect"
import * as DockerRoute from "../../src/docker/DockerRoute.ts"
import * as FakeRouter from "./FakeRouter.ts"

const versions = fc.constantFrom("", "/v1.47", "/v1.24", "/v1.999", "/v2.0", "/v1", "/V1.47", "/v1.47/v1.47", "//v1.47")
const words = fc.constantFrom(
  ...`containers json logs stats top events _ping version info images networks volumes exec attach archive export start
  create ws changes build session grpc system web edge-1 .. . %2e%2e %2f a%2fb %2Fjson a%5cb web%00 %zz we%20b
  json%2f..`.split(/\s+/),
  "",
)
const paths = fc
  .tuple(
    versions,
    fc.array(words, { minLength: 1, maxLength: 6 }),
    fc.constantFrom("", "/", "?x=1", "#x", "?a=/containers/web/json"),
  )
  .map(([version, segments, end]) => `${version}/${segments.join("/")}${end}`)
const methods = fc.constantFrom("GET", "GET", "GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "PROPFIND")

/** The list, written a second time: a segment of a reference is anything that is neither a step nor hides a slash. */
const SEGMENT = String.raw`(?!\.{1,2}/)(?!%2e%2e/)(?:[\w.-]|%20)+`
const ABOUT = new RegExp(String.raw`^(?:/v1\.\d{1,3})?/containers/(?:${SEGMENT}/)+(?:json|stats|top)$`)
const LOGS = new RegExp(String.raw`^(?:/v1\.\d{1,3})/containers/(?:${SEGMENT}/)+logs$`)
const EVENTS = /^(?:\/v1\.\d{1,3})?\/events$/
const FIXED = /^(?:\/v1\.\d{1,3})?\/(?:_ping|version|info|containers\/json|images\/json|networks|volumes)$/
/** The user API's own, whose router minds neither repeated slashes nor one at the end. */
const OWN = /^\/+containers\/+[^/]+(?:\/+[^/]+)?\/+logs\/*$/

describe("Docker's routes", () => {
  it("serve by GET what is on the list, and nothing else by anything", () => {
    fc.assert(
      fc.property(methods, paths, (method, target) => {
        const path = target.split(/[?#]/)[0] ?? ""
        const route = DockerRoute.parse(method, path)
        const isListed = ABOUT.test(path) || LOGS.test(path) || EVENTS.test(path) || FIXED.test(path)
        const isPing = /^(?:\/v1\.\d{1,3})?\/_ping$/.test(path) && method === "HEAD"
        const isServed = route !== undefined && route._tag !== "Refused"
        expect(isServed).toBe((isListed && method === "GET") || isPing)
        expect(route !== undefined || !/^\/v1\.\d{1,3}\//.test(path)).toBe(true)
      }),
      { numRuns: 5_000 },
    )
  })

  it.scoped("let nothing else reach a router, and refuse it in Docker's shape", () =>
    Effect.gen(function* () {
      const { ask, calls } = yield* FakeRouter.start()
      const run = yield* Effect.runtime()
      const holds = Effect.fn(function* (method: string, target: string) {
        const path = target.split(/[?#]/)[0] ?? ""
        calls.length = 0
        const { body, status } = yield* ask(method, target)
        const mayCall = method === "GET" && (ABOUT.test(path) || LOGS.test(path) || EVENTS.test(path))
        const mayCallOwn = /^(?:GET|HEAD)$/.test(method) && OWN.test(path)
        if (!mayCallOwn) expect(calls.length).toBe(mayCall ? 1 : 0)
        if (!/^\/v1\.\d{1,3}\//.test(path)) return
        const isFixed = FIXED.test(path) && (method === "GET" || (method === "HEAD" && path.endsWith("_ping")))
        expect(isFixed ? [200] : method === "GET" ? [404] : [405]).toContain(status)
        if (!isFixed && method !== "HEAD") expect(JSON.parse(body)).toEqual({ message: expect.any(String) })
      })
      yield* Effect.promise(() =>
        fc.assert(
          fc.asyncProperty(methods, paths, (method, target) => Runtime.runPromise(run)(holds(method, target))),
          { numRuns: 300 },
        ),
      )
    }),
  )

  it.scoped("want a token for everything, the ping included, and say so in Docker's shape", () =>
    Effect.gen(function* () {
      const { ask, calls } = yield* FakeRouter.start()
      for (const path of ["/_ping", "/v1.47/_ping", "/v1.47/containers/json", "/events", "/v1.47/containers/a/json"])
        for (const authorization of ["", "Authorization: Bearer x.y\r\n"]) {
          const { body, head, status } = yield* ask("GET", path, authorization)
          expect(status).toBe(401)
          expect(head.toLowerCase()).toContain("www-authenticate: bearer")
          expect(JSON.parse(body)).toEqual({ message: expect.stringMatching(/^rdl: missing or bad token/) })
        }
      expect((yield* ask("HEAD", "/_ping", "")).status).toBe(401)
      expect(calls).toEqual([])
    }),
  )

  it.scoped("tell clients the version to speak, whatever they ask", () =>
    Effect.gen(function* () {
      const { ask } = yield* FakeRouter.start()
      for (const [method, path] of [
        ["HEAD", "/_ping"],
        ["GET", "/_ping"],
        ["GET", "/v1.24/version"],
        ["POST", "/v1.47/containers/create"],
      ] as const)
        expect((yield* ask(method, path)).head.toLowerCase()).toContain("\r\napi-version: 1.47")
      expect((yield* ask("GET", "/_ping")).body).toBe("OK")
      for (const [path, empty] of Object.entries(DockerRoute.NOTHING))
        expect(JSON.parse((yield* ask("GET", path)).body)).toEqual(empty)
    }),
  )

  it.scoped.each([
    ["/v1.47/containers/web/logs", 400, "Bad parameters: you must choose at least one stream"],
    [
      "/v1.47/containers/web/logs?stdout=no&stdout=1&stderr=none",
      400,
      "Bad parameters: you must choose at least one stream",
    ],
    ["/v1.47/containers/web/logs?stdout=off&since=10m", 400, 'strconv.ParseInt: parsing "10m": invalid syntax'],
    ["/v1.47/containers/web/logs?stdout=1&until=1.x", 400, 'strconv.ParseInt: parsing "x": invalid syntax'],
    ["/v1.47/containers/web/logs?stdout=1&tail=x&since=1.5", 404, "No such container: web"],
    ["/v1.47/containers/edge-1/web/logs?stderr=1", 404, "No such container: edge-1/web"],
    ["/v1.47/containers/we%20b/json", 404, "No such container: we b"],
    ["/v1.47/containers/web/top?ps_args=-ef+-o+pid,args", 400, /^ps_args "-ef -o pid,args" is not taken/],
    ["/v1.47/containers/web/top?ps_args=e", 400, /^ps_args/],
    ["/v1.47/containers/web/stats?one-shot=1", 400, "cannot have stream=true and one-shot=true"],
    ["/v1.47/containers/json?filters=junk", 400, "invalid filter"],
    ["/v1.47/containers/json?filters=[]", 400, "invalid filter"],
    ['/v1.47/containers/json?filters={"name":"x"}', 400, "invalid filter"],
    ['/v1.47/containers/json?filters={"bogus":["x"]}', 400, "invalid filter 'bogus'"],
    ['/v1.47/containers/json?filters={"network":["x"]}', 400, /^invalid filter 'network'/],
    ['/v1.47/containers/json?filters={"status":{"x":true}}', 400, "invalid filter 'status=x'"],
    [
      '/v1.47/containers/json?filters={"exited":["x"]}',
      400,
      `invalid filter 'exited=x': strconv.Atoi: parsing "x": invalid syntax`,
    ],
    [`/v1.47/containers/json?filters={"name":["${"a{100}".repeat(9)}"]}`, 400, /too long a pattern$/],
    ["/v1.47/containers/json?limit=x", 400, 'strconv.Atoi: parsing "x": invalid syntax'],
    ["/v1.47/events?since=10m", 400, 'strconv.ParseInt: parsing "10m": invalid syntax'],
    ["/v1.47/events?filters=junk", 400, "invalid filter"],
  ] as const)("answer %s with %i", ([path, status, message]) =>
    Effect.gen(function* () {
      const answer = yield* (yield* FakeRouter.start()).ask("GET", encodeURI(decodeURI(path)))
      expect(answer.status).toBe(status)
      expect(JSON.parse(answer.body).message).toEqual(
        typeof message === "string" ? message : expect.stringMatching(message),
      )
    }),
  )
})

/** What no engine here can show: Docker from 24 on, and Podman, as the facts describe them. */
import { describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import type { FlavourName } from "@rdl/sample-engine/Flavour"
import * as SampleEngine from "@rdl/sample-engine/SampleEngine"
import { ask, askWhole, framesOf } from "./contract/RawClient.ts"

const engineOf = (flavour: FlavourName, options: SampleEngine.Options = {}) =>
  SampleEngine.make({ ...options, flavour })

const get = (engine: SampleEngine.SampleEngine, path: string, method = "GET") =>
  Effect.promise(() => askWhole(engine.url, path, method))

const lines = (engine: SampleEngine.SampleEngine, path: string) =>
  Effect.map(get(engine, path), (answer) => framesOf(answer).map(({ payload }) => payload))

const SECOND = 1_000_000_000n

/** A container with one line at each of these seconds, its second for text. */
const atSeconds = (engine: SampleEngine.SampleEngine, seconds: ReadonlyArray<number>) => {
  const container = engine.createContainer({ name: "web" })
  for (const second of seconds) container.log("stdout", `${second}\n`, { at: BigInt(second) * SECOND })
  return container
}

describe("docker-26.1", () => {
  it.scoped("lets everything pass after the first record that is not older than since", () =>
    Effect.gen(function* () {
      const engine = yield* engineOf("docker-26.1")
      atSeconds(engine, [10, 30, 20, 40])
      expect(yield* lines(engine, "/containers/web/logs?stdout=1&since=30")).toEqual(["30\n", "20\n", "40\n"])
      expect(yield* lines(engine, "/containers/web/logs?stdout=1&since=31")).toEqual(["40\n"])
      expect(yield* lines(engine, "/containers/web/logs?stdout=1&until=25")).toEqual(["10\n"])
    }),
  )

  it.scoped("names the framing, by the version that is asked for", () =>
    Effect.gen(function* () {
      const engine = yield* engineOf("docker-26.1")
      engine.createContainer({ name: "plain" })
      engine.createContainer({ name: "terminal", tty: true })
      const type = (path: string) => Effect.map(get(engine, path), ({ headers }) => headers["content-type"])
      const multiplexed = "application/vnd.docker.multiplexed-stream"
      const raw = "application/vnd.docker.raw-stream"
      expect(yield* type("/v1.45/containers/plain/logs?stdout=1")).toBe(multiplexed)
      expect(yield* type("/v1.42/containers/plain/logs?stdout=1")).toBe(multiplexed)
      expect(yield* type("/containers/plain/logs?stdout=1")).toBe(multiplexed)
      expect(yield* type("/v1.41/containers/plain/logs?stdout=1")).toBe(raw)
      expect(yield* type("/v1.45/containers/terminal/logs?stdout=1")).toBe(raw)
      const refused = yield* get(engine, "/v1.46/_ping")
      expect(refused.json).toEqual({
        message: "client version 1.46 is too new. Maximum supported API version is 1.45",
      })
    }),
  )
})

describe("docker-20.10", () => {
  it.scoped("tests every record against since, and stops at the first after until", () =>
    Effect.gen(function* () {
      const engine = yield* engineOf("docker-20.10")
      atSeconds(engine, [10, 30, 20, 40, 20])
      expect(yield* lines(engine, "/containers/web/logs?stdout=1&since=30")).toEqual(["30\n", "40\n"])
      expect(yield* lines(engine, "/containers/web/logs?stdout=1&until=30")).toEqual(["10\n", "30\n", "20\n"])
    }),
  )

  it.scoped("refuses the log of a container that is dead or being removed, and shows it as such", () =>
    Effect.gen(function* () {
      const engine = yield* engineOf("docker-20.10")
      for (const state of ["dead", "removing"] as const) {
        engine.createContainer({ name: `is-${state}`, state })
        const got = yield* get(engine, `/containers/is-${state}/logs?stdout=1`)
        expect([got.status, got.json]).toEqual([
          409,
          { message: "can not get logs from container which is dead or marked for removal" },
        ])
        const listed = yield* get(engine, `/containers/json?all=1&filters={"status":["${state}"]}`)
        expect((listed.json as ReadonlyArray<{ State: string }>).map(({ State }) => State)).toEqual([state])
      }
    }),
  )
})

describe("podman", () => {
  it.scoped("says what it is", () =>
    Effect.gen(function* () {
      const engine = yield* engineOf("podman")
      const ping = yield* get(engine, "/_ping", "HEAD")
      expect(ping.headers).toMatchObject({ "api-version": "1.44", "docker-experimental": "true" })
      expect(ping.headers["libpod-api-version"]).toMatch(/^\d+\.\d+\.\d+$/)
      const version = (yield* get(engine, "/v1.99/version")).json as { Components: ReadonlyArray<{ Name: string }> }
      expect(version).toMatchObject({ ApiVersion: "1.44", MinAPIVersion: "1.24" })
      expect(version.Components.map(({ Name }) => Name)).toEqual(["Podman Engine", "Conmon", "OCI Runtime (crun)"])
      const unknown = yield* get(engine, "/containers/nobody/json")
      expect([unknown.status, unknown.json]).toEqual([
        404,
        {
          cause: "no such container",
          message: 'no container with name or ID "nobody" found: no such container',
          response: 404,
        },
      ])
    }),
  )

  it.scoped("leaves out a record of exactly since or until, and reads more ways to write a time", () =>
    Effect.gen(function* () {
      const engine = yield* engineOf("podman")
      atSeconds(engine, [10, 30, 20, 40])
      const read = (query: string) => lines(engine, `/containers/web/logs?stdout=1&${query}`)
      expect(yield* read("since=20")).toEqual(["30\n", "40\n"])
      expect(yield* read("until=30")).toEqual(["10\n", "20\n"])
      expect(yield* read("since=1970-01-01T00:00:20Z")).toEqual(["30\n", "40\n"])
      expect(yield* read("since=19.5")).toEqual(["30\n", "20\n", "40\n"])
      expect(yield* read("since=10m")).toEqual([])
      expect(yield* read("until=0")).toHaveLength(4)
      expect((yield* get(engine, "/containers/web/logs?stdout=1&since=now")).status).toBe(400)
    }),
  )

  it.scoped("reads unix time as a float, some 200 ns off", () =>
    Effect.gen(function* () {
      const engine = yield* engineOf("podman")
      const at = 1_795_344_247_200_217_801n
      engine.createContainer({ name: "web" }).log("stdout", "x\n", { at })
      const near = BigInt(Math.trunc(Number("1795344247.200217801") * 1e9))
      expect(near === at).toBe(false)
      const read = yield* lines(engine, "/containers/web/logs?stdout=1&since=1795344247.200217801")
      expect(read).toEqual(near < at ? ["x\n"] : [])
    }),
  )

  it.scoped("is strict about booleans and tail, and falls over a tail below -1", () =>
    Effect.gen(function* () {
      const engine = yield* engineOf("podman")
      atSeconds(engine, [1, 2, 3])
      const status = (query: string) => Effect.map(get(engine, `/containers/web/logs?${query}`), (got) => got.status)
      for (const value of ["1", "t", "true", "True", "TRUE", "on"]) expect(yield* status(`stdout=${value}`)).toBe(200)
      for (const value of ["2", "yes", "no", "off", "none"]) expect(yield* status(`stdout=${value}`)).toBe(400)
      expect(yield* status("stdout=1&tail=x")).toBe(400)
      expect(yield* lines(engine, "/containers/web/logs?stdout=1&tail=2&details=1")).toEqual(["2\n", "3\n"])
      expect(yield* lines(engine, "/containers/web/logs?stdout=1&tail=-1")).toHaveLength(3)
      const broken = yield* Effect.promise(() => ask(engine.url, "/containers/web/logs?stdout=1&tail=-2").catch(String))
      expect(broken).toContain("broken")
    }),
  )

  it.scoped("writes timestamps in the zone of the host", () =>
    Effect.gen(function* () {
      const engine = yield* engineOf("podman", { zoneMinutes: 120 })
      atSeconds(engine, [0])
      expect(yield* lines(engine, "/containers/web/logs?stdout=1&timestamps=1")).toEqual([
        "1970-01-01T02:00:00.000000000+02:00 0\n",
      ])
      const west = yield* engineOf("podman", { zoneMinutes: -90 })
      atSeconds(west, [0])
      expect(yield* lines(west, "/containers/web/logs?stdout=1&timestamps=1")).toEqual([
        "1969-12-31T22:30:00.000000000-01:30 0\n",
      ])
    }),
  )

  it.scoped("tells removal as remove, keeps init and cleanup, and says the exit code twice", () =>
    Effect.gen(function* () {
      const engine = yield* engineOf("podman")
      const events = yield* Effect.promise(() => ask(engine.url, "/events"))
      const container = engine.createContainer({ name: "web" })
      container.exit(7)
      container.remove()
      yield* Effect.promise(() => events.when(() => events.text.includes('"remove"')))
      const told = events.text
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line) as { Action: string; Actor: { Attributes: unknown } })
      expect(told.map(({ Action }) => Action)).toEqual(["create", "init", "start", "die", "cleanup", "remove"])
      expect(told[3]?.Actor.Attributes).toMatchObject({ exitCode: "7", containerExitCode: "7", name: "web" })
      events.close()
    }),
  )

  it.scoped("fails with 500 where the log cannot be read", () =>
    Effect.gen(function* () {
      const engine = yield* engineOf("podman")
      engine.createContainer({ name: "web", logDriver: "none" })
      expect((yield* get(engine, "/containers/web/logs?stdout=1")).status).toBe(500)
    }),
  )
})

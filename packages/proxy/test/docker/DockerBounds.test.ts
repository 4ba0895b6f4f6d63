import { describe, expect, it } from "@effect/vitest"
import { ApiError } from "@rdl/core/api/ApiError"
import { type SourceContainer, ContainerId, ContainerName } from "@rdl/core/model/Container"
import { SourceName } from "@rdl/core/model/SourceName"
import { ContainerEvent } from "@rdl/core/model/ContainerEvent"
import type { SourceStatus } from "@rdl/core/model/SourceStatus"
import type * as FleetEvents from "@rdl/core/routing/FleetEvents"
import type { LogFeed } from "@rdl/core/routing/LogFeed"
import { Deferred, Effect, Fiber, Schema, Stream, TestClock } from "effect"
import { connect } from "node:net"
import * as ContainerJson from "../../src/ContainerJson.ts"
import * as DockerApi from "../../src/docker/DockerApi.ts"
import * as DockerContainer from "../../src/docker/DockerContainer.ts"
import * as DockerSystem from "../../src/docker/DockerSystem.ts"
import * as FakeRouter from "./FakeRouter.ts"

const container = (at: number): SourceContainer => ({
  id: ContainerId.make(at.toString(16).padStart(64, "a")),
  name: ContainerName.make(`web-${at}`),
  names: [ContainerName.make(`web-${at}`)],
  image: "registry.example.org/team/web:1",
  imageId: `sha256:${"0".repeat(64)}`,
  command: "/bin/server --port 8080",
  created: 1_700_000_000 + at,
  state: "running",
  status: "Up 3 hours",
  labels: { "com.docker.compose.project": "shop", "com.docker.compose.service": `web-${at}` },
  ports: [{ ip: "0.0.0.0", privatePort: 8080, publicPort: 20_000 + at, type: "tcp" }],
  source: SourceName.make(`edge-${at % 50}`),
  stale: false,
})

/** A source's answer of these bytes, in pieces of 64 KiB. */
const feedOf = (text: string): LogFeed => ({
  head: { contentType: "application/json" },
  consumed: () => {},
  isClean: () => false,
  place: () => undefined,
  start: ({ onData, onEnd }) => {
    const bytes = Buffer.from(text)
    for (let at = 0; at < bytes.length; at += 65_536) onData(bytes.subarray(at, at + 65_536))
    onEnd({ reason: "eof" })
  },
})

const answering = (text: string) =>
  FakeRouter.start([], { ask: () => Effect.succeed({ container: container(1), reader: feedOf(text) }) })

const refusing = (error: ApiError) =>
  FakeRouter.start([], {
    ask: () => Effect.fail(error),
    events: () => Effect.fail(error),
    logs: () => Effect.fail(error),
  })

const messageOf = ({ body }: FakeRouter.Answer) => JSON.parse(body) as unknown

describe("A document that a source answers with", () => {
  const table = '{"Titles":["PID"],"Processes":[["1"]]}'
  const padded = (bytes: number) => table.padEnd(bytes, " ")

  it.scoped("is passed on up to 1 MiB, and refused as the source's fault beyond", () =>
    Effect.gen(function* () {
      const longest = yield* answering(padded(DockerApi.MAX_DOCUMENT))
      const { body, status } = yield* longest.ask("GET", "/containers/web/top")
      expect([status, JSON.parse(body)]).toEqual([200, JSON.parse(table)])
      const longer = yield* answering(padded(DockerApi.MAX_DOCUMENT + 1))
      const refused = yield* longer.ask("GET", "/containers/web/top")
      expect([refused.status, messageOf(refused)]).toEqual([
        502,
        { message: "the source edge-1 sent too long an answer" },
      ])
    }),
  )

  it.scoped("is waited for 30 s once it has begun", () =>
    Effect.gen(function* () {
      const begun = yield* Deferred.make<void>()
      const reader: LogFeed = { ...feedOf(table), start: () => Deferred.unsafeDone(begun, Effect.void) }
      const { ask } = yield* FakeRouter.start([], { ask: () => Effect.succeed({ container: container(1), reader }) })
      const asked = yield* Effect.fork(ask("GET", "/containers/web/json"))
      yield* Deferred.await(begun)
      yield* TestClock.adjust(DockerApi.DOCUMENT_TIME)
      const refused = yield* Fiber.join(asked)
      const message = "the source edge-1 did not end its answer within 30 s"
      expect([refused.status, messageOf(refused)]).toEqual([504, { message }])
    }),
  )

  it.scoped.each(["", "{", "[]", '{"Titles":1}', "null", "\u0000"])("is refused where it is none: %j", (text) =>
    Effect.gen(function* () {
      const { ask } = yield* answering(text)
      for (const path of ["/containers/web/top", "/containers/web/json"]) {
        const refused = yield* ask("GET", path)
        const message = "the source edge-1 sent an answer that makes no sense"
        expect([refused.status, messageOf(refused)]).toEqual([502, { message }])
      }
    }),
  )
})

describe("What the router refuses", () => {
  const PATHS = ["/containers/web/json", "/containers/web/top", "/containers/web/stats", "/events"]
  const silent = { code: "source-silent", message: "the source edge-1 did not answer within 30 s" } as const
  const busy = { code: "too-many-streams", message: "ann reads 256 logs, as many as one user may" } as const

  it.scoped.each([
    [504, silent],
    [429, busy],
  ] as const)("reads as Docker's clients have it: %i", ([status, error]) =>
    Effect.gen(function* () {
      const { ask } = yield* refusing(new ApiError(error))
      for (const path of [...PATHS, "/v1.41/containers/web/logs?stdout=1"]) {
        const answer = yield* ask("GET", path)
        expect([answer.status, messageOf(answer)]).toEqual([status, { message: error.message }])
        expect(answer.head).toMatch(/content-type: application\/json/i)
      }
    }),
  )
})

describe("A reader of events who takes nothing", () => {
  const event: FleetEvents.SourceEvent = {
    source: SourceName.make("edge-1"),
    event: Schema.decodeSync(ContainerEvent)({
      action: "start",
      id: "a".repeat(64),
      name: "web",
      image: "x".repeat(1024 * 1024),
      labels: {},
      timeNano: "1795341075000000000",
    }),
  }

  it.scoped("loses them all the same when the token ends", () =>
    Effect.gen(function* () {
      const [told, over] = [yield* Deferred.make<void>(), yield* Deferred.make<void>()]
      const without = Stream.repeatEffect(Effect.as(Deferred.succeed(told, undefined), event)).pipe(
        Stream.ensuring(Deferred.succeed(over, undefined)),
      )
      const { token, url } = yield* FakeRouter.start([], { events: () => Effect.succeed(without) })
      const socket = yield* Effect.acquireRelease(
        Effect.sync(() => connect(Number(new URL(url).port), "127.0.0.1")),
        (opened) => Effect.sync(() => opened.destroy()),
      )
      yield* TestClock.setTime(3_590_000)
      socket.write(`GET /events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\n\r\n`)
      yield* Deferred.await(told)
      yield* TestClock.adjust("10 seconds")
      yield* Deferred.await(over)
    }),
  )
})

describe("Sources of version and info", () => {
  const status = (at: number): SourceStatus => ({
    name: SourceName.make(`edge-${at}`),
    connected: false,
    since: "2026-01-01T00:00:00Z",
    lastSeen: "2026-01-01T00:00:00Z",
    transport: null,
    transportWhy: null,
    rttMs: null,
    clockSkewMs: null,
    version: "rdl/1",
    engine: null,
    readers: null,
    containers: 1,
  })

  it("are named up to 200, and counted all", () => {
    const sources = Array.from({ length: DockerSystem.MAX_NAMED + 1 }, (_, at) => status(at))
    const { Components } = DockerSystem.version(sources) as { readonly Components: ReadonlyArray<unknown> }
    // One more is the proxy.
    expect(Components).toHaveLength(DockerSystem.MAX_NAMED + 1)
    const told = DockerSystem.info(sources, [], 0) as {
      readonly DriverStatus: ReadonlyArray<unknown>
      readonly Warnings: ReadonlyArray<unknown>
      readonly OperatingSystem: string
    }
    expect([told.DriverStatus.length, told.Warnings.length]).toEqual([DockerSystem.MAX_NAMED, DockerSystem.MAX_NAMED])
    expect(told.OperatingSystem).toBe(`rdl, ${sources.length} sources`)
  })
})

describe("A list of 5,000 containers", () => {
  it.scoped("is written once, and told again from what was written", () =>
    Effect.gen(function* () {
      const all = Array.from({ length: 5_000 }, (_, at) => container(at))
      const { token, url } = yield* FakeRouter.start(all)
      const list = Effect.promise(async () => {
        const answer = await fetch(`${url}/v1.41/containers/json?all=1`, {
          headers: { authorization: `Bearer ${token}` },
        })
        return Buffer.from(await answer.arrayBuffer())
      })
      const first = yield* list
      for (let again = 0; again < 5; again++) expect((yield* list).equals(first)).toBe(true)
      expect((JSON.parse(first.toString()) as ReadonlyArray<unknown>).length).toBe(all.length)
    }),
  )

  it("writes out each container once, for as long as it reads the same", () => {
    let written = 0
    const write = ContainerJson.make((one) => {
      written++
      return DockerContainer.listed(one)
    })
    const all = Array.from({ length: 5_000 }, (_, at) => container(at))
    for (const list of [all, all.toReversed(), all.slice(7), all]) write(list)
    expect(written).toBe(all.length)
    write([...all.slice(1), container(0)])
    expect(written).toBe(all.length + 1)
  })
})

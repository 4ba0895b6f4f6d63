/** Docker clients against a proxy and sources of the real parts, with engines that are told what to do. */
import { describe, expect, it, live } from "@effect/vitest"
import { Effect } from "effect"
import Dockerode from "dockerode"
import { once } from "node:events"
import { PassThrough } from "node:stream"
import { docker as dockerFor, hasDocker } from "./DockerFleet.ts"
import * as FaultWorld from "./FaultWorld.ts"
import { serving } from "./RdlProcess.ts"

const started = Effect.gen(function* () {
  const world = yield* FaultWorld.start("ws")
  const edges = [yield* world.source("edge-1"), yield* world.source("edge-2")] as const
  return { world, edges, token: yield* world.token("user", "ann") }
})

const promised = <A>(run: () => Promise<A>) => Effect.promise(run)

describe("dockerode", () => {
  it.scopedLive.each(["v1.47", undefined])("is a client, speaking %s", (version) =>
    Effect.gen(function* () {
      const { edges, token, world } = yield* started
      const web = yield* edges[0].container({ name: "web", labels: { team: "a" } })
      yield* edges[1].container({ name: "web" })
      web.log("stdout", "out\n")
      web.log("stderr", "err\n")
      const docker = new Dockerode({
        host: "127.0.0.1",
        port: world.port,
        protocol: "http",
        headers: { Authorization: `Bearer ${token}` },
        ...(version === undefined ? {} : { version }),
      })
      yield* promised(async () => {
        expect(String(await docker.ping())).toBe("OK")
        expect((await docker.version()).ApiVersion).toBe("1.47")
        expect((await docker.info()).Containers).toBe(2)
        const names = (await docker.listContainers()).flatMap(({ Names }) => Names)
        expect(names.toSorted()).toEqual(["/edge-1/web", "/edge-2/web"])
        const [one, ...others] = await docker.listContainers({ filters: { label: ["team=a"] } })
        expect([one?.Id, others.length]).toEqual([web.id, 0])
        expect([await docker.listImages(), await docker.listNetworks()]).toEqual([[], []])
        expect((await docker.listVolumes()).Volumes).toEqual([])
      })
      const container = docker.getContainer("edge-1/web")
      yield* promised(async () => {
        expect(await container.inspect()).toMatchObject({ Name: "/edge-1/web", Config: { Tty: false } })
        // Without a version this route is rdl's own, whose lines are text.
        const log = await container.logs({ stdout: true, stderr: true })
        const framed = "\u0001\0\0\0\0\0\0\u0004out\n\u0002\0\0\0\0\0\0\u0004err\n"
        expect(String(log)).toBe(version === undefined ? "edge-1 | out\nedge-1 | err\n" : framed)
        for (const refused of [
          () => docker.createContainer({ Image: "x" }),
          () => docker.pull("busybox"),
          () => container.start(),
          () => container.remove(),
          () => container.exec({ Cmd: ["sh"] }),
        ])
          await expect(refused()).rejects.toMatchObject({
            statusCode: 405,
            message: expect.stringContaining("rdl only reads"),
          })
        await expect(docker.getContainer("nothing").inspect()).rejects.toMatchObject({ statusCode: 404 })
        await expect(docker.getContainer("web").inspect()).rejects.toMatchObject({ statusCode: 400 })
      })
      if (version === undefined) return
      yield* promised(async () => {
        const [out, err] = [new PassThrough(), new PassThrough()]
        const stream = await container.logs({ follow: true, stdout: true, stderr: true })
        docker.modem.demuxStream(stream, out, err)
        let text = ""
        out.on("data", (bytes: Buffer) => (text += bytes.toString()))
        web.log("stdout", "more\n")
        web.stop()
        await once(stream, "end")
        expect(text).toBe("out\nmore\n")
      })
    }),
  )
})

describe.skipIf(!hasDocker())("Docker's own command", () => {
  live("follows a log over a link that is cut, and misses nothing", () =>
    Effect.gen(function* () {
      const { edges, token, world } = yield* started
      const [edge] = edges
      const web = yield* edge.container({ name: "web" })
      const log = serving(dockerFor(world.url, token).start("logs", "-f", "edge-1/web"))
      for (let i = 0; i < 50; i++) web.log("stdout", `before ${i}\n`)
      yield* promised(() => log.says(/before 49\n/))
      edge.relay.dropAll("rst")
      for (let i = 0; i < 50; i++) web.log("stdout", `during ${i}\n`)
      yield* promised(() => log.says(/during 49\n/))
      web.log("stdout", "last\n")
      web.stop()
      expect(yield* promised(() => log.ended)).toBe(0)
      const numbered = (word: string) => Array.from({ length: 50 }, (_, i) => `${word} ${i}\n`).join("")
      expect(log.stdout()).toBe(`${numbered("before")}${numbered("during")}last\n`)
      expect(log.stderr()).toBe("")
    }).pipe(Effect.scoped),
  )

  live("hears of events of sources that come later, and of those that come back", () =>
    Effect.gen(function* () {
      const { edges, token, world } = yield* started
      const [edge] = edges
      const events = serving(
        dockerFor(world.url, token).start("events", "--format", "{{.Action}} {{.Actor.Attributes.name}}"),
      )
      yield* FaultWorld.until(
        () => [...edge.engine.openStreams].filter(({ path }) => path.endsWith("/events")).length > 1,
      )
      const first = yield* edge.container({ name: "first" })
      yield* promised(() => events.says(/create edge-1\/first/))
      edge.relay.dropAll("rst")
      first.stop()
      yield* promised(() => events.says(/die edge-1\/first/))
      const later = yield* world.source("edge-3")
      yield* later.container({ name: "late" })
      yield* promised(() => events.says(/create edge-3\/late/))
      expect(events.stdout().match(/die edge-1\/first/g)).toHaveLength(1)
      yield* promised(() => events.stop("SIGTERM"))
    }).pipe(Effect.scoped),
  )
})

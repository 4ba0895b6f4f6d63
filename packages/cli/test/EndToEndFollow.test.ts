import { describeEachEngine, type EngineFacts } from "@rdl/test-kit/Engines"
import { type ContainerSpec, type RealContainer, RealEngine } from "@rdl/test-kit/RealEngine"
import { join } from "node:path"
import { afterAll, afterEach, beforeAll, expect, it } from "vitest"
import * as EndToEndFleet from "./EndToEndFleet.ts"
import { type EngineRelay, startRelay } from "./EngineRelay.ts"
import { rdlProcess } from "./RdlProcess.ts"

/** Writes a line when it is told to, and never by itself: what a reader gets before the next telling was not waited for. */
const ON_DEMAND = `
  n=0
  trap 'n=$((n+1)); echo line $n; echo also $n >&2' USR1
  sleep 100000 &
  echo ready >&2
  while :; do wait; done`

/** What a source may ask of an engine. */
const READS = [
  /^GET \/_ping /,
  /^GET (\/v1\.\d+)?\/(version|info) /,
  /^GET (\/v1\.\d+)?\/containers\/json(\?[^ ]*)? /,
  /^GET (\/v1\.\d+)?\/containers\/[0-9a-f]{64}\/(json|logs)(\?[^ ]*)? /,
  /^GET (\/v1\.\d+)?\/events(\?[^ ]*)? /,
]
const MAY = {
  docker: READS,
  // By its own API, Podman tells more of a log.
  podman: [...READS, /^GET \/v4\.0\.0\/libpod\/containers\/[0-9a-f]{64}\/(json|logs)(\?[^ ]*)? /],
} satisfies Record<EngineFacts["kind"], ReadonlyArray<RegExp>>

/** Does not stop when it is asked to, but when it is told so. */
const UNHURRIED = `
  trap 'echo stopping' TERM; trap 'echo more' USR1; trap 'exit 0' USR2
  sleep 100000 &
  echo ready >&2
  while :; do wait; done`

const { objects, reading } = EndToEndFleet
const rdl = rdlProcess()

await describeEachEngine("a log that is followed", ({ kind, name: engineName, socket }) => {
  const engine = new RealEngine(socket)
  const made: Array<RealContainer> = []
  let fleet: EndToEndFleet.EndToEndFleet
  let relay: EngineRelay
  let leave = new AbortController()

  beforeAll(async () => {
    relay = await startRelay(join(rdl.directory, `${engineName}.sock`), socket)
    // What is read from files asks the engine for no log, and the relay sees none.
    fleet = await EndToEndFleet.start(rdl, [relay.socket], ["--log-dir", "none"])
  }, 120_000)
  afterEach(() => {
    leave.abort()
    leave = new AbortController()
  })
  afterAll(async () => {
    await fleet?.stop()
    await relay?.close()
    await Promise.all(made.map((container) => container.remove()))
    await engine.close()
  }, 120_000)

  /** Runs a container until the proxy lists it, and tells how to make it write. */
  const running = async (spec: ContainerSpec = { script: ON_DEMAND }) => {
    const container = await engine.run(spec)
    made.push(container)
    await fleet.listed(container.id, ({ state }) => state === "running")
    const write = () => engine.request("POST", `/containers/${container.id}/kill?signal=USR1`)
    return { container, write, path: `/containers/edge-1/${container.id}/logs` }
  }
  const follow = (path: string, accept = "text/plain") => fleet.get(path, { accept, signal: leave.signal })
  /** Waits until the script stands in its loop; the engine has logged its word by then. */
  const ready = async (path: string) => {
    await reading(await follow(`${path}?follow=1&stderr=1`)).through("ready\n")
    leave.abort()
    leave = new AbortController()
  }

  it.each([
    ["text/plain", "edge-1 | line ", "\n"],
    ["application/x-ndjson", '"line":"line ', '"}\n'],
    ["text/event-stream", '"line":"line ', '"}\n\n'],
    ["application/vnd.docker.multiplexed-stream", "line ", "\n"],
  ])(
    "as %s brings each line before the next is written, and its headers before the first",
    { timeout: 120_000 },
    async (accept, before, after) => {
      const { path, write } = await running()
      await ready(path)
      const response = await follow(`${path}?follow=1&tail=0&stdout=1`, accept)
      expect([response.status, response.headers.get("content-type")?.split(";")[0]]).toEqual([200, accept])
      const log = reading(response)
      for (let k = 1; k <= 5; k++) {
        await write()
        expect(await log.through(`${before}${k}${after}`)).not.toContain(`${before}${k + 1}`)
      }
    },
  )

  it("keeps the two streams' lines apart and whole while both are written", { timeout: 120_000 }, async () => {
    const { path, write } = await running()
    await ready(path)
    const log = reading(await follow(`${path}?follow=1&tail=0&format=ndjson`))
    for (let k = 1; k <= 3; k++) {
      await write()
      const lines = objects((await log.through("}\n")) + (await log.through("}\n"))) as ReadonlyArray<{
        stream: string
        line: string
      }>
      expect(lines.map(({ line, stream }) => `${stream} ${line}`).sort()).toEqual([
        `stderr also ${k}`,
        `stdout line ${k}`,
      ])
    }
  })

  const asIs = (whole: string): unknown => whole
  const thenTheEnd = (line: object) => [line, { end: { reason: "stopped" } }]
  it.each([
    ["text", asIs, () => "line 1\n"],
    ["multiplexed", asIs, () => "\u0001\0\0\0\0\0\0\u0007line 1\n"],
    ["ndjson", objects, thenTheEnd],
    ["sse", EndToEndFleet.events, thenTheEnd],
  ])("as %s ends well when its container stops", { timeout: 120_000 }, async (format, read, expected) => {
    const { container, path, write } = await running()
    await ready(path)
    const log = reading(await follow(`${path}?follow=1&tail=0&stdout=1&host=none&format=${format}`))
    await write()
    const first = await log.through("line 1")
    await container.stop()
    const { id, name } = container
    const time = expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:]{8}\.\d{9}Z$/) as string
    const line = { source: "edge-1", container: name, id, stream: "stdout", time, line: "line 1" }
    expect(read(first + (await log.rest()))).toEqual(expected(line))
  })

  it("says at its end that the container was removed", { timeout: 120_000 }, async () => {
    const { container, path } = await running()
    await ready(path)
    const log = reading(await follow(`${path}?follow=1&format=ndjson`))
    await log.through(`"line":"ready"}\n`)
    await container.remove()
    made.splice(made.indexOf(container), 1)
    expect(objects(await log.rest())).toEqual([{ end: { reason: "removed" } }])
  })

  it("goes on while its container takes its time to stop", { timeout: 120_000 }, async () => {
    const { container, path, write } = await running({ script: UNHURRIED })
    await ready(path)
    const open = async () => reading(await follow(`${path}?follow=1&tail=0&format=ndjson`))
    const early = await open()
    const owner = new RealEngine(socket)
    const stopped = owner.request("POST", `/containers/${container.id}/stop?t=50`)
    await early.through(`"line":"stopping"}\n`)
    const follows = () => relay.requests.filter((one) => one.includes(container.id) && one.includes("follow=1")).length
    const before = follows()
    const late = await open()
    // Podman ends a follow that begins now at once: it has to be asked again and again.
    const enough = before + (kind === "podman" ? 3 : 1)
    await EndToEndFleet.until("the follow to stand", async () => (follows() >= enough ? true : undefined))
    await write()
    for (const log of [early, late]) await log.through(`"line":"more"}\n`)
    expect((await fleet.listed(container.id)).state).toBe("running")
    await engine.request("POST", `/containers/${container.id}/kill?signal=USR2`)
    for (const log of [early, late]) expect(objects(await log.rest())).toEqual([{ end: { reason: "stopped" } }])
    await stopped
    await owner.close()
  })

  it("goes on over a pause and a new name", { timeout: 120_000 }, async () => {
    const { container, path, write } = await running()
    await ready(path)
    const log = reading(await follow(`${path}?follow=1&tail=0&stdout=1`))
    await engine.request("POST", `/containers/${container.id}/pause`)
    await engine.request("POST", `/containers/${container.id}/unpause`)
    await write()
    await log.through("line 1\n")
    await engine.request("POST", `/containers/${container.id}/rename?name=${container.name}-renamed`)
    await write()
    expect(await log.through("line 2\n")).toBe("edge-1 | line 2\n")
  })

  it(
    "goes on by name with the container's next run, and with another container of that name",
    { timeout: 120_000 },
    async () => {
      const { container } = await running({ script: "echo first; sleep 100000" })
      const { name, id } = container
      const log = reading(await follow(`/containers/edge-1/${name}/logs?follow=1&format=ndjson`))
      await log.through(`"line":"first"}\n`)
      await container.stop()
      await container.start()
      const marked = (why: string, of: string) => ({ next: { container: name, id: of, why } })
      const isNext = (object: unknown) => typeof object === "object" && object !== null && "next" in object
      const restarted = objects(await log.through(`"line":"first"}\n`))
      await container.remove()
      made.splice(made.indexOf(container), 1)
      const other = await engine.run({ script: "echo second; sleep 100000", name })
      made.push(other)
      const recreated = objects(await log.through(`"line":"second"}\n`))
      // Where it runs again before its end was seen, its log has never ended, or its end is told behind the next line.
      expect([[], [marked("restarted", id)]]).toContainEqual([...restarted, ...recreated.slice(0, -2)].filter(isNext))
      expect(recreated.at(-2)).toEqual(marked("recreated", other.id))
    },
  )

  it("is let go of at the engine when its reader leaves, writing or not", { timeout: 120_000 }, async () => {
    const { container, path, write } = await running()
    await ready(path)
    const open = (paths: ReadonlyArray<string>) => paths.filter((one) => one.includes(container.id)).length
    await relay.until((paths) => open(paths) === 0)
    const idle = await follow(`${path}?follow=1&tail=0`)
    const writing = reading(await follow(`${path}?follow=1&tail=0&stdout=1`))
    await relay.until((paths) => open(paths) === 2)
    await write()
    await writing.through("line 1")
    expect(idle.bodyUsed).toBe(false)
    leave.abort()
    await relay.until((paths) => open(paths) === 0)
  })

  it("goes on with the next line where the source is killed and started again", { timeout: 120_000 }, async () => {
    const { path, write } = await running()
    await ready(path)
    const logs = await Promise.all(
      ["text", "ndjson", "sse", "multiplexed"].map(async (format) =>
        reading(await follow(`${path}?follow=1&tail=0&stdout=1&format=${format}`)),
      ),
    )
    await write()
    await Promise.all(logs.map((log) => log.through("line 1")))
    await fleet.source("edge-1").stop("SIGKILL")
    await write()
    await fleet.startSource("edge-1", relay.socket)
    const since = await Promise.all(logs.map((log) => log.through("line 2")))
    for (const text of since) expect(text).not.toContain("line 1")
  })

  it("breaks off where the proxy is killed; the source links again by itself", { timeout: 120_000 }, async () => {
    const { path, write } = await running()
    await ready(path)
    const log = reading(await follow(`${path}?follow=1&tail=0&stdout=1&format=ndjson`))
    await write()
    await log.through("line 1")
    const source = fleet.source("edge-1")
    await fleet.proxy().stop("SIGKILL")
    await expect(log.rest()).rejects.toThrow("terminated")
    await relay.until((paths) => paths.length === 0)
    await fleet.startProxy()
    await fleet.sourceIs("edge-1", ({ connected, containers }) => connected && containers > 0)
    expect(source.child.exitCode).toBeNull()
    const again = reading(await follow(`${path}?follow=1&stdout=1&host=none`))
    expect(await again.through("line 1\n")).toBe("line 1\n")
    await write()
    expect(await again.through("line 2\n")).toBe("line 2\n")
  })

  it("has asked nothing of the engine but what a source may", () => {
    expect(relay.requests.length).toBeGreaterThan(50)
    expect(relay.requests.filter((line) => !MAY[kind].some((pattern) => pattern.test(line)))).toEqual([])
  })
})

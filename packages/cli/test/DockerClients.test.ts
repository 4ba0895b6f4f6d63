import { RealEngine, type RealContainer } from "@rdl/test-kit/RealEngine"
import { FastCheck as fc } from "effect"
import { randomBytes } from "node:crypto"
import { mkdirSync, writeFileSync } from "node:fs"
import { Agent, request } from "node:http"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { docker as dockerFor, type Docker, hasDocker } from "./DockerFleet.ts"
import * as EndToEndFleet from "./EndToEndFleet.ts"
import { rdlProcess, serving } from "./RdlProcess.ts"

const rdl = rdlProcess()
const sockets = EndToEndFleet.engines
/** Marks the containers of this run. */
const run = randomBytes(4).toString("hex")

const RACKET =
  "seq 1 300; seq 1 40 >&2; head -c 40000 /dev/zero | tr '\\0' x; echo; printf 'a\\000b\\n'; printf 'no end'"

interface Host {
  readonly engine: RealEngine
  readonly source: string
  readonly stopped: RealContainer
  readonly terminal: RealContainer
  readonly running: RealContainer
}

describe.skipIf(sockets.length < 2 || !hasDocker())("Docker's own command", () => {
  let fleet: EndToEndFleet.EndToEndFleet
  let docker: Docker
  const hosts: Array<Host> = []
  const labels = (more: Record<string, string>) => ({ "rdl.run": run, ...more })

  beforeAll(async () => {
    fleet = await EndToEndFleet.start(rdl, sockets)
    docker = dockerFor(fleet.url, fleet.token)
    for (const [index, socket] of sockets.entries()) {
      const engine = new RealEngine(socket)
      const stopped = await engine.create({
        script: `${RACKET}; exit 3`,
        name: `racket-${run}`,
        labels: labels({ a: "1" }),
      })
      const terminal = await engine.create({
        script: "echo one; echo two >&2; exit 0",
        tty: true,
        labels: labels({ a: "2" }),
      })
      const running = await engine.create({
        script: "echo up; exec sleep 600",
        name: `still-${run}`,
        labels: labels({ b: "" }),
      })
      for (const container of [stopped, terminal, running]) await container.start()
      await Promise.all([stopped.wait(), terminal.wait()])
      hosts.push({ engine, source: `edge-${index + 1}`, stopped, terminal, running })
      for (const { id } of [stopped, terminal]) await fleet.listed(id, ({ status }) => status.startsWith("Exited ("))
      await fleet.listed(running.id, ({ state }) => state === "running")
    }
  }, 120_000)

  afterAll(async () => {
    for (const { engine, running, stopped, terminal } of hosts) {
      await Promise.all([running, stopped, terminal].map((container) => container.remove().catch(() => {})))
      await engine.close()
    }
    await fleet?.stop()
  })

  it("lists as at the engine, but for the names", async () => {
    // One label by itself: in what order all of them are told is chance with Docker 20.10's command.
    const format = `{{.ID}}|{{.Image}}|{{.Command}}|{{.Names}}|{{.Ports}}|{{.State}}|{{.Label "rdl.run"}}|{{.CreatedAt}}`
    const words = ["ps", "-a", "--no-trunc", "--filter", `label=rdl.run=${run}`, "--format", format]
    const through = await docker.rdl(...words)
    expect(through).toMatchObject({ code: 0, stderr: "" })
    for (const { engine, source } of hosts) {
      const { stdout } = await docker.engine(engine.socket, ...words)
      const own = through.stdout.split("\n").filter((line) => line.includes(`|${source}/`))
      expect(own.map((line) => line.replace(`|${source}/`, "|")).sort()).toEqual(stdout.trim().split("\n").sort())
    }
    const table = await docker.rdl("ps", "--filter", `name=still-${run}`)
    expect(table.stdout).toMatch(new RegExp(`edge-\\d/still-${run}\n.*edge-\\d/still-${run}\n$`))
  })

  it.each([
    [],
    ["--tail", "7"],
    ["--tail", "0"],
    ["-t", "--tail", "20"],
    ["--details"],
    ["--since", "1h"],
    ["--until", "1h"],
    ["--since", "2000-01-01T00:00:00Z", "--until", "30m"],
    ["-f"],
    ["-f", "-t", "--details", "--since", "1h", "--tail", "3"],
  ])("shows logs to the byte: %s %s %s %s", async (...flags) => {
    for (const { engine, source, stopped, terminal } of hosts)
      for (const { id, name } of [stopped, terminal]) {
        const truth = await docker.engine(engine.socket, "logs", ...flags, name)
        const refs = flags.length === 0 ? [`${source}/${name}`, id, id.slice(0, 12)] : [`${source}/${name}`]
        for (const ref of refs) expect(await docker.rdl("logs", ...flags, ref)).toEqual(truth)
        expect(truth.code).toBe(0)
      }
  })

  it("inspects what may leave a host, and that as it is at the engine", async () => {
    for (const { engine, source, running, stopped } of hosts)
      for (const { id, name } of [running, stopped]) {
        const [told] = JSON.parse((await docker.rdl("inspect", `${source}/${name}`)).stdout)
        const [truth] = JSON.parse((await docker.engine(engine.socket, "inspect", id)).stdout)
        expect(told.Name).toBe(`/${source}/${name}`)
        const hidden = { Path: "", Args: [], Mounts: [] }
        expect(told).toMatchObject({ ...hidden, Config: { Env: [], Cmd: [] }, NetworkSettings: { Networks: {} } })
        const shown = { ...truth, ...hidden, Name: told.Name }
        shown.Config = { ...truth.Config, Env: [], Cmd: [] }
        shown.NetworkSettings = { ...truth.NetworkSettings, Networks: {}, Ports: truth.NetworkSettings.Ports ?? {} }
        shown.HostConfig = { ...truth.HostConfig, PortBindings: truth.HostConfig.PortBindings ?? {} }
        expect(shown).toMatchObject(told)
      }
  })

  it("shows processes as at the engine", async () => {
    for (const { engine, source, running } of hosts)
      for (const words of [[], ["-o", "pid,ppid,comm"], ["aux"]]) {
        const through = await docker.rdl("top", `${source}/${running.name}`, ...words)
        const truth = await docker.engine(engine.socket, "top", running.name, ...words)
        // How much of a processor it takes is measured anew each time.
        const steady = (text: string) => text.replaceAll(/\d+\.\d+|\b\d+\s+(?=\d\d:\d\d)/g, "N")
        expect(steady(through.stdout)).toBe(steady(truth.stdout))
        expect(through.code).toBe(0)
      }
    const refused = await docker.rdl("top", `edge-1/still-${run}`, "-ef", "-o", "pid,args")
    expect(refused.code).toBe(1)
    expect(refused.stderr).toMatch(/ps_args .* is not taken: rdl knows/)
    const stopped = await docker.rdl("top", `edge-2/racket-${run}`)
    expect(stopped.stderr).toMatch(/edge-2 answered: [Cc]ontainer \w+ is not running/)
  })

  it("shows figures of several hosts, once and as they change", async () => {
    const once = await docker.rdl("stats", "--no-stream", "--format", "{{.Name}} {{.MemUsage}}")
    for (const { source } of hosts)
      expect(once.stdout).toMatch(new RegExp(`^${source}/still-${run} [\\d.]+[KM]iB / `, "m"))
    const live = serving(docker.start("stats", "--format", "{{.Name}} {{.MemUsage}}"))
    for (const { source } of hosts) await live.says(new RegExp(`${source}/still-${run} [\\d.]+[KM]iB / `))
    await live.stop("SIGTERM")
  })

  it("tells events as the engines do, those of a span and those to come", async () => {
    const live = serving(docker.start("events", "--filter", `label=rdl.run=${run}`, "--format", "{{json .}}"))
    // What was before it listened it never tells: something goes on until it is heard of each host.
    for (const { engine, running } of hosts)
      while (!live.stdout().includes(running.id)) {
        for (const action of ["pause", "unpause"]) await engine.request("POST", `/containers/${running.id}/${action}`)
        await new Promise((resolve) => setTimeout(resolve, 100))
      }
    const since = hosts[0]!.stopped
    const { Created } = await hosts[0]!.engine.json<{ Created: string }>(`/containers/${since.id}/json`)
    const begun = String(Math.floor(Date.parse(Created) / 1000))
    const passing = await Promise.all(
      hosts.map(({ engine }, i) =>
        engine.runToEnd({ script: "exit 4", name: `passing-${run}-${i}`, labels: labels({}) }),
      ),
    )
    for (const { id } of passing) await live.says(new RegExp(`"status":"die","id":"${id}"`))
    await Promise.all(passing.map((container) => container.remove()))
    for (const { id } of passing) await live.says(new RegExp(`"status":"destroy","id":"${id}"`))
    await live.stop("SIGTERM")
    const until = String(Math.ceil(Date.now() / 1000))
    for (const [i, { engine, source }] of hosts.entries()) {
      const words = ["events", "--since", begun, "--until", until, "--filter", `container=passing-${run}-${i}`]
      const through = await docker.rdl(...words, "--format", "{{json .}}")
      const truth = await docker.engine(engine.socket, ...words, "--format", "{{json .}}")
      const strip = (line: string) => line.replaceAll(/"(?:execDuration|signal)":"\w+",/g, "")
      expect(through.stdout.replaceAll(`"name":"${source}/`, `"name":"`)).toBe(strip(truth.stdout))
      expect(through.stdout.match(/"Action":"(\w+)"/g)).toEqual(
        ["create", "start", "die", "destroy"].map((a) => `"Action":"${a}"`),
      )
      expect(through.code).toBe(0)
    }
  })

  it("tells who answers", async () => {
    expect((await docker.rdl("version")).stdout).toMatch(/Server: rdl[^]*edge-1:\n +Version: +docker \d[^]*edge-2:/)
    expect((await docker.rdl("info")).stdout).toMatch(/Operating System: rdl, 2 sources/)
    expect(await docker.rdl("port", `edge-1/still-${run}`)).toMatchObject({ code: 0, stderr: "" })
    for (const words of [["images"], ["network", "ls"], ["volume", "ls"]])
      expect(await docker.rdl(...words, "-q")).toEqual({ code: 0, stdout: "", stderr: "" })
  })

  it.each([
    ["run", "--rm", "rdl-test:1", "true"],
    ["exec", "REF", "true"],
    ["rm", "-f", "REF"],
    ["stop", "REF"],
    ["kill", "REF"],
    ["pause", "REF"],
    ["rename", "REF", "other"],
    ["cp", "REF:/etc/passwd", "-"],
    ["export", "REF"],
    ["diff", "REF"],
    ["commit", "REF"],
    ["pull", "busybox"],
    ["build", "DIRECTORY"],
    ["container", "prune", "-f"],
    ["system", "df"],
  ])("refuses to %s", async (...words) => {
    const context = join(rdl.directory, "context")
    mkdirSync(context, { recursive: true })
    writeFileSync(join(context, "Dockerfile"), "FROM scratch\n")
    const { code, stderr, stdout } = await docker.rdl(
      ...words.map((word) => word.replace("REF", `edge-1/still-${run}`).replace("DIRECTORY", context)),
    )
    expect(code).toBeGreaterThan(0)
    // Docker 20.10's `cp` has its own words for a 404.
    expect(stderr).toMatch(
      /Error response from daemon: rdl (?:only reads|shows containers)|Error: No such container:path/,
    )
    expect(stdout).not.toContain("root:")
    const { State } = await hosts[0]!.engine.json<{ State: { Running: boolean } }>(
      `/containers/${hosts[0]!.running.id}/json`,
    )
    expect(State.Running).toBe(true)
  })

  it("hears in Docker's words of what is not there, or not one", async () => {
    expect(await docker.rdl("logs", "nothing")).toMatchObject({
      code: 1,
      // Docker 20.10's command has fewer words for it.
      stderr: expect.stringMatching(/^Error(?: response from daemon)?: No such container: nothing\n$/),
    })
    const { code, stderr } = await docker.rdl("logs", `still-${run}`)
    expect(code).toBe(1)
    expect(stderr).toMatch(new RegExp(`Multiple IDs found with provided prefix: still-${run} \\(edge-1/still`))
  })

  it("is told where a log that it follows breaks off", async () => {
    const proxy = fleet.proxy()
    const log = serving(docker.start("logs", "-f", `edge-1/still-${run}`))
    await log.says(/up/)
    await proxy.stop("SIGKILL")
    expect(await log.ended).toBe(1)
    expect(log.stderr()).toMatch(/unexpected EOF/)
    await fleet.startProxy()
    for (const { source, running } of hosts) {
      await fleet.sourceIs(source, ({ connected }) => connected)
      await fleet.listed(running.id, ({ state }) => state === "running")
    }
  }, 90_000)

  it("filters lists as the engine does", async () => {
    const agent = new Agent({ keepAlive: true })
    const ids = (options: object, query: string) =>
      new Promise<ReadonlyArray<string> | number>((resolve, reject) => {
        const asked = request({ ...options, agent, path: `/v1.41/containers/json?${query}` }, (response) => {
          let text = ""
          response.setEncoding("utf8").on("data", (part: string) => (text += part))
          response.on("end", () => {
            if (response.statusCode !== 200) return resolve(response.statusCode ?? 0)
            resolve((JSON.parse(text) as ReadonlyArray<{ Id: string }>).map(({ Id }) => Id).sort())
          })
        })
        asked.on("error", reject).end()
      })
    const { hostname, port } = new URL(fleet.url)
    const headers = { authorization: `Bearer ${await fleet.issue("one", "--allow-source", "edge-1")}` }
    for (const [index, { engine, running, stopped, terminal }] of hosts.entries()) {
      headers.authorization = `Bearer ${await fleet.issue(`of-${index}`, "--allow-source", `edge-${index + 1}`)}`
      const known = [running, stopped, terminal]
      const name = fc.oneof(
        fc.constantFrom(
          "",
          "^still",
          "^/still",
          `still-${run}$`,
          "still|racket",
          "r[a-c]+k.t-",
          "(",
          "[",
          "^.*$",
          "STILL",
          "\\d{2}",
        ),
        fc.constantFrom(...known.map((one) => one.name), `/${running.name}`, `(?i)STILL-${run}`),
      )
      const values = {
        name,
        id: fc.constantFrom(...known.flatMap(({ id }) => [id, id.slice(0, 12), id.slice(3, 20)]), "zz", ""),
        label: fc.constantFrom("a", "a=1", "a=2", "b", "b=", "a=", "c", "=", ""),
        status: fc.constantFrom("running", "exited", "created", "paused", "dead", "bogus"),
        exited: fc.constantFrom("0", "3", "-1", "+3", "x", ""),
        ancestor: fc.constantFrom("rdl-test:1", "rdl-test", "nothing", "rdl-test:2"),
      }
      const filters = fc.record(
        Object.fromEntries(
          Object.entries(values).map(([key, value]) => [key, fc.array(value, { maxLength: 2 })]),
        ) as Record<keyof typeof values, fc.Arbitrary<Array<string>>>,
        { requiredKeys: [] },
      )
      const form = fc.boolean()
      await fc.assert(
        fc.asyncProperty(
          filters,
          form,
          fc.constantFrom("", "&all=1", "&all=0", "&limit=0", "&limit=-1", "&limit=1000"),
          async (given, old, rest) => {
            // The engines are everybody's: only what this run made is compared.
            const own: Record<string, Array<string>> = {
              ...given,
              label: [...(given["label"] ?? []), `rdl.run=${run}`],
            }
            const written = old
              ? Object.fromEntries(
                  Object.entries(own).map(([key, all]) => [key, Object.fromEntries(all.map((one) => [one, true]))]),
                )
              : own
            const query = `filters=${encodeURIComponent(JSON.stringify(written))}${rest}`
            const truth = await ids({ socketPath: engine.socket }, query)
            const through = await ids({ hostname, port, headers }, query)
            // What means nothing is a bad request at newer engines, and a fault of the older one.
            expect(through).toEqual(truth === 500 ? 400 : truth)
          },
        ),
        { numRuns: 150 },
      )
    }
    agent.destroy()
  })
})

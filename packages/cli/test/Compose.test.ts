import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { engineSockets, type RealContainer, RealEngine } from "@rdl/test-kit/RealEngine"
import { spawn } from "node:child_process"
import { chmodSync, chownSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { Compose, freePort, type Project, toolsAreThere } from "./Compose.ts"
import { rdlProcess, serving } from "./RdlProcess.ts"

const rdl = rdlProcess()
const [socket = ""] = engineSockets()

/** The certificate's key is given to nginx's user, which takes root, as CI is. */
const isRoot = process.getuid?.() === 0

describe.skipIf(socket === "" || !isRoot || !toolsAreThere())("the images and compose files", () => {
  const engine = new RealEngine(socket)
  const compose = new Compose(rdl.directory, socket)
  let container: RealContainer
  let ticking: RealContainer
  let token = ""
  let ca = ""

  const secret = async (
    name: string,
    words: ReadonlyArray<string>,
    owner: number,
    env: Record<string, string> = {},
  ) => {
    const { code, stderr, stdout } = await rdl.run(words, { env })
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" })
    const path = join(compose.secrets, name)
    writeFileSync(path, stdout)
    chmodSync(path, 0o440)
    chownSync(path, owner, owner)
    return stdout
  }

  /** Asks until the log is there; the whole answer, without the name of the source. */
  const logOf = async (proxy: string, env: Record<string, string> = {}): Promise<string> => {
    const words = ["logs", `edge-1/${container.name}`, "--host=none", `--proxy=${proxy}`]
    for (;;) {
      const { code, stdout } = await rdl.run(words, { env: { RDL_TOKEN: token, ...env } })
      if (code === 0) return stdout
    }
  }

  /** How the source there reads logs; none of one that has not linked. */
  const readersAt = async (proxy: string): Promise<ReadonlyArray<string>> => {
    const { stdout } = await rdl.run(["sources", "--output=json"], { env: { RDL_PROXY: proxy, RDL_TOKEN: token } })
    const [found] = JSON.parse(stdout) as ReadonlyArray<{ readonly readers?: ReadonlyArray<string> }>
    return found?.readers ?? []
  }

  const health = (project: Project, service: "proxy" | "source") =>
    project.compose("exec", "-T", service, "/usr/local/bin/node", `/usr/local/lib/rdl/rdl-${service}.js`, "health")

  beforeAll(async () => {
    chmodSync(rdl.directory, 0o755)
    const key = await secret("signing.jwk", ["key", "generate"], 0)
    const env = { RDL_KEY: key }
    await secret("public.jwk", ["key", "public"], 65_532, env)
    await secret("source.token", ["token", "issue", "--source=edge-1"], 65_532, env)
    token = await secret("user.token", ["token", "issue", "--user=ada"], 0, env)
    await Promise.all([
      compose.build(),
      engine.runToEnd({ script: "seq 1 1000; printf 'no end'" }).then((made) => (container = made)),
      engine.run({ script: TICKING }).then((made) => (ticking = made)),
      compose.certificate(101, "localhost").then((made) => (ca = made)),
    ])
  }, 120_000)
  afterAll(async () => {
    await compose.clean()
    await container?.remove()
    await ticking?.remove()
    await engine.close()
  }, 120_000)

  it("are one Node and one program, run by nobody in particular, and no larger than that", async () => {
    const size = async (name: string) =>
      Number(await compose.docker("image", "inspect", "-f", "{{.Size}}", compose.image(name)))
    const node = await size("node")
    for (const name of ["proxy", "source"]) {
      expect((await size(name)) - node).toBeLessThan(4 * 1024 * 1024)
      const config = JSON.parse(await compose.docker("image", "inspect", "-f", "{{json .Config}}", compose.image(name)))
      expect(config).toMatchObject({ User: "65532:65532", StopSignal: "SIGTERM", Healthcheck: expect.anything() })
      expect(await compose.docker("run", "--rm", compose.image(name), "--version")).toMatch(/^\d+\.\d+\.\d+$/)
      const shell = compose.docker("run", "--rm", "--entrypoint=/bin/sh", compose.image(name), "-c", "true")
      await expect(shell).rejects.toThrow(/no such file/)
    }
  }, 60_000)

  it("carry a log on one machine, say that they are well, and stop cleanly when told to", async () => {
    const RDL_PORT = await freePort()
    const project = await compose.up("try.yaml", { RDL_PORT })
    expect(await logOf(`http://127.0.0.1:${RDL_PORT}`)).toBe(`${numbers(1_000)}no end`)
    expect(await health(project, "proxy")).toBe("ready\n")
    expect(await health(project, "source")).toMatch(/^linked to its proxy over /)
    const proxy = await project.container("proxy")
    const source = await project.container("source")
    // Without its proxy a source is not well; both end by the image's signal, long before they would be killed.
    expect(await exitCode(proxy)).toBe("0")
    await expect(untilIll(project)).resolves.toMatch(
      /the source is (dialling its proxy|waiting to dial its proxy again: )/,
    )
    expect(await exitCode(source)).toBe("0")
    await project.down()
  }, 90_000)

  it("carry a log between two machines, through the engine or from its files", async () => {
    const RDL_PORT = await freePort()
    const proxy = await compose.up("proxy.yaml", { RDL_PORT })
    const at = `http://127.0.0.1:${RDL_PORT}`
    const source = await compose.up("source.yaml", { RDL_PROXY: at }, ON_THIS_HOST)
    expect(await logOf(at)).toBe(`${numbers(1_000)}no end`)
    expect(await readersAt(at)).toEqual(["engine"])
    await source.down()
    const { DockerRootDir } = await engine.json<{ readonly DockerRootDir: string }>("/info")
    const env = { RDL_PROXY: at, DOCKER_CONTAINERS: join(DockerRootDir, "containers") }
    const reading = await compose.up(["source.yaml", "source-files.yaml"], env, ON_THIS_HOST)
    while ((await readersAt(at)).length < 2);
    expect(await readersAt(at)).toEqual(["files", "engine"])
    expect(await logOf(at)).toBe(`${numbers(1_000)}no end`)
    expect(await health(reading, "source")).toMatch(/^linked to its proxy over /)
    await reading.down()
    await proxy.down()
  }, 120_000)

  it("carry a log through TLS of nginx, from an engine that is asked nothing but a source's questions", async () => {
    const RDL_TLS_PORT = await freePort()
    const url = `https://localhost:${RDL_TLS_PORT}`
    const front = await compose.up("tls.yaml", { RDL_TLS_PORT })
    const gated = await compose.up(["socket-proxy.yaml", "source-ca.yaml"], { RDL_PROXY: url }, ON_THIS_HOST)
    await isFollowedThroughTls(url)
    // It would say if it did not believe nginx whose requests these are.
    expect(await front.compose("logs", "--no-color", "proxy")).not.toContain("X-Forwarded-For")
    const asked = await gated.compose("exec", "-T", "source", "/usr/local/bin/node", "--eval", ASK_THE_GATE)
    expect(JSON.parse(asked)).toEqual({
      "GET /v1.41/containers/json": 200,
      "POST /v1.41/containers/create": 403,
      "POST /v1.41/containers/abc/logs": 403,
      "DELETE /v1.41/containers/abc/json": 403,
      "GET /v1.41/containers/abc/export": 403,
      "GET /v1.41/containers/abc/archive?path=/": 403,
      "GET /v1.41/images/json": 403,
      "GET /v1.41/containers/%2e%2e/images/json": 403,
    })
    await gated.down()
    await front.down()
  }, 120_000)

  it("carry a log through TLS of the proxy's own, and not to a source that does not trust it", async () => {
    await compose.certificate(65_532, "localhost")
    const RDL_TLS_PORT = await freePort()
    const url = `https://localhost:${RDL_TLS_PORT}`
    const proxy = await compose.up("proxy-tls.yaml", { RDL_TLS_PORT })
    const stranger = await compose.up("source.yaml", { RDL_PROXY: url }, ON_THIS_HOST)
    let said = ""
    while (!/no link to .*the certificate of localhost:\d+ is not trusted/.test(said))
      said = await stranger.compose("logs", "--no-color", "source")
    await stranger.down()
    const source = await compose.up(["source.yaml", "source-ca.yaml"], { RDL_PROXY: url }, ON_THIS_HOST)
    await isFollowedThroughTls(url)
    expect(await health(proxy, "proxy")).toBe("ready\n")
    await source.down()
    await proxy.down()
  }, 120_000)

  /** What users do, trusting the authority, and what those get who do not. */
  const isFollowedThroughTls = async (url: string) => {
    const asking = { RDL_PROXY: url, RDL_TOKEN: token, RDL_TLS_CA: ca }
    expect(await logOf(url, asking)).toBe(`${numbers(1_000)}no end`)
    const listed = await Promise.all(
      ["sources", "ps"].map((what) => rdl.run([what, "--output=json"], { env: asking }).then(({ stdout }) => stdout)),
    )
    expect(JSON.parse(listed[0]!)).toMatchObject([{ name: "edge-1", connected: true, transport: "ws" }])
    expect(JSON.parse(listed[1]!)).toContainEqual(expect.objectContaining({ name: ticking.name, source: "edge-1" }))
    const name = `edge-1/${ticking.name}`
    const path = `${url}/containers/${name}/logs?follow=1&tail=0&host=none`
    const ask = ["--silent", "--show-error", "--no-buffer", "--header", `Authorization: Bearer ${token.trim()}`, path]
    const following = [
      serving(rdl.start(["logs", name, "--follow", "--tail=0", "--host=none"], { env: asking })),
      serving(spawn("curl", ["--cacert", ca, ...ask])),
    ]
    for (const follow of following) {
      await follow.says(/(tick \d+\n){10}/)
      await follow.stop("SIGTERM")
      const ticks = follow.stdout().split("\n").slice(0, 10)
      const first = Number(ticks[0]!.slice("tick ".length))
      expect(ticks).toEqual(ticks.map((_, at) => `tick ${first + at}`))
    }
    const doubting = await rdl.run(["logs", name], { env: { RDL_PROXY: url, RDL_TOKEN: token } })
    expect(doubting).toMatchObject({ code: 1, stdout: "", stderr: expect.stringContaining("is not trusted") })
    // curl's number for a certificate that nobody it trusts vouches for.
    expect(await serving(spawn("curl", ask)).ended).toBe(60)
  }

  const exitCode = async (id: string) => {
    await compose.docker("stop", "--time=10", id)
    return compose.docker("inspect", "-f", "{{.State.ExitCode}}", id)
  }

  /** What the source's examination says once it fails. */
  const untilIll = async (project: Project): Promise<string> => {
    for (;;) {
      const found = await health(project, "source").catch((error: { readonly stderr: string }) => error)
      if (typeof found !== "string") return found.stderr
    }
  }
})

const numbers = (count: number): string => Array.from({ length: count }, (_, at) => `${at + 1}\n`).join("")

/** Says something ten times a second, for as long as it runs. */
const TICKING = "i=0; while usleep 100000; do i=$((i + 1)); echo tick $i; done"

/** Where ports are published to this host alone, the source's machine is this host too. */
const ON_THIS_HOST = { services: { source: { network_mode: "host" } } }

/** Run where the source is: what the gate answers to questions that are a source's, and to others. */
const ASK_THE_GATE = `
  const { request } = require("node:http")
  const ask = ([method, path]) =>
    new Promise((resolve, reject) =>
      request({ socketPath: "/run/gate/engine.sock", method, path }, (answer) => {
        answer.resume()
        resolve([method + " " + path, answer.statusCode])
      }).on("error", reject).end())
  const abc = "/v1.41/containers/abc"
  Promise.all([
    ["GET", "/v1.41/containers/json"], ["POST", "/v1.41/containers/create"], ["POST", abc + "/logs"],
    ["DELETE", abc + "/json"], ["GET", abc + "/export"], ["GET", abc + "/archive?path=/"],
    ["GET", "/v1.41/images/json"], ["GET", "/v1.41/containers/%2e%2e/images/json"],
  ].map(ask)).then((found) => console.log(JSON.stringify(Object.fromEntries(found))))`

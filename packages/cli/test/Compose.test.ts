import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { engineSockets, type RealContainer, RealEngine } from "@rdl/test-kit/RealEngine"
import { execFile } from "node:child_process"
import { chmodSync, chownSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { promisify } from "node:util"
import { Compose, freePort, type Project, toolsAreThere } from "./Compose.ts"
import { rdlProcess } from "./RdlProcess.ts"

const rdl = rdlProcess()
const [socket = ""] = engineSockets()

/** The certificate's key is given to nginx's user, which takes root, as CI is. */
const isRoot = process.getuid?.() === 0

describe.skipIf(socket === "" || !isRoot || !toolsAreThere())("the images and compose files", () => {
  const engine = new RealEngine(socket)
  const compose = new Compose(rdl.directory, socket)
  let container: RealContainer
  let token = ""

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
    chmodSync(path, 0o400)
    chownSync(path, owner, 0)
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
    ])
  }, 120_000)
  afterAll(async () => {
    await compose.clean()
    await container?.remove()
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

  it("carry a log between two machines", async () => {
    const RDL_PORT = await freePort()
    const proxy = await compose.up("proxy.yaml", { RDL_PORT })
    const at = `http://127.0.0.1:${RDL_PORT}`
    // The proxy is published to this host alone, so the source's machine is this host too.
    const source = await compose.up(
      "source.yaml",
      { RDL_PROXY: at },
      { services: { source: { network_mode: "host" } } },
    )
    expect(await logOf(at)).toBe(`${numbers(1_000)}no end`)
    await source.down()
    await proxy.down()
  }, 90_000)

  it("carry a log through TLS, from an engine that is asked nothing but a source's questions", async () => {
    const [cert, key] = ["cert.pem", "cert.key"].map((name) => join(compose.secrets, name))
    const names = "subjectAltName=DNS:nginx,IP:127.0.0.1"
    const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    const request = ["req", "-x509", ...curve, "-subj", "/CN=rdl", "-addext", names, "-keyout", key!, "-out", cert!]
    await promisify(execFile)("openssl", request)
    chownSync(key!, 101, 0)
    const RDL_TLS_PORT = await freePort()
    const front = await compose.up("tls.yaml", { RDL_TLS_PORT })
    const network = { external: true, name: await networkOf(await front.container("nginx")) }
    const source = {
      networks: ["front"],
      environment: { NODE_EXTRA_CA_CERTS: "/run/secrets/cert.pem" },
      volumes: [`${cert}:/run/secrets/cert.pem:ro`],
    }
    const env = { RDL_PROXY: "https://nginx:8443" }
    const gated = await compose.up("socket-proxy.yaml", env, { services: { source }, networks: { front: network } })
    const trusting = { NODE_EXTRA_CA_CERTS: cert! }
    expect(await logOf(`https://127.0.0.1:${RDL_TLS_PORT}`, trusting)).toBe(`${numbers(1_000)}no end`)
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
  }, 90_000)

  const exitCode = async (id: string) => {
    await compose.docker("stop", "--time=10", id)
    return compose.docker("inspect", "-f", "{{.State.ExitCode}}", id)
  }

  const networkOf = (id: string) =>
    compose.docker("inspect", "-f", "{{range $name, $_ := .NetworkSettings.Networks}}{{$name}}{{end}}", id)

  /** What the source's examination says once it fails. */
  const untilIll = async (project: Project): Promise<string> => {
    for (;;) {
      const found = await health(project, "source").catch((error: { readonly stderr: string }) => error)
      if (typeof found !== "string") return found.stderr
    }
  }
})

const numbers = (count: number): string => Array.from({ length: count }, (_, at) => `${at + 1}\n`).join("")

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

import * as LocalAuthority from "@rdl/test-kit/LocalAuthority"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { chmodSync, existsSync, readFileSync, statSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { hasDocker } from "./DockerFleet.ts"
import { rdlProcess, type Serving, serving } from "./RdlProcess.ts"

const rdl = rdlProcess()

describe("rdl docker", () => {
  const authority = LocalAuthority.make()
  let plain: Serving
  let secure: Serving
  let token = ""
  const url = { plain: "", secure: "" }
  const state = join(rdl.directory, "state")
  const env = () => ({ RDL_TOKEN: token, RDL_STATE_DIR: state, PATH: process.env["PATH"] ?? "" })
  const mode = (path: string) => (statSync(path).mode & 0o777).toString(8)

  beforeAll(async () => {
    const file = (name: string, content: string) => {
      writeFileSync(join(rdl.directory, name), content)
      return join(rdl.directory, name)
    }
    const key = file("key.jwk", (await rdl.run(["key", "generate"])).stdout)
    token = (await rdl.run(["token", "issue", "--key-file", key, "--user", "ann"])).stdout.trim()
    const { cert, key: certKey } = authority.issue("proxy")
    const listen = ["proxy", "--listen", "127.0.0.1:0", "--key-file", key]
    plain = serving(rdl.start(listen))
    secure = serving(
      rdl.start([...listen, "--tls-cert", file("cert.pem", cert), "--tls-key", file("cert.key", certKey)]),
    )
    url.plain = (await plain.says(/listening on (\S+)/))[1] ?? ""
    url.secure = (await secure.says(/listening on (\S+)/))[1] ?? ""
  })
  afterAll(async () => {
    await Promise.all([plain?.stop(), secure?.stop()])
    authority.remove()
  })

  it("prints the line that points any client at the proxy, and keeps the token where nobody else can read it", async () => {
    const { code, stderr, stdout } = await rdl.run(["docker", "--proxy", url.plain], { env: env() })
    expect([code, stderr]).toEqual([0, ""])
    const [, config = "", host = ""] = /^export DOCKER_CONFIG=(\S+) DOCKER_HOST=(\S+)\n$/.exec(stdout) ?? []
    expect(host).toBe(url.plain.replace("http:", "tcp:"))
    expect(stdout).not.toContain(token)
    expect([mode(state), mode(join(state, "docker")), mode(config), mode(join(config, "config.json"))]).toEqual([
      "700",
      "700",
      "700",
      "600",
    ])
    expect(JSON.parse(readFileSync(join(config, "config.json"), "utf8"))).toEqual({
      HttpHeaders: { Authorization: `Bearer ${token}` },
    })
  })

  it("forgets it with rdl logout", async () => {
    await rdl.run(["docker", "--proxy", url.plain], { env: env() })
    expect(existsSync(join(state, "docker"))).toBe(true)
    expect((await rdl.run(["logout"], { env: env() })).code).toBe(0)
    expect(existsSync(join(state, "docker"))).toBe(false)
  })

  it("says in one sentence that there is no docker", async () => {
    const { code, stderr } = await rdl.run(["docker", "--proxy", url.plain, "--", "ps"], {
      env: { ...env(), PATH: rdl.directory },
    })
    expect(code).toBe(1)
    expect(stderr).toMatch(/^rdl: there is no docker command on this machine: install .*\n$/)
  })

  it("gives docker its words and its exit code, and none of our secrets or another daemon's settings", async () => {
    const bin = join(rdl.directory, "docker")
    writeFileSync(bin, '#!/bin/sh\necho "words: $*"\n/usr/bin/env | /usr/bin/sort\nexit 37\n')
    chmodSync(bin, 0o755)
    const foreign = {
      DOCKER_CONTEXT: "other",
      DOCKER_TLS_VERIFY: "1",
      DOCKER_CUSTOM_HEADERS: "a=b",
      DOCKER_HOST: "ssh://x",
    }
    const words = ["docker", "--proxy", url.plain, "--", "logs", "-f", "--tail=2", "edge-1/web", "--", "-x"]
    const { code, stderr, stdout } = await rdl.run(words, {
      env: { ...env(), ...foreign, PATH: rdl.directory, KEPT: "1" },
    })
    expect([code, stderr]).toEqual([37, ""])
    expect(stdout).toMatch(/^words: logs -f --tail=2 edge-1\/web -- -x\n/)
    expect(stdout).toContain(`DOCKER_HOST=${url.plain.replace("http:", "tcp:")}\n`)
    expect(stdout).toContain("KEPT=1\n")
    expect(stdout).not.toMatch(/RDL_|DOCKER_(?:CONTEXT|TLS_VERIFY|CUSTOM_HEADERS)=|ssh:/)
    expect(stdout).not.toContain(token)
  })

  describe.skipIf(!hasDocker())("with Docker's own command", () => {
    it.each(["plain", "secure"] as const)("reaches a %s proxy", async (kind) => {
      const ca = { NODE_EXTRA_CA_CERTS: join(authority.directory, "ca.pem") }
      const run = (...words: ReadonlyArray<string>) =>
        rdl.run(["docker", "--proxy", url[kind], ...words], { env: { ...env(), ...ca } })
      const listed = await run("--", "ps", "-a")
      expect(listed).toMatchObject({ code: 0, stderr: "" })
      expect(listed.stdout).toMatch(/^CONTAINER ID.*NAMES\n$/)
      expect((await run("--", "version")).stdout).toContain("Server: rdl")
      expect(await run("--", "logs", "nothing")).toMatchObject({
        code: 1,
        // Docker 20.10's command has fewer words for it.
        stderr: expect.stringMatching(/^Error(?: response from daemon)?: No such container: nothing\n$/),
      })
    })

    it("is told that a token is not good", async () => {
      const other = await rdl.run(["key", "generate"])
      writeFileSync(join(rdl.directory, "other.jwk"), other.stdout)
      const issue = ["token", "issue", "--key-file", join(rdl.directory, "other.jwk"), "--user", "eve"]
      const forged = (await rdl.run(issue)).stdout.trim()
      const { code, stderr } = await rdl.run(["docker", "--proxy", url.plain, "--", "ps"], {
        env: { ...env(), RDL_TOKEN: forged },
      })
      expect(code).toBe(1)
      expect(stderr).toMatch(/^Error response from daemon: rdl: missing or bad token/)
    })
  })
})

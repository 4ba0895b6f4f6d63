import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { engineSockets, type RealContainer, RealEngine } from "@rdl/test-kit/RealEngine"
import * as LocalAuthority from "@rdl/test-kit/LocalAuthority"
import { execFile } from "node:child_process"
import { copyFileSync, cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import * as SystemdMachine from "./SystemdMachine.ts"

const root = fileURLToPath(new URL("../../../", import.meta.url))
const [socket = ""] = engineSockets()

describe.skipIf(socket === "" || !SystemdMachine.canRun() || !LocalAuthority.isAvailable)("the units, started", () => {
  let directory = ""
  const inFiles = (path = "") => join(directory, "files", path)
  const engine = new RealEngine(socket)
  let machine: SystemdMachine.SystemdMachine
  let container: RealContainer

  /** The programs as npm installs them, and a Node where systemd looks for one. */
  const installPrograms = async () => {
    for (const path of ["usr/local/bin", "usr/local/lib/rdl", "etc/rdl"]) mkdirSync(inFiles(path), { recursive: true })
    await promisify(execFile)(process.execPath, [join(root, "packages/cli/build.mjs"), inFiles("usr/local/lib/rdl")])
    writeFileSync(inFiles("usr/local/lib/rdl/package.json"), '{"type":"module"}')
    for (const name of ["rdl", "rdl-proxy", "rdl-source"])
      symlinkSync(`../lib/rdl/${name}.js`, inFiles(`usr/local/bin/${name}`))
    copyFileSync(process.execPath, inFiles("usr/local/bin/node"))
  }

  const logOf = (words = "") => machine.run(`${ASKING} rdl logs edge-1/${container.name} --host=none ${words}`)

  /** Asks until there is an answer: links come up by themselves, and shortly. */
  const eventually = async (ask: () => Promise<string>, pattern: RegExp): Promise<string> => {
    const giveUp = Date.now() + 30_000
    while (true) {
      const found = await ask().catch((error: { readonly stderr: string }) => error.stderr)
      if (pattern.test(found) || Date.now() > giveUp) return found
    }
  }

  /** Properties of a unit as systemd shows them, `Name=value` each, in its own order. */
  const show = async (unit: string, ...properties: ReadonlyArray<string>) =>
    (await machine.run(`systemctl show ${unit} --property=${properties.join()}`))
      .trim()
      .split("\n")
      .toSorted()
      .join(" ")

  /** What the kernel says of its main process. */
  const statusOf = async (unit: string) =>
    new Map(
      (await machine.run(`cat /proc/$(systemctl show ${unit} -P MainPID)/status`))
        .split("\n")
        .map((line) => line.split(":\t") as [string, string]),
    )

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), "rdl-started-"))
    await installPrograms()
    cpSync(join(root, "deploy"), inFiles("root/deploy"), { recursive: true })
    const authority = LocalAuthority.make()
    const { cert, key } = authority.issue("localhost")
    authority.remove()
    for (const [name, text] of Object.entries({ "ca.pem": authority.ca, "cert.pem": cert, "cert.key": key }))
      writeFileSync(inFiles(`etc/rdl/${name}`), text, { mode: name === "cert.key" ? 0o600 : 0o644 })
    container = await engine.runToEnd({ script: "seq 1 1000; printf 'no end'" })
    const { DockerRootDir } = await engine.json<{ readonly DockerRootDir: string }>("/info")
    machine = await SystemdMachine.boot(inFiles(), [
      [socket, "/run/docker.sock"],
      [join(DockerRootDir, "containers"), "/var/lib/docker/containers"],
    ])
    await machine.run(INSTALL)
  }, 120_000)
  afterAll(async () => {
    await machine?.stop()
    await container?.remove()
    await engine.close()
    rmSync(directory, { recursive: true, force: true })
  }, 60_000)

  it("carry a log, as nobody in particular who may do nothing but use the engine's socket", async () => {
    await machine.run("systemctl enable --now rdl-proxy rdl-source")
    expect(await eventually(logOf, /no end/)).toBe(`${numbers(1_000)}no end`)
    const users = []
    for (const unit of ["rdl-proxy", "rdl-source"]) {
      const status = await statusOf(unit)
      const none = "0".repeat(16)
      expect(Object.fromEntries(status)).toMatchObject({ CapEff: none, CapBnd: none, NoNewPrivs: "1", Seccomp: "2" })
      users.push(status.get("Uid")!.split("\t")[0])
    }
    expect(users).not.toContain("0")
    expect(users[0]).not.toBe(users[1])
    const group = (await machine.run("stat -c %g /run/docker.sock")).trim()
    expect((await statusOf("rdl-source")).get("Groups")!.split(" ")).toContain(group)
    expect((await statusOf("rdl-proxy")).get("Groups")!.split(" ")).not.toContain(group)
    const health =
      "rdl-source health --health-file /run/rdl-source/health; rdl-proxy health --config /etc/rdl/proxy.yaml"
    expect(await machine.run(health)).toMatch(/^linked to its proxy over .*\nready\n$/)
    expect(await machine.run("cat /var/log/rdl/audit.jsonl")).toContain(`"container":"edge-1/${container.name}"`)
  }, 60_000)

  it("are there again when their processes were killed", async () => {
    for (const unit of ["rdl-proxy", "rdl-source"]) {
      await machine.run(`systemctl kill --signal=KILL --kill-who=main ${unit}`)
      const again = await eventually(() => show(unit, "ActiveState", "NRestarts"), /=active NRestarts=1/)
      expect(again).toBe("ActiveState=active NRestarts=1")
    }
    expect(await eventually(() => logOf("--tail=1"), /no end/)).toBe("no end")
  }, 60_000)

  it("stop cleanly, long before they would be killed", async () => {
    for (const unit of ["rdl-source", "rdl-proxy"]) {
      await machine.run(`systemctl stop ${unit}`)
      const state = await show(unit, "ActiveState", "ExecMainStatus", "Result")
      expect(state).toBe("ActiveState=inactive ExecMainStatus=0 Result=success")
    }
  }, 60_000)

  it("do not begin again and again with settings that cannot be used", async () => {
    await machine.run("cp /etc/rdl/source.token /etc/rdl/kept; install -m 600 /root/ada.token /etc/rdl/source.token")
    await machine.run("systemctl start rdl-source")
    const state = () => show("rdl-source", "ActiveState", "ExecMainStatus", "NRestarts")
    expect(await eventually(state, /=failed/)).toBe("ActiveState=failed ExecMainStatus=2 NRestarts=0")
    await machine.run("mv /etc/rdl/kept /etc/rdl/source.token; systemctl reset-failed rdl-source")
  }, 60_000)

  it("serve TLS on a port of their own, and read the engine's log files, with what they are given for that", async () => {
    await machine.run(`
      for unit in rdl-proxy rdl-source; do mkdir /etc/systemd/system/$unit.service.d; done
      cp /root/deploy/systemd/rdl-proxy-tls.conf /etc/systemd/system/rdl-proxy.service.d/
      cp /root/deploy/systemd/rdl-source-files.conf /etc/systemd/system/rdl-source.service.d/
      sed -i 's,^listen:.*,listen: 0.0.0.0:443,' /etc/rdl/proxy.yaml
      sed -i 's,^proxy:.*,proxy: https://localhost,; s,^# \\(tls-ca\\|log-dir\\):,\\1:,' /etc/rdl/source.yaml
      systemctl daemon-reload
      systemctl start rdl-proxy rdl-source`)
    const trusting = `RDL_PROXY=https://localhost RDL_TLS_CA=/etc/rdl/ca.pem RDL_TOKEN_FILE=/root/ada.token`
    const readers = async () => {
      const [found] = JSON.parse(await machine.run(`${trusting} rdl sources --output json`))
      return JSON.stringify(found?.readers)
    }
    expect(await eventually(readers, /files/)).toBe('["files","engine"]')
    const logs = `${trusting} rdl logs edge-1/${container.name} --host=none`
    expect(await machine.run(logs)).toBe(`${numbers(1_000)}no end`)
    // It may pass over permissions, so there has to be nothing else to read.
    const seen = "nsenter --mount --target $(systemctl show rdl-source -P MainPID)"
    expect(await machine.run(`${seen} ls /var /var/lib /var/lib/docker /root /home`)).toBe(SEEN)
    await expect(machine.run(`RDL_TLS_CA= ${logs.replace(/RDL_TLS_CA=\S+/, "")}`)).rejects.toThrow(/not trusted/)
  }, 60_000)
})

const numbers = (count: number): string => Array.from({ length: count }, (_, at) => `${at + 1}\n`).join("")

const ASKING = "RDL_PROXY=http://127.0.0.1:7070 RDL_TOKEN_FILE=/root/ada.token"

/** As docs/deploy.md says, with addresses and an audit of its own. */
const INSTALL = `
  cd /root
  umask 077
  rdl key generate > signing.jwk
  rdl key public --key-file signing.jwk > public.jwk
  rdl token issue --key-file signing.jwk --source edge-1 --ttl 365d > edge-1.token
  rdl token issue --key-file signing.jwk --user ada --ttl 90d > ada.token
  umask 022
  install -m 644 deploy/systemd/rdl-proxy.service deploy/systemd/rdl-source.service /etc/systemd/system/
  install -m 644 deploy/config/proxy.yaml deploy/config/source.yaml /etc/rdl/
  install -m 644 public.jwk /etc/rdl/
  install -m 600 edge-1.token /etc/rdl/source.token
  sed -i 's,^listen:.*,listen: 127.0.0.1:7070,; s,^# audit:,audit:,' /etc/rdl/proxy.yaml
  sed -i 's,^proxy:.*,proxy: http://127.0.0.1:7070,' /etc/rdl/source.yaml
  systemctl daemon-reload`

const SEEN = `/home:

/root:

/var:
lib
run
tmp

/var/lib:
docker

/var/lib/docker:
containers
`

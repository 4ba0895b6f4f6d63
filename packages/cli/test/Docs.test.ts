import { afterAll, beforeAll, describe, expect, it } from "vitest"
import * as SampleEngine from "@rdl/sample-engine/SampleEngine"
import { ownAddress } from "@rdl/test-kit/OwnAddress"
import { Effect, Exit, Scope } from "effect"
import { execFile, spawn } from "node:child_process"
import { randomUUID } from "node:crypto"
import { once } from "node:events"
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { type AddressInfo, createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import * as DocsPage from "./DocsPage.ts"

const root = fileURLToPath(new URL("../../../", import.meta.url))

const sessions = DocsPage.names(root).filter((name) => DocsPage.read(root, name).script !== undefined)

/** Ends what a shell has left running, if anything. */
const endGroup = (leader: number): void => {
  try {
    process.kill(-leader, "SIGKILL")
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error
  }
}

/** Where nobody listens until a page does. */
const freeAddress = async (): Promise<string> => {
  const server = createServer().listen(0, ownAddress)
  await once(server, "listening")
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, "close")
  return `${ownAddress}:${port}`
}

describe("a page of the documentation", () => {
  const directory = mkdtempSync(join(tmpdir(), "rdl-docs-"))
  const scope = Effect.runSync(Scope.make())
  let engine = ""

  beforeAll(async () => {
    const programs = join(directory, "bin")
    await promisify(execFile)(process.execPath, [join(root, "packages/cli/build.mjs"), programs])
    writeFileSync(join(programs, "package.json"), '{"type":"module"}')
    for (const name of ["rdl", "rdl-proxy", "rdl-source"])
      writeFileSync(join(programs, name), `#!/bin/sh\nexec '${process.execPath}' '${programs}/${name}.js' "$@"\n`, {
        mode: 0o755,
      })
    const samples = await Effect.runPromise(Scope.extend(SampleEngine.make(), scope))
    const web = samples.createContainer({ name: "web", image: "shop/web:3", state: "running" })
    web.log("stdout", "GET /cart 200\n")
    web.log("stderr", "ERROR: no answer from till\n")
    web.log("stdout", "GET /checkout 502\n")
    engine = samples.url
  })
  afterAll(async () => {
    await Effect.runPromise(Scope.close(scope, Exit.void))
    rmSync(directory, { recursive: true, force: true })
  })

  const replacements = (address: string): DocsPage.Replacements => [
    ["https://logs.example.org", `http://${address}`],
    ["tcp://logs.example.org:443", `tcp://${address}`],
    ["127.0.0.1:7070", address],
    ["/etc/rdl/", join(root, "deploy/config/")],
    ["sh deploy/", `sh ${join(root, "deploy/")}`],
  ]

  /** Runs a page in a directory of its own; what it started is gone afterwards. The exit code and all that was said. */
  const run = async (name: string, script: string) => {
    const cwd = join(directory, name.replaceAll("/", "-"))
    mkdirSync(cwd)
    symlinkSync(join(root, "node_modules"), join(cwd, "node_modules"))
    const env = { PATH: `${directory}/bin:${process.env["PATH"]}`, HOME: cwd, DOCKER_HOST: engine }
    const shell = spawn("bash", ["-c", script], { cwd, env, detached: true, stdio: ["ignore", "pipe", "pipe"] })
    let said = ""
    for (const stream of [shell.stdout, shell.stderr])
      stream.setEncoding("utf8").on("data", (text: string) => (said += text))
    // A loop that waits for what does not come has to end as well.
    const patience = setTimeout(() => shell.kill("SIGKILL"), 240_000)
    const closed = new Promise((resolve) => shell.once("close", resolve))
    const code = await new Promise((resolve) => shell.once("exit", resolve))
    clearTimeout(patience)
    endGroup(shell.pid!)
    await closed
    return { code, said }
  }

  // They have nothing in common, and mostly wait for programs to start.
  it.concurrent.each(sessions)(
    "has commands that work as they stand: %s",
    async (name) => {
      const { script = "" } = DocsPage.read(root, name, replacements(await freeAddress()))
      const { code, said } = await run(name, script)
      expect({ code, said: code === 0 ? "" : said }).toEqual({ code: 0, said: "" })
    },
    300_000,
  )

  const runPage = async (text: string) => {
    writeFileSync(join(directory, "page.md"), text)
    const { script = "" } = DocsPage.read(directory, "page.md")
    return run(`page-${randomUUID()}`, script)
  }

  it("runs what it says it runs: a command that fails is told by its page and line", async () => {
    const { code, said } = await runPage("# Page\n\n```sh\ntrue\n```\n\n```sh\nrdl --version\nfalse | cat\n```\n")
    expect(code).toBe(1)
    expect(said).toMatch(/^\d+\.\d+\.\d+\na command of page\.md:7 failed\n$/)
  })

  it("shows what it says it shows, also where it goes on, and leaves out what this machine has no program for", async () => {
    const good =
      "```sh (goes on; shows: it's on)\necho it\\'s on\nsleep 600\n```\n```sh (shows: on)\necho off and on\n```\n"
    expect(await runPage(good)).toEqual({ code: 0, said: "" })
    for (const fence of ["sh (shows: two)", "sh (goes on; shows: two)"]) {
      const { code, said } = await runPage(`\`\`\`${fence}\necho one\n\`\`\`\n`)
      expect({ code, said }).toEqual({ code: 1, said: "it did not show: two\na command of page.md:1 failed\none\n" })
    }
    const { code, said } = await runPage("```sh (needs: no-such-program)\nfalse\n```\n")
    expect({ code, said }).toEqual({ code: 0, said: "not run, for want of no-such-program: page.md:1\n" })
  })
})

import { afterAll, beforeAll, describe, expect, it } from "vitest"
import * as SampleEngine from "@rdl/sample-engine/SampleEngine"
import { Effect, Exit, Scope } from "effect"
import { execFile, spawn } from "node:child_process"
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import * as Proxy from "../src/commands/Proxy.ts"
import * as Source from "../src/commands/Source.ts"
import { keysOf } from "../src/SettingKey.ts"
import { freePort } from "./Compose.ts"
import * as DocsPage from "./DocsPage.ts"

const root = fileURLToPath(new URL("../../../", import.meta.url))

/** Every page there is: a new one is looked at by itself. */
const pages = ["README.md", ...readdirSync(join(root, "docs")).map((name) => join("docs", name))].filter((name) =>
  name.endsWith(".md"),
)

/** Ends what a shell has left running, if anything. */
const endGroup = (leader: number): void => {
  try {
    process.kill(-leader, "SIGKILL")
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error
  }
}

describe("the documentation", () => {
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
    samples.createContainer({ name: "web" }).log("stdout", "a line of log\n")
    engine = samples.url
  }, 60_000)
  afterAll(async () => {
    await Effect.runPromise(Scope.close(scope, Exit.void))
    rmSync(directory, { recursive: true, force: true })
  })

  const replacements = (port: string): DocsPage.Replacements => [
    ["https://logs.example.org", `http://127.0.0.1:${port}`],
    ["127.0.0.1:7070", `127.0.0.1:${port}`],
    ["/etc/rdl/", join(root, "deploy/config/")],
    ["sh deploy/", `sh ${join(root, "deploy/")}`],
  ]

  /** Runs a page in a directory of its own; what it started is gone afterwards. The exit code and all that was said. */
  const run = async (name: string, script: string) => {
    const cwd = join(directory, name.replaceAll("/", "-"))
    mkdirSync(cwd)
    const env = { PATH: `${directory}/bin:${process.env["PATH"]}`, HOME: cwd, DOCKER_HOST: engine }
    const shell = spawn("bash", ["-c", script], { cwd, env, detached: true, stdio: ["ignore", "pipe", "pipe"] })
    let said = ""
    for (const stream of [shell.stdout, shell.stderr])
      stream.setEncoding("utf8").on("data", (text: string) => (said += text))
    // A loop that waits for what does not come has to end as well.
    const patience = setTimeout(() => shell.kill("SIGKILL"), 90_000)
    const closed = new Promise((resolve) => shell.once("close", resolve))
    const code = await new Promise((resolve) => shell.once("exit", resolve))
    clearTimeout(patience)
    endGroup(shell.pid!)
    await closed
    return { code, said }
  }

  it.each(pages)("of %s says of each of its commands whether it runs, or why not", (name) => {
    expect(DocsPage.read(join(root, name), name, []).problems).toEqual([])
  })

  it.each(pages.filter((name) => DocsPage.read(join(root, name), name, []).script !== undefined))(
    "of %s has commands that work as they stand",
    async (name) => {
      const { script = "" } = DocsPage.read(join(root, name), name, replacements(await freePort()))
      const { code, said } = await run(name, script)
      expect({ code, said: code === 0 ? "" : said }).toEqual({ code: 0, said: "" })
    },
    120_000,
  )

  it("runs what it says it runs: a command that fails is told by its page and line", async () => {
    const path = join(directory, "page.md")
    writeFileSync(path, "# Page\n\n```sh\ntrue\n```\n\n```sh\nrdl --version\nfalse | cat\n```\n")
    const { script = "" } = DocsPage.read(path, "page.md", [])
    const { code, said } = await run("page", script)
    expect(code).toBe(1)
    expect(said).toMatch(/^\d+\.\d+\.\d+\na command of page\.md:7 failed\n$/)
    writeFileSync(path, "```bash\ntrue\n```\n```sh (later)\ntrue\n```\n")
    expect(DocsPage.read(path, "page.md", []).problems).toHaveLength(2)
  })

  it.each([
    ["proxy", Proxy.settings],
    ["source", Source.settings],
  ] as const)("lists every setting of a %s as the program knows it, and no other", (server, settings) => {
    const text = readFileSync(join(root, "docs/configure.md"), "utf8")
    const section = text.split(`<a id="${server}"></a>`)[1]?.split("\n## ")[0] ?? ""
    const rows = section.split("\n").filter((line) => line.startsWith("| `"))
    const expected = keysOf(settings).map(
      ({ description, env, name, value }) => `| \`${name}\` | \`--${name} ${value}\` | \`${env}\` | ${description} |`,
    )
    expect(rows).toEqual(expected)
  })
})

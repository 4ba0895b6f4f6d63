import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { execFile, spawn } from "node:child_process"
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { type Serving, serving } from "./RdlProcess.ts"

const run = promisify(execFile)
const root = fileURLToPath(new URL("../../../", import.meta.url))
const tool = (name: string) => join(root, "node_modules/.bin", name)

interface Manifest {
  readonly name: string
  readonly version: string
  readonly private?: boolean
}

const manifestOf = (directory: string) => JSON.parse(readFileSync(join(directory, "package.json"), "utf8")) as Manifest

/** Those that are published. */
const packages = readdirSync(join(root, "packages"))
  .map((name) => manifestOf(join(root, "packages", name)))
  .filter((manifest) => manifest.private !== true)

/** The name `npm pack` gives. */
const tarballOf = ({ name, version }: Manifest) => `${name.replace("@", "").replace("/", "-")}-${version}.tgz`

/** What others do with the packages: pack them, and install the tarballs where nothing else is. */
describe("the packages", () => {
  const directory = mkdtempSync(join(tmpdir(), "rdl-packages-"))
  const tarballs = join(directory, "tarballs")
  const installed = join(directory, "installed")
  const bin = (name: string) => join(installed, "node_modules/.bin", name)
  const servers: Array<Serving> = []
  const start = (file: string, words: ReadonlyArray<string>, env: Record<string, string> = {}) => {
    const server = serving(spawn(file, words, { cwd: installed, env: { PATH: process.env["PATH"], ...env } }))
    servers.push(server)
    return server
  }

  beforeAll(async () => {
    for (const path of [tarballs, installed]) mkdirSync(path)
    await run(tool("turbo"), ["run", "build", "--output-logs=errors-only", "--filter=./packages/*"], { cwd: root })
    const workspaces = packages.flatMap(({ name }) => ["--workspace", name])
    await run("npm", ["pack", "--pack-destination", tarballs, ...workspaces], { cwd: root })
    writeFileSync(join(installed, "package.json"), '{"private":true,"type":"module"}')
    const files = packages.map((manifest) => join(tarballs, tarballOf(manifest)))
    await run("npm", ["install", "--prefer-offline", "--no-audit", "--no-fund", ...files], { cwd: installed })
  }, 300_000)
  afterAll(async () => {
    await Promise.all(servers.map((server) => server.stop("SIGKILL")))
    rmSync(directory, { recursive: true, force: true })
  })

  it.each(packages.map((manifest) => [manifest.name, tarballOf(manifest)]))(
    "are packed as others expect: %s",
    async (_, file) => {
      const path = join(tarballs, file)
      const { stdout: linted } = await run(tool("publint"), [path, "--strict"])
      expect(linted).toContain("All good!")
      // Exits with 1 where types and code do not fit each other.
      const { stdout: typed } = await run(tool("attw"), [path, "--profile", "esm-only", "--format", "json"])
      expect(JSON.parse(typed)).toMatchObject({ analysis: { packageName: expect.stringContaining("@rdl/") } })
      const { stdout: list } = await run("tar", ["tzf", path])
      expect(list.split("\n")).toEqual(expect.arrayContaining(["package/LICENSE", "package/README.md"]))
      expect(list).not.toMatch(/tsbuildinfo|\/test\//)
    },
  )

  it.each(["rdl", "rdl-proxy", "rdl-source"])("bring a program that says who it is: %s", async (name) => {
    expect((await run(bin(name), ["--version"])).stdout).toBe(`${packages[0]!.version}\n`)
    expect((await run(bin(name), ["--help"])).stdout).toContain(`Usage: ${name} `)
  })

  it("bring programs that carry a log from a source to a user", async () => {
    const rdl = async (words: ReadonlyArray<string>, env: Record<string, string>) =>
      (await run(bin("rdl"), words, { env: { PATH: process.env["PATH"], HOME: installed, ...env } })).stdout
    const key = await rdl(["key", "generate"], {})
    const token = (...whose: ReadonlyArray<string>) => rdl(["token", "issue", ...whose], { RDL_KEY: key })
    const engine = start(process.execPath, [
      "--input-type=module",
      "--eval",
      `import * as SampleEngine from "@rdl/sample-engine/SampleEngine"
      import { Effect } from "effect"
      Effect.runFork(Effect.scoped(Effect.gen(function* () {
        const engine = yield* SampleEngine.make()
        engine.createContainer({ name: "web" }).log("stdout", "through installed packages\\n")
        console.log("engine at " + engine.url)
        yield* Effect.never
      })))`,
    ])
    const [, url = ""] = await engine.says(/engine at (\S+)/)
    const RDL_KEY = await rdl(["key", "public"], { RDL_KEY: key })
    const proxy = start(bin("rdl-proxy"), ["--listen=127.0.0.1:0"], { RDL_KEY })
    const [, at = ""] = await proxy.says(/listening on (\S+)/)
    const health = join(installed, "health")
    const source = start(bin("rdl-source"), ["--proxy", at, "--engine", url, "--health-file", health], {
      RDL_TOKEN: await token("--source", "edge-1"),
    })
    await source.says(/linked to the proxy/)
    const user = { RDL_PROXY: at, RDL_TOKEN: await token("--user", "ada") }
    let list = ""
    while (!list.includes("web")) list = await rdl(["ps"], user)
    expect(await rdl(["logs", "edge-1/web"], user)).toBe("edge-1 | through installed packages\n")
    expect((await run(bin("rdl-proxy"), ["health", `--listen=${new URL(at).host}`])).stdout).toBe("ready\n")
    expect((await run(bin("rdl-source"), ["health", `--health-file=${health}`])).stdout).toMatch(/^linked to its proxy/)
    expect(await source.stop("SIGTERM")).toBe(0)
    await expect(run(bin("rdl-source"), ["health", `--health-file=${health}`])).rejects.toMatchObject({ code: 1 })
    expect(await proxy.stop("SIGTERM")).toBe(0)
    await expect(run(bin("rdl-proxy"), ["health", `--listen=${new URL(at).host}`])).rejects.toMatchObject({ code: 1 })
  })
})

import { describe, expect, it } from "vitest"
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync } from "node:fs"
import { createServer } from "node:net"
import { join } from "node:path"
import { rdlProcess, serving } from "./RdlProcess.ts"

const rdl = rdlProcess()

/** A home of its own for a test, with the directory for temporary files inside, so that leftovers show. */
const home = (name: string) => {
  const path = join(rdl.directory, name)
  mkdirSync(join(path, "tmp"), { recursive: true })
  return { path, state: join(path, ".local/state/rdl"), env: { HOME: path, TMPDIR: join(path, "tmp") } }
}

const up = (env: Record<string, string>, ...words: ReadonlyArray<string>) =>
  serving(rdl.start(["up", "--listen", "127.0.0.1:0", ...words], { env }))

describe("rdl up", () => {
  it("shows how to use it, and the commands it names work as they stand", async () => {
    const { env, path, state } = home("first")
    const running = up(env, "--samples")
    const [, url = ""] = await running.says(/rdl is up at (\S+)[^]*Ctrl-C stops it/)
    expect(running.stdout()).toContain("source  sample: sample containers, none of yours")
    const ps = await rdl.run(["ps"], { env })
    expect(ps.stdout).toMatch(/^CONTAINER ID +SOURCE +NAME +IMAGE +CREATED +STATUS +PORTS\n/)
    expect(ps.stdout).toMatch(/^[0-9a-f]{12} +sample +web +rdl\/sample-web:1 +15 minutes ago +Up 15 minutes$/m)
    const [, logs = ""] = await running.says(/ {2}rdl (logs \S+) -f --tail 20\n/)
    const log = await rdl.run([...logs.split(" "), "--tail", "1"], { env })
    expect({ ...log, stdout: "", stderr: "" }).toEqual({ code: 0, stdout: "", stderr: "" })
    expect(log.stdout + log.stderr).toMatch(/^sample \| .+\n$/)
    const [, file = ""] = await running.says(/curl -H "Authorization: Bearer \$\(cat (\S+)\)" \S+\/containers\n/)
    const token = readFileSync(file, "utf8").trim()
    expect(running.stdout()).toContain(`token   ${token}\n`)
    const list = await fetch(`${url}/containers`, { headers: { authorization: `Bearer ${token}` } })
    expect(((await list.json()) as ReadonlyArray<unknown>).length).toBe(3)
    expect(running.stderr()).not.toContain(token)
    expect(statSync(state).mode & 0o777).toBe(0o700)
    for (const name of readdirSync(state)) expect(statSync(join(state, name)).mode & 0o777).toBe(0o600)
    expect(await running.stop()).toBe(0)
    expect(readdirSync(join(path, "tmp"))).toEqual([])
  })

  it("names commands that work in a clone, where npm has started it", async () => {
    const { env } = home("clone")
    const running = up({ ...env, npm_package_name: "rdl-workspace" }, "--samples")
    await running.says(
      /in this directory:\n\n {2}npm run -s rdl -- ps\n {2}npm run -s rdl -- logs sample\/\w+ -f --tail 20\n/,
    )
    await running.stop()
    const { scripts, name } = JSON.parse(readFileSync(new URL("../../../package.json", import.meta.url), "utf8")) as {
      readonly name: string
      readonly scripts: Readonly<Record<string, string>>
    }
    expect([name, scripts["rdl"]]).toEqual(["rdl-workspace", expect.any(String)])
  })

  it("uses its key and its token again", async () => {
    const { env, state } = home("again")
    const kept = async () => {
      const running = up(env, "--samples")
      await running.says(/Ctrl-C stops it/)
      expect(await running.stop("SIGTERM")).toBe(0)
      expect(existsSync(join(state, "up.json"))).toBe(false)
      return ["key.json", "user.token"].map((name) => readFileSync(join(state, name), "utf8"))
    }
    expect(await kept()).toEqual(await kept())
  })

  it("leaves the login of another that was started since", async () => {
    const { env, state } = home("two")
    const first = up(env, "--samples")
    await first.says(/Ctrl-C stops it/)
    const second = up(env, "--samples")
    await second.says(/Ctrl-C stops it/)
    await first.stop()
    expect((await rdl.run(["sources"], { env })).code).toBe(0)
    await second.stop()
    expect(existsSync(join(state, "up.json"))).toBe(false)
  })

  it("stops soon while a log is followed, and the follower says that it goes on asking", async () => {
    const { env } = home("followed")
    const running = up(env, "--samples")
    await running.says(/Ctrl-C stops it/)
    const follower = serving(rdl.start(["logs", "sample/web", "-f"], { env }))
    await follower.says(/sample \| /)
    const before = Date.now()
    expect(await running.stop()).toBe(0)
    expect(Date.now() - before).toBeLessThan(10_000)
    await follower.says(/rdl: [^\n]*connection lost; going on where it stopped/)
    expect(await follower.stop()).not.toBe(0)
  })

  it("says in one sentence what is in the way, with exit code 1", async () => {
    const { env, path } = home("trouble")
    const occupant = createServer().listen(0, "127.0.0.1")
    await new Promise((resolve) => occupant.once("listening", resolve))
    const { port } = occupant.address() as { port: number }
    expect(await rdl.run(["up", "--samples", "--listen", `127.0.0.1:${port}`], { env })).toEqual({
      code: 1,
      stdout: "",
      stderr: `rdl: cannot listen on 127.0.0.1:${port}: another program does; stop it, or choose another port with --listen\n`,
    })
    occupant.close()
    const missing = await rdl.run(["up", "--engine", join(path, "none.sock")], { env })
    expect(missing).toMatchObject({ code: 1, stdout: "" })
    expect(missing.stderr).toMatch(
      /^rdl: no container engine at unix:\S+none\.sock: there is no such socket; start the engine[^\n]+\n$/,
    )
    const unwritable = await rdl.run(["up", "--samples", "--state-dir", "/dev/null/rdl"], { env })
    expect(unwritable).toMatchObject({ code: 1, stdout: "" })
    expect(unwritable.stderr).toMatch(/^rdl: cannot \w+ \/dev\/null\/rdl\/\S+: [^\n]+; --state-dir[^\n]+\n$/)
  })
})

import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Either } from "effect"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import * as EngineAddress from "../../src/engine/EngineAddress.ts"

const reasonOf = (found: Either.Either<unknown, EngineAddress.EngineUnavailable>) =>
  Either.isLeft(found) ? found.left.reason : "found"
const messageOf = (found: Either.Either<unknown, EngineAddress.EngineUnavailable>) =>
  Either.isLeft(found) ? found.left.message : ""

describe("EngineAddress.parse", () => {
  it.each([
    ["unix:///var/run/docker.sock", "unix:///var/run/docker.sock"],
    ["/run/podman/podman.sock", "unix:///run/podman/podman.sock"],
    ["tcp://engine", "tcp://engine:2375"],
    ["tcp://10.0.0.1:1234/", "tcp://10.0.0.1:1234"],
    ["tcp://[::1]:2375", "tcp://[::1]:2375"],
    ["http://engine", "tcp://engine:80"],
    ["http://engine:8080", "tcp://engine:8080"],
  ])("reads %s", (value, written) => {
    expect(Either.map(EngineAddress.parse(value), EngineAddress.format)).toEqual(Either.right(written))
  })

  it.each([
    ["https://engine:2376", /TLS/],
    ["ssh://me@host", /run the source on that machine/],
    ["npipe:////./pipe/docker_engine", /Docker Desktop/],
    ["docker.sock", /named as unix/],
    ["unix://relative.sock", /named as unix/],
    ["tcp://", /named as unix/],
    ["tcp://host:99999", /named as unix/],
    ["tcp://host/prefix", /named as unix/],
    ["ftp://host", /named as unix/],
  ])("says of %s what to do instead", (value, advice) => {
    const parsed = EngineAddress.parse(value)
    expect(reasonOf(parsed)).toBe("bad-address")
    expect(messageOf(parsed)).toMatch(advice)
  })

  it("refuses plain TCP where the environment asks for TLS", () => {
    expect(messageOf(EngineAddress.parse("tcp://host:2376", { DOCKER_TLS_VERIFY: "1" }))).toMatch(/TLS/)
  })

  it("repeats no password", () => {
    for (const value of ["tcp://me:hunter2@host:1", "https://me:hunter2@host", "ssh://me:hunter2@host"]) {
      const parsed = EngineAddress.parse(value)
      expect(reasonOf(parsed)).toBe("bad-address")
      expect(messageOf(parsed)).not.toContain("hunter2")
    }
  })
})

describe("EngineAddress.find", () => {
  let dir: string
  const server = createServer()

  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), "rdl-address-"))
    writeFileSync(join(dir, "file"), "")
    await new Promise<void>((resolve) => server.listen(join(dir, "docker.sock"), resolve))
  })
  afterAll(async () => {
    await new Promise((resolve) => server.close(resolve))
    rmSync(dir, { recursive: true })
  })

  it("takes the named socket, and says what is wrong with one that is none", () => {
    const find = (name: string) => EngineAddress.find({ engine: join(dir, name), env: {} })
    expect(reasonOf(find("docker.sock"))).toBe("found")
    expect(reasonOf(find("file"))).toBe("not-a-socket")
    expect(reasonOf(find("none"))).toBe("not-found")
    expect(messageOf(find("none"))).toContain(join(dir, "none"))
  })

  it("finds a rootless engine by XDG_RUNTIME_DIR, unless the machine's own comes first", () => {
    const found = EngineAddress.find({ engine: "", env: { XDG_RUNTIME_DIR: dir } })
    const path = Either.map(found, EngineAddress.format).pipe(Either.getOrThrow)
    expect([`unix://${dir}/docker.sock`, "unix:///var/run/docker.sock"]).toContain(path)
  })

  it("names the group of a socket it may not open", () => {
    const error = Object.assign(new Error("connect EACCES"), { code: "EACCES" })
    const problem = EngineAddress.explain({ _tag: "Unix", path: join(dir, "docker.sock") }, error)
    expect(problem.reason).toBe("not-readable")
    expect(problem.message).toContain(`unix://${dir}/docker.sock`)
    expect(problem.message).toMatch(/group \S+ \(\d+\)|group \d+/)
  })

  it("tells a refused connection from one that broke", () => {
    const refused = Object.assign(new Error("connect ECONNREFUSED"), { code: "ECONNREFUSED" })
    expect(EngineAddress.explain({ _tag: "Tcp", host: "h", port: 1 }, refused).message).toMatch(/nobody is listening/)
    expect(EngineAddress.explain({ _tag: "Tcp", host: "h", port: 1 }, new Error("odd")).message).toMatch(/odd/)
  })
})

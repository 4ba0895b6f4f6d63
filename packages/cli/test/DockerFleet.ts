/** Docker's own command beside a fleet on real engines: asked through rdl, and at an engine itself. */
import { execFileSync } from "node:child_process"
import { spawn, type ChildProcess } from "node:child_process"
import { mkdtempSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as DockerConfig from "../src/DockerConfig.ts"
import { Effect, Redacted } from "effect"
import { type Ended, ended } from "./RdlProcess.ts"

/** Whether there is one; says so where there is none, as its tests are then skipped. */
export const hasDocker = (): boolean => {
  try {
    execFileSync("docker", ["--version"], { stdio: "ignore" })
    return true
  } catch {
    console.log("no docker command found: tests that need one are skipped")
    return false
  }
}

export interface Docker {
  /** Through the proxy. */
  readonly rdl: (...words: ReadonlyArray<string>) => Promise<Ended>
  readonly start: (...words: ReadonlyArray<string>) => ChildProcess
  /** At the engine itself. */
  readonly engine: (socket: string, ...words: ReadonlyArray<string>) => Promise<Ended>
}

/** The command, configured as `rdl docker` does it, for a proxy and a token. */
export const docker = (url: string, token: string): Docker => {
  const state = mkdtempSync(join(tmpdir(), "rdl-docker-"))
  const access = { url: new URL(url), token: Redacted.make(token) }
  const own = Effect.runSync(DockerConfig.write(state, access, {}))
  const env = DockerConfig.environmentFor(own, { PATH: process.env["PATH"], HOME: state })
  const start = (...words: ReadonlyArray<string>) => spawn("docker", words, { env })
  return {
    start,
    rdl: (...words) => ended(start(...words)),
    engine: (socket, ...words) =>
      ended(
        spawn("docker", ["-H", `unix://${socket}`, ...words], { env: { ...env, DOCKER_CONFIG: join(state, "none") } }),
      ),
  }
}

/** A real nginx between two ends, with nothing set but the way through: buffering, body limit and timeouts are its defaults. */
import { execFileSync, spawn } from "node:child_process"
import { once } from "node:events"
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { type AddressInfo, connect, createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { ownAddress } from "./OwnAddress.ts"

/** Debian: `nginx-light`. */
const program = "nginx"

export interface Nginx {
  readonly url: string
  readonly stop: () => Promise<void>
}

/** Whether there is one; says so where there is none, as its tests are then skipped. */
export const isInstalled = (): boolean => {
  try {
    execFileSync(program, ["-v"], { stdio: "ignore" })
    return true
  } catch {
    console.log("no nginx found: the tests behind a real one are skipped")
    return false
  }
}

/** Starts one before a port of 127.0.0.1; `directives` are added where it passes requests on. Waits until it listens. */
export const listen = async (target: number, directives = ""): Promise<Nginx> => {
  const dir = mkdtempSync(join(tmpdir(), "rdl-nginx-"))
  // Started by root, its workers are somebody else, and they keep long bodies here.
  chmodSync(dir, 0o755)
  const port = await freePort()
  const temp = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((kind) => `${kind}_temp_path ${dir}/${kind};`)
  const conf = `daemon off; worker_processes 1; pid ${dir}/pid; error_log stderr;
    events { worker_connections 256; }
    http { access_log off; ${temp.join(" ")}
      server { listen ${ownAddress}:${port}; location / { proxy_pass http://127.0.0.1:${target}; ${directives} } } }`
  writeFileSync(join(dir, "nginx.conf"), conf)
  const nginx = spawn(program, ["-e", "stderr", "-p", dir, "-c", join(dir, "nginx.conf")], { stdio: "ignore" })
  const stop = async () => {
    if (nginx.exitCode === null) {
      nginx.kill("SIGTERM")
      await once(nginx, "exit")
    }
    rmSync(dir, { recursive: true, force: true })
  }
  while (!(await accepts(port))) {
    if (nginx.exitCode === null) continue
    await stop()
    throw new Error(`nginx ended with exit code ${nginx.exitCode}`)
  }
  return { url: `http://${ownAddress}:${port}`, stop }
}

/** What lets upgrades through. */
export const passUpgrades = `proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "upgrade";`

const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, ownAddress)
  await once(server, "listening")
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, "close")
  return port
}

const accepts = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, ownAddress)
    socket.once("connect", () => resolve(true))
    socket.once("error", () => setTimeout(() => resolve(false), 20))
    socket.once("connect", () => socket.destroy())
  })

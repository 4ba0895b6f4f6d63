import { describe, expect, it, onTestFinished } from "vitest"
import { execFileSync, spawn } from "node:child_process"
import { once } from "node:events"
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { createServer } from "node:net"
import type { AddressInfo } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { connect, frame, numberOf, sleep, startProxy, upTo } from "./world.ts"

/** Debian: `nginx-light`. */
const program = "nginx"

const isInstalled = ((): boolean => {
  try {
    execFileSync(program, ["-v"], { stdio: "ignore" })
    return true
  } catch {
    console.log("no nginx found: the test behind a real one is skipped")
    return false
  }
})()

const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, "127.0.0.1")
  await once(server, "listening")
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, "close")
  return port
}

/** An nginx with nothing set but the way through: buffering, body limit and timeouts are its defaults. */
const startNginx = async (target: number): Promise<string> => {
  const dir = mkdtempSync(join(tmpdir(), "rdl-nginx-"))
  // Started by root, its workers are somebody else, and they keep long bodies here.
  chmodSync(dir, 0o755)
  const port = await freePort()
  const temp = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((kind) => `${kind}_temp_path ${dir}/${kind};`)
  const conf = `daemon off; worker_processes 1; pid ${dir}/pid; error_log stderr;
    events { worker_connections 256; }
    http { access_log off; ${temp.join(" ")}
      server { listen 127.0.0.1:${port}; location / { proxy_pass http://127.0.0.1:${target}; } } }`
  writeFileSync(join(dir, "nginx.conf"), conf)
  const nginx = spawn(program, ["-e", "stderr", "-p", dir, "-c", join(dir, "nginx.conf")], { stdio: "ignore" })
  onTestFinished(async () => {
    nginx.kill("SIGTERM")
    await once(nginx, "exit")
    rmSync(dir, { recursive: true, force: true })
  })
  const url = `http://127.0.0.1:${port}`
  await expect.poll(() => fetch(url).then((answer) => answer.status), { timeout: 10_000 }).toBe(200)
  return url
}

describe.skipIf(!isInstalled)("a link over HTTP behind a real nginx with its defaults", () => {
  it("carries frames both ways at once, whole and in order, and a goodbye", async () => {
    const world = await startProxy()
    const url = await startNginx(world.port)
    const { source, proxy } = await connect(world, { url })
    const count = 200
    for (const n of upTo(count)) {
      while (source.link.buffered() > 256 * 1024) await sleep(1)
      source.link.send(frame(n, 65_536))
      proxy.link.send(frame(n, 200))
      if (n % 5 === 0) await sleep(1)
    }
    await expect.poll(() => proxy.frames.length, { timeout: 15_000 }).toBe(count)
    await expect.poll(() => source.frames.length, { timeout: 15_000 }).toBe(count)
    expect(proxy.frames.map(numberOf)).toEqual(upTo(count))
    expect(source.frames.map(numberOf)).toEqual(upTo(count))
    source.link.close(0, "done")
    expect(await proxy.closed).toEqual({ clean: true, code: 0, reason: "done" })
  })
})

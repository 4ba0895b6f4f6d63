import { describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { mkdirSync, rmSync, writeFileSync } from "node:fs"
import { type AddressInfo, createServer } from "node:net"
import { join } from "node:path"
import { rdlProcess, serving } from "./RdlProcess.ts"

const rdl = rdlProcess()

/** Asks until the status is as wanted; what was said with it. */
const ready = async (url: string, wanted: number): Promise<string> => {
  for (;;) {
    const answer = await fetch(`${url}/ready`)
    const text = await answer.text()
    if (answer.status === wanted) return text
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

describe("Whether a proxy is ready", () => {
  it.live("is told with the reason: it is not while it cannot read which tokens are revoked", () =>
    Effect.promise(async () => {
      const revoked = join(rdl.directory, "revoked")
      writeFileSync(revoked, "")
      const { stdout: key } = await rdl.run(["key", "generate", "--alg", "HS256"])
      const words = ["proxy", "--listen", "127.0.0.1:0", "--revoked-file", revoked]
      const proxy = serving(rdl.start(words, { env: { RDL_KEY: key } }))
      const [, url = ""] = await proxy.says(/listening on (\S+)/)
      const health = ["health", "proxy", "--listen", new URL(url).host]
      expect(await rdl.run(health)).toMatchObject({ code: 0, stdout: "ready\n" })
      rmSync(revoked)
      mkdirSync(revoked)
      const told = await ready(url, 503)
      expect(told).toContain("the file of revoked tokens cannot be read")
      expect(told).not.toContain(rdl.directory)
      expect(await rdl.run(health)).toMatchObject({
        code: 1,
        stderr: "rdl: the proxy answers 503: the file of revoked tokens cannot be read; this proxy's log says why\n",
      })
      rmSync(revoked, { recursive: true })
      await ready(url, 200)
      expect(await proxy.stop("SIGTERM")).toBe(0)
    }),
  )

  it.live("is not where there is none, and where it does not speak as it is asked", () =>
    Effect.promise(async () => {
      const missing = join(rdl.directory, "not-yet")
      const { stdout: key } = await rdl.run(["key", "generate", "--alg", "HS256"])
      const words = ["proxy", "--listen", "127.0.0.1:0", "--revoked-file", missing]
      const proxy = serving(rdl.start(words, { env: { RDL_KEY: key } }))
      const [, url = ""] = await proxy.says(/listening on (\S+)/)
      expect(proxy.stderr()).toContain(`there is no ${missing} yet: no token is revoked`)
      const { host } = new URL(url)
      const health = ["health", "proxy", "--listen", host]
      expect(await rdl.run([...health, "--tls-cert", "cert.pem"])).toMatchObject({
        code: 1,
        stderr: `rdl: the proxy at ${host} does not answer: it does not speak TLS; leave out --tls-cert\n`,
      })
      expect(await proxy.stop("SIGTERM")).toBe(0)
      expect(await rdl.run(health)).toMatchObject({
        code: 1,
        stderr: `rdl: the proxy at ${host} does not answer: nothing listens there; is it running, and is that its --listen?\n`,
      })
      expect(await rdl.run(["health", "source"])).toMatchObject({ code: 2, stdout: "" })
    }),
  )

  it.scopedLive("is asked for 5 s, also of what answers a little at a time", () =>
    Effect.gen(function* () {
      const server = createServer((socket) => {
        const dribble = setInterval(() => socket.write("x: y\r\n"), 200)
        socket.on("error", () => undefined).once("close", () => clearInterval(dribble))
        socket.write("HTTP/1.1 200 OK\r\n")
      })
      const listening = Effect.async<void>((resume) => void server.listen(0, "127.0.0.1", () => resume(Effect.void)))
      yield* Effect.acquireRelease(listening, () => Effect.sync(() => server.close()))
      const where = `127.0.0.1:${(server.address() as AddressInfo).port}`
      expect(yield* Effect.promise(() => rdl.run(["health", "proxy", "--listen", where]))).toMatchObject({
        code: 1,
        stderr: `rdl: the proxy at ${where} does not answer: no answer within 5 s\n`,
      })
    }),
  )
})

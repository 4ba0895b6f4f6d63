import { describeEachEngine } from "@rdl/test-kit/Engines"
import { type RealContainer, RealEngine } from "@rdl/test-kit/RealEngine"
import { join } from "node:path"
import { afterAll, beforeAll, expect, it } from "vitest"
import { rdlProcess, type Serving, serving } from "./RdlProcess.ts"

const rdl = rdlProcess()

/** What the engine wrote to one stream, taken out of its frames. */
const streamOf = (framed: Buffer, stream: 1 | 2): Buffer => {
  const pieces: Array<Buffer> = []
  for (let at = 0; at < framed.length;) {
    const end = at + 8 + framed.readUInt32BE(at + 4)
    if (framed[at] === stream) pieces.push(framed.subarray(at + 8, end))
    at = end
  }
  return Buffer.concat(pieces)
}

await describeEachEngine("rdl up with a real engine", ({ kind, name, socket }) => {
  const engine = new RealEngine(socket)
  const env = { RDL_STATE_DIR: join(rdl.directory, name), DOCKER_HOST: `unix://${socket}` }
  // Podman tells where an image is from, were it from nowhere.
  const image = kind === "podman" ? "docker.io/library/rdl-test:1" : "rdl-test:1"
  let up: Serving
  let container: RealContainer

  beforeAll(async () => {
    const odd = "head -c 40000 /dev/zero | tr '\\0' x; echo; printf 'a\\000b\\033[0m\\n'; printf 'no end'"
    container = await engine.runToEnd({ script: `seq 1 5000; seq 1 500 >&2; ${odd}` })
    up = serving(rdl.start(["up", "--listen", "127.0.0.1:0"], { env }))
    await up.says(/Ctrl-C stops it/)
  })
  afterAll(async () => {
    await up?.stop()
    await container?.remove()
    await engine.close()
  })

  it("gives both streams of a log byte for byte", async () => {
    const truth = await engine.logs(container.id, "stdout=1&stderr=1")
    const child = rdl.start(["logs", container.name, "--host", "none"], { env })
    const collect = async (stream: NodeJS.ReadableStream | null) => {
      const pieces: Array<Buffer> = []
      for await (const piece of stream ?? []) pieces.push(piece as Buffer)
      return Buffer.concat(pieces)
    }
    const [out, err] = await Promise.all([collect(child.stdout), collect(child.stderr)])
    expect(out.equals(streamOf(truth, 1))).toBe(true)
    expect(err.equals(streamOf(truth, 2))).toBe(true)
    expect(out.length).toBeGreaterThan(40_000)
  })

  it("lists the container as docker ps would", async () => {
    const { stdout } = await rdl.run(["ps", "-a", "--name", container.name], { env })
    expect(stdout).toMatch(
      new RegExp(`^${container.id.slice(0, 12)} +\\S+ +${container.name} +${image} +.* ago +Exited \\(0\\) `, "m"),
    )
  })
})

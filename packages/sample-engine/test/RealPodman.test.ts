/** What the real Podman does that Docker does not, where a reader of logs meets it: the table in docs/engines.md. */
import { describeEachEngine } from "@rdl/test-kit/Engines"
import { type ContainerSpec, type RealContainer, RealEngine } from "@rdl/test-kit/RealEngine"
import { afterAll, expect, it } from "vitest"
import { askWhole } from "./contract/RawClient.ts"

/** The frames' contents; here a frame and a chunk have nothing to do with each other. */
const contents = (log: Buffer): ReadonlyArray<string> => {
  const parts: Array<string> = []
  for (let at = 0; at < log.length; at += 8 + log.readUInt32BE(at + 4))
    parts.push(log.subarray(at + 8, at + 8 + log.readUInt32BE(at + 4)).toString("latin1"))
  return parts
}

await describeEachEngine(
  "Podman",
  ({ socket, version }) => {
    const engine = new RealEngine(socket)
    const url = `unix://${socket}`
    const made: Array<RealContainer> = []
    const create = async (spec: ContainerSpec): Promise<RealContainer> => {
      const container = await engine.create(spec)
      made.push(container)
      return container
    }
    const ended = async (script: string): Promise<string> => {
      const container = await create({ script })
      await container.start()
      await container.wait()
      return `/containers/${container.id}/logs`
    }
    const payloads = async (path: string) => contents((await askWhole(url, path)).body)
    afterAll(async () => {
      for (const container of made) await container.remove()
      await engine.close()
    })

    it("says what it is in a header, and takes any version", async () => {
      const ping = await askWhole(url, "/v1.99/_ping")
      expect(ping.headers).toMatchObject({ "libpod-api-version": version, server: `Libpod/${version} (linux)` })
    })

    it("stamps with whole seconds", async () => {
      const log = await payloads(`${await ended("echo 1; echo 2; printf 3")}?stdout=1&timestamps=1`)
      for (const record of log) expect(record).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ /)
      expect(log.map((record) => record.slice(21))).toEqual(["1\n", "2\n", "3"])
    })

    it("shows at once what has no newline yet, as a record of its own", async () => {
      const script = "n=0; trap 'n=1' USR1; printf a; while [ $n -lt 1 ]; do usleep 5000; done; echo b"
      const container = await create({ script })
      const path = `/containers/${container.id}/logs?stdout=1`
      await container.start()
      while ((await payloads(path)).length === 0) await new Promise(setImmediate)
      await engine.request("POST", `/containers/${container.id}/kill?signal=USR1`)
      await container.wait()
      expect(await payloads(path)).toEqual(["a", "b\n"])
    })

    it("glues an unfinished piece to the line before it when a tail is asked for", async () => {
      const path = await ended("echo 1; echo 2; printf 3")
      expect(await payloads(`${path}?stdout=1&tail=2`)).toEqual(["1\n", "23\n"])
    })

    it("keeps bytes that are no UTF-8, and cuts long lines at 8 KiB", async () => {
      const path = await ended("printf '\\377\\n'; head -c 20000 /dev/zero | tr '\\0' a; echo")
      const log = await payloads(`${path}?stdout=1`)
      expect(log[0]).toBe("\xff\n")
      expect(log.slice(1).join("")).toBe("a".repeat(20_000) + "\n")
      expect(Math.max(...log.map((record) => record.length))).toBe(8192)
    })

    it("is strict where Docker is lenient, and lenient where it is strict", async () => {
      const path = await ended("echo 1")
      const status = async (query: string) => (await askWhole(url, `${path}?${query}`)).status
      for (const query of ["stdout=2", "stdout=yes", "stdout=1&tail=x", "stdout=1&since=", "stdout=1&until="])
        expect([query, await status(query)]).toEqual([query, 400])
      expect(await status("stdout=1&tail=-2")).toBe(500)
      for (const query of ["STDOUT=1", "stdout=0&stdout=1", "stdout=on", "stdout=1&since=10m"])
        expect([query, await status(query)]).toEqual([query, 200])
    })

    it("has no local driver, and a container with a tag for its log does not start", async () => {
      await expect(create({ script: "true", logDriver: "local" })).rejects.toThrow(/invalid log driver/)
      const tagged = await create({ script: "true", logOptions: { tag: "t" } })
      await expect(tagged.start()).rejects.toThrow(/start: 500 /)
    })

    it("cannot read what was not kept, and says so with status 500", async () => {
      const container = await create({ script: "echo 1", logDriver: "none" })
      const answer = await askWhole(url, `/containers/${container.id}/logs?stdout=1`)
      expect([answer.status, answer.text]).toEqual([500, expect.stringContaining("none")])
    })

    it("shows an image's whole name, and null where a list is empty", async () => {
      const { name } = await create({ script: "true" })
      const filters = encodeURIComponent(JSON.stringify({ name: [name] }))
      const [element] = await engine.json<ReadonlyArray<unknown>>(`/containers/json?all=1&filters=${filters}`)
      expect(element).toMatchObject({
        Names: [`/${name}`],
        Image: expect.stringMatching(/\/rdl-test:1$/) as unknown,
        NetworkSettings: { Networks: null },
        State: "created",
      })
    })
  },
  ({ name }) => name === "podman-4.3",
)

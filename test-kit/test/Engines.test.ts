import { describeEachEngine } from "@rdl/test-kit/Engines"
import { numbersScript, type RealContainer, RealEngine } from "@rdl/test-kit/RealEngine"
import { afterAll, expect, it } from "vitest"

/** The text in the frames of one stream. */
const textOf = (log: Buffer): string => {
  const parts: Array<Buffer> = []
  for (let at = 0; at < log.length; at += 8 + log.readUInt32BE(at + 4))
    parts.push(log.subarray(at + 8, at + 8 + log.readUInt32BE(at + 4)))
  return Buffer.concat(parts).toString()
}

await describeEachEngine("containers of a test", (facts) => {
  const engine = new RealEngine(facts.socket)
  const made: Array<RealContainer> = []
  afterAll(async () => {
    for (const container of made) await container.remove()
    await engine.close()
  })

  it("write numbers, plain or padded", async () => {
    const script = `${numbersScript(1, 3)}; ${numbersScript(9, 11, 5)}`
    const container = await engine.runToEnd({ script })
    made.push(container)
    expect(textOf(await engine.logs(container.id, "stdout=1"))).toBe("1\n2\n3\n00009\n00010\n00011\n")
  })

  it("have the name, the labels and the terminal they were given", async () => {
    const name = `rdl-test-named-${process.pid}`
    const container = await engine.create({ script: "true", name, labels: { a: "1" }, tty: true })
    made.push(container)
    const { Name, Config } = await engine.json<{
      readonly Name: string
      readonly Config: { readonly Tty: boolean; readonly Labels: Record<string, string> }
    }>(`/containers/${container.id}/json`)
    expect([Name, Config.Tty, Config.Labels]).toEqual([`/${name}`, true, { a: "1", "rdl.test": "1" }])
  })
})

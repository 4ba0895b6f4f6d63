import { dockerds, PrivateEngine } from "@rdl/test-kit/PrivateEngine"
import { numbersScript, RealEngine } from "@rdl/test-kit/RealEngine"
import { existsSync } from "node:fs"
import { describe, expect, it } from "vitest"

describe.skipIf(dockerds().length === 0)("a daemon of a test's own", () => {
  it.for(dockerds())("keeps its containers' logs over a restart, and leaves nothing behind: $name", async (dockerd) => {
    const daemon = await PrivateEngine.start(dockerd)
    try {
      const before = new RealEngine(daemon.socket)
      const { id } = await before.runToEnd({ script: numbersScript(1, 1000, 20) })
      const log = await before.logs(id, "stdout=1&timestamps=1")
      await before.close()
      await daemon.restart()
      const after = new RealEngine(daemon.socket)
      expect((await after.logs(id, "stdout=1&timestamps=1")).equals(log)).toBe(true)
      expect(log.length).toBe(1000 * (8 + 31 + 21))
      await after.runToEnd({ script: "true" })
      await daemon.down("SIGKILL")
      await expect(after.request("GET", "/_ping")).rejects.toThrow(/ECONNREFUSED|ENOENT/)
      await after.close()
    } finally {
      await daemon.remove()
    }
    expect(existsSync(daemon.socket)).toBe(false)
  })

  it("says why it does not start", async () => {
    const [dockerd = { name: "", program: "", path: "" }] = dockerds()
    await expect(PrivateEngine.start(dockerd, ["--no-such-option"])).rejects.toThrow(/no-such-option/)
  })
})

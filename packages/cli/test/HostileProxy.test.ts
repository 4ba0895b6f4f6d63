import { once } from "node:events"
import { createServer, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { rdlProcess } from "./RdlProcess.ts"

/** Sets a title, clears the screen, colours by a C1 control, turns the reading direction, and forges a line of ours. */
const EVIL = "\u001b]0;owned\u0007\u001b[2J\u009b31m\u202e\nrdl: all is well"

const rdl = rdlProcess()

const json = (response: ServerResponse, status: number, value: unknown): void => {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(value))
}

describe("what a proxy says", () => {
  const server = createServer((request, response) => {
    const path = request.url?.split("?")[0]
    if (path === "/sources") json(response, 503, { error: { code: "not-ready", message: EVIL } })
    else if (path !== "/containers")
      json(response, 409, { error: { code: "ambiguous", message: "?", candidates: [EVIL] } })
    else
      json(response, 200, [
        {
          id: "a".repeat(64),
          name: "web",
          names: ["web"],
          image: EVIL,
          imageId: "",
          command: EVIL,
          created: 0,
          state: "running",
          status: EVIL,
          labels: { [EVIL]: EVIL },
          ports: [],
          source: "edge-1",
          stale: false,
        },
      ])
  })
  const run = async (...words: ReadonlyArray<string>) => {
    const { port } = server.address() as AddressInfo
    const issued = await rdl.run(["token", "issue", "--key-file", "-", "--user", "ada"], {
      input: (await rdl.run(["key", "generate"])).stdout,
    })
    const env = { RDL_PROXY: `http://127.0.0.1:${port}`, RDL_TOKEN: issued.stdout.trim() }
    return rdl.run(words, { env })
  }

  beforeAll(async () => {
    await once(server.listen(0, "127.0.0.1"), "listening")
  })
  afterAll(() => {
    server.close()
  })

  it.each([
    ["sources", 1],
    ["logs edge-1/web", 1],
    ["ps --no-trunc", 0],
    ["ps --output json", 0],
  ])("reaches no terminal as a command, nor as a line of its own, by rdl %s", async (words, code) => {
    const ended = await run(...words.split(" "))
    const said = ended.stdout + ended.stderr
    expect(ended.code).toBe(code)
    expect(said).toMatch(/owned/)
    expect(said.replaceAll("\n", "")).not.toMatch(/[\p{C}\u2028\u2029]/u)
    expect(said).not.toMatch(/^rdl: all is well/m)
  })

  it("is the same text in JSON", async () => {
    expect(JSON.parse((await run("ps", "--output", "json")).stdout)).toMatchObject([
      { image: EVIL, labels: { [EVIL]: EVIL } },
    ])
  })
})

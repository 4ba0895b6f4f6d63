import { afterEach, describe, expect, it } from "@effect/vitest"
import * as Masking from "@rdl/transport-ws/Masking"
import { Effect } from "effect"
import * as http from "node:http"
import { vi } from "vitest"
import { dial, listen, upgradeResponse } from "./Loopback.ts"

afterEach(() => void vi.unstubAllEnvs())

it.each([
  ["https://logs.example.com", false, true],
  ["https://logs.example.com", true, true],
  ["http://logs.example.com", false, false],
  ["http://10.0.0.1:7070", false, false],
  ["http://127.0.0.1:7070", false, true],
  ["http://127.8.9.10", false, true],
  ["http://localhost:7070", false, true],
  ["http://[::1]:7070", false, true],
  ["http://127.0.0.1.example.com", false, false],
  ["http://localhost", true, false],
])("masking for %s (through a forward proxy: %s) is needless: %s", (url, viaForwardProxy, needless) => {
  expect(Masking.isNeedless(new URL(url), viaForwardProxy)).toBe(needless)
})

describe("the mask on the wire", () => {
  /** The mask of the first message to a server that the forward proxy, if any, leads to. */
  const firstMask = (through: "direct" | "forward proxy") =>
    Effect.gen(function* () {
      const seen: Array<Buffer> = []
      const server = http.createServer()
      server.on("upgrade", (request, socket) => {
        socket.once("data", (bytes: Buffer) => {
          seen.push(bytes)
          socket.destroy()
        })
        socket.write(upgradeResponse(request))
      })
      server.on("connect", (_, socket) => {
        socket.write("HTTP/1.1 200 OK\r\n\r\n")
        server.emit("connection", socket)
      })
      const { port } = yield* listen(server)
      const url = `http://127.0.0.1:${port}`
      const { closed, link, start } = yield* dial(url, through === "direct" ? {} : { forwardProxy: url })
      start()
      link.send(Buffer.from("hello"))
      yield* closed
      return Buffer.concat(seen).subarray(2, 6).toString("hex")
    })

  it.scopedLive("is random, where `ws` masks in native code", () =>
    Effect.gen(function* () {
      expect(Masking.isNative()).toBe(true)
      expect(yield* firstMask("direct")).not.toBe("00000000")
    }),
  )

  it.scopedLive("is zero without native code, within this machine", () =>
    Effect.gen(function* () {
      vi.stubEnv("WS_NO_BUFFER_UTIL", "1")
      expect(Masking.isNative()).toBe(false)
      expect(yield* firstMask("direct")).toBe("00000000")
    }),
  )

  it.scopedLive("is random without native code all the same, where others could read what is sent", () =>
    Effect.gen(function* () {
      vi.stubEnv("WS_NO_BUFFER_UTIL", "1")
      expect(yield* firstMask("forward proxy")).not.toBe("00000000")
    }),
  )
})

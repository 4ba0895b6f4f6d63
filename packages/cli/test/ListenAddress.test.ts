import { describe, expect, it } from "vitest"
import { Either } from "effect"
import * as ListenAddress from "../src/ListenAddress.ts"
import * as ProxyUrl from "../src/ProxyUrl.ts"

describe("ListenAddress", () => {
  it.each([
    ["127.0.0.1:7070", "127.0.0.1", 7070],
    ["localhost:0", "localhost", 0],
    ["[::1]:7070", "::1", 7070],
    [":7070", "0.0.0.0", 7070],
    ["65535", "0.0.0.0", 65_535],
  ])("reads %s", (text, host, port) => {
    expect(ListenAddress.parse(text)).toEqual(Either.right({ host, port }))
  })

  it.each(["", ":", "host", "1.2.3.4:65536", "::1:80", "http://x:1", "a b:1", "x:-1", "x:123456"])(
    "refuses %j",
    (text) => {
      expect(Either.isLeft(ListenAddress.parse(text))).toBe(true)
    },
  )

  it("is reached at home where it listens everywhere", () => {
    expect(ListenAddress.local("http://0.0.0.0:1")).toBe("http://127.0.0.1:1")
    expect(ListenAddress.local("https://[::]:1")).toBe("https://[::1]:1")
    expect(ListenAddress.local("http://10.0.0.1:1")).toBe("http://10.0.0.1:1")
  })
})

describe("ProxyUrl", () => {
  it.each(["https://logs.example.org", "http://127.0.0.1:7070/under/a/path"])("reads %s", (text) => {
    expect(Either.map(ProxyUrl.parse(text), ({ href }) => href.replace(/\/$/, ""))).toEqual(Either.right(text))
  })

  it.each(["", "logs.example.org", "ftp://x", "https://u:p@x", "https://x?token=y", "https://x#y"])(
    "refuses %j",
    (text) => {
      expect(Either.isLeft(ProxyUrl.parse(text))).toBe(true)
    },
  )
})

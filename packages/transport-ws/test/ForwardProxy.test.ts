import { describe, expect, it } from "@effect/vitest"
import * as ForwardProxy from "@rdl/transport-ws/ForwardProxy"

const target = new URL("https://logs.example.com/link")
const https_proxy = "http://out:3128"

describe("the forward proxy of the environment", () => {
  it.each([
    ["none, where nothing is set", {}, target, undefined],
    ["HTTPS_PROXY for https and wss", { HTTPS_PROXY: "http://a:1", HTTP_PROXY: "http://b:2" }, target, "http://a:1"],
    [
      "HTTP_PROXY for http and ws",
      { HTTPS_PROXY: "http://a:1", HTTP_PROXY: "http://b:2" },
      new URL("http://x"),
      "http://b:2",
    ],
    ["the lower-case name first", { https_proxy: "http://a:1", HTTPS_PROXY: "http://b:2" }, target, "http://a:1"],
    ["ALL_PROXY where there is no other", { ALL_PROXY: "http://c:3" }, target, "http://c:3"],
    ["http:// where no scheme is given", { https_proxy: "out:3128" }, target, "http://out:3128"],
    ["none, where it is set to nothing", { https_proxy: "" }, target, undefined],
  ])("is %s", (_, environment, url, expected) => {
    expect(ForwardProxy.fromEnvironment(url, environment)).toBe(expected)
  })

  it.each([
    ["*", "https://any.where", true],
    ["logs.example.com", "https://logs.example.com", true],
    ["LOGS.example.com", "https://logs.EXAMPLE.com", true],
    ["example.com", "https://logs.example.com", true],
    [".example.com", "https://logs.example.com", true],
    ["*.example.com", "https://logs.example.com", true],
    ["other.org, example.com", "https://example.com", true],
    ["ample.com", "https://example.com", false],
    ["logs.example.com", "https://example.com", false],
    ["example.com:8443", "https://example.com:8443", true],
    ["example.com:8443", "https://example.com", false],
    ["example.com:443", "https://example.com", true],
    ["10.1.2.3", "http://10.1.2.3:7070", true],
    ["10.0.0.0/8", "http://10.1.2.3:7070", true],
    ["10.0.0.0/8", "http://11.1.2.3", false],
    ["10.0.0.0/99", "http://10.1.2.3", false],
    ["10.0.0.0/8", "http://ten.example.com", false],
    ["2.3", "http://10.1.2.3", false],
    ["::1", "http://[::1]:7070", true],
    ["[::1]:7070", "http://[::1]:7070", true],
    ["fd00::/8", "http://[fd12::1]", true],
    ["", "https://example.com", false],
  ])("with NO_PROXY=%s and %s is excepted: %s", (no_proxy, url, excepted) => {
    const environment = { https_proxy, http_proxy: https_proxy, no_proxy }
    expect(ForwardProxy.fromEnvironment(new URL(url), environment) === undefined).toBe(excepted)
  })
})

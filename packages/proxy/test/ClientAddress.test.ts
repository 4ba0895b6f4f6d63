import { describe, expect, it } from "@effect/vitest"
import { Either, FastCheck as fc } from "effect"
import type { IncomingMessage } from "node:http"
import * as ClientAddress from "../src/ClientAddress.ts"

const request = (remoteAddress: string, forwarded?: string | ReadonlyArray<string>) =>
  ({ socket: { remoteAddress }, headers: { "x-forwarded-for": forwarded } }) as unknown as IncomingMessage

const trusting = (...networks: ReadonlyArray<string>) => Either.getOrThrow(ClientAddress.parseTrusted(networks))

describe("The client's address", () => {
  const trusted = trusting("127.0.0.1", "10.0.0.0/8", "fd00::/8")

  it.each<[string, string, string | ReadonlyArray<string> | undefined, string]>([
    ["the peer, where nothing is forwarded", "10.0.0.1", undefined, "10.0.0.1"],
    ["the peer, where it is not trusted", "192.0.2.1", "198.51.100.7", "192.0.2.1"],
    ["whom a trusted peer names", "10.0.0.1", "198.51.100.7", "198.51.100.7"],
    ["the last that is not trusted", "10.0.0.1", "203.0.113.9, 198.51.100.7, 10.1.2.3", "198.51.100.7"],
    ["the first, where all are trusted", "10.0.0.1", "10.0.0.9, 10.0.0.8", "10.0.0.9"],
    ["the last that is an address", "10.0.0.1", "203.0.113.9, unknown", "10.0.0.1"],
    ["the same of two headers", "10.0.0.1", ["203.0.113.9", "198.51.100.7"], "198.51.100.7"],
    ["an IPv4 peer of an IPv6 socket", "::ffff:10.0.0.1", "198.51.100.7", "198.51.100.7"],
    ["an IPv6 client", "fd00::1", "2001:db8::1", "2001:db8::1"],
  ])("is %s", (_, peer, forwarded, address) => {
    expect(ClientAddress.of(request(peer, forwarded), trusted)).toBe(address)
  })

  it("is never what an untrusted peer says, whatever that is", () => {
    fc.assert(
      fc.property(fc.string(), (forwarded) => {
        expect(ClientAddress.of(request("192.0.2.1", forwarded), trusted)).toBe("192.0.2.1")
      }),
    )
  })

  it.each([
    [15, "198.51.100.7"],
    [16, "10.0.0.2"],
    [100_000, "10.0.0.2"],
  ])("is looked for in the last 16 entries: behind %i of trusted servers it is %s", (servers, address) => {
    const trustedOnes = ",10.0.0.2".repeat(servers)
    expect(ClientAddress.of(request("10.0.0.1", `198.51.100.7${trustedOnes}`), trusted)).toBe(address)
  })
})

describe("A network", () => {
  it.each(["", "x", "10.0.0.0/33", "10.0.0.0/x", "10.0.0.0/8/8", "::/129", "10.0.0.0/-1", "10.0.0/8"])(
    "is not %j",
    (text) => {
      expect(ClientAddress.parseTrusted([text])).toEqual(Either.left(expect.stringContaining(JSON.stringify(text))))
    },
  )

  it.each([
    ["192.0.2.1", "192.0.2.1"],
    ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"],
    ["2001:db8::1", "2001:db8:0:0::/64"],
    ["2001:0DB8:0000::1", "2001:db8:0:0::/64"],
    ["::1", "0:0:0:0::/64"],
    ["fe80::1%eth0", "fe80:0:0:0::/64"],
  ])("of %s is %s", (address, network) => {
    expect(ClientAddress.networkOf(address)).toBe(network)
  })
})

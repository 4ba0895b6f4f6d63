/** Who is at the other end of a request: its peer, or whom a trusted web server in front of the proxy names. */
import { Either } from "effect"
import type { IncomingMessage } from "node:http"
import { BlockList, isIP } from "node:net"

/** Networks whose `X-Forwarded-For` is believed. */
export interface TrustedProxies {
  readonly has: (address: string) => boolean
}

/** Entries of `X-Forwarded-For` that are looked at, from its end. */
const MAX_HOPS = 16

/** Reads addresses and networks such as `10.0.0.0/8`, or says what is wrong with one. */
export const parseTrusted = (networks: ReadonlyArray<string>): Either.Either<TrustedProxies, string> => {
  const list = new BlockList()
  for (const network of networks) {
    const [address = "", bits, ...more] = network.split("/")
    const version = isIP(address)
    const whole = version === 6 ? 128 : 32
    const prefix = bits === undefined ? whole : /^\d{1,3}$/.test(bits) ? Number(bits) : Number.NaN
    if (version === 0 || more.length > 0 || !(prefix <= whole))
      return Either.left(`${JSON.stringify(network)} is no network such as 10.0.0.0/8 or fd00::/8`)
    list.addSubnet(address, prefix, version === 6 ? "ipv6" : "ipv4")
  }
  return Either.right({ has: (address) => isIP(address) > 0 && list.check(address, familyOf(address)) })
}

/** Believes nobody. */
export const trustNobody: TrustedProxies = { has: () => false }

/**
 * The client's address. Each web server adds its own peer to the end of `X-Forwarded-For`, so the last one that is not
 * itself trusted is as far as the header can be believed; what stands before it the client may have made up.
 */
export const of = (request: IncomingMessage, trusted: TrustedProxies): string => {
  let address = peerOf(request)
  const named = [request.headers["x-forwarded-for"] ?? []].flat().join(",").split(",").slice(-MAX_HOPS)
  while (named.length > 0 && trusted.has(address)) {
    const next = plain(named.pop()?.trim() ?? "")
    if (isIP(next) === 0) break
    address = next
  }
  return address
}

/** Who is at the other end of the connection itself. */
export const peerOf = (request: IncomingMessage): string => plain(request.socket.remoteAddress ?? "")

/** What counts as one client where clients are counted: an IPv4 address, or the /64 that one IPv6 customer has at least. */
export const networkOf = (address: string): string => {
  if (isIP(address) !== 6) return address
  const [head = "", tail] = (address.split("%")[0] ?? "").split("::", 2)
  const groups = head === "" ? [] : head.split(":")
  const behind = tail === undefined || tail === "" ? [] : tail.split(":")
  const missing = tail === undefined ? 0 : Math.max(0, 8 - groups.length - behind.length)
  return [...groups, ...Array.from({ length: missing }, () => "0"), ...behind]
    .slice(0, 4)
    .map((group) => group.replace(/^0+(?=.)/, "").toLowerCase())
    .join(":")
    .concat("::/64")
}

const familyOf = (address: string) => (isIP(address) === 6 ? "ipv6" : "ipv4")

/** As IPv4 is written: an IPv4 peer of a socket that listens on IPv6 reads `::ffff:192.0.2.1`. */
export const plain = (address: string): string => /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1] ?? address

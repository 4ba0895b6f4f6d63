/** The way out where only an HTTP forward proxy may speak to the outside: which one the environment names, and a tunnel through it by CONNECT. */
import * as ForwardProxyName from "@rdl/core/link/ForwardProxyName"
import * as http from "node:http"
import * as https from "node:https"
import * as net from "node:net"

/** The forward proxy could not be reached, or did not open the tunnel; `status` is what it answered. */
export class TunnelFailed extends Error {
  readonly status: number | undefined
  constructor(via: URL, what: string, status?: number) {
    super(`the forward proxy ${via.host} ${what}`)
    this.status = status
  }
}

/** The forward proxy that `HTTPS_PROXY`, `HTTP_PROXY` or `ALL_PROXY` (lower case first) names for a target, unless `NO_PROXY` excepts it. */
export const fromEnvironment = (target: URL, environment: ForwardProxyName.Environment): string | undefined =>
  isExcepted(target, ForwardProxyName.variable(environment, "no_proxy") ?? "")
    ? undefined
    : ForwardProxyName.named(target, environment)

/** Opens a tunnel and calls back once. Aborting the signal ends it while it is being opened. */
export const connect = (
  via: URL,
  target: URL,
  signal: AbortSignal,
  done: (error: Error | null, socket?: net.Socket) => void,
): void => {
  const authority = `${target.hostname}:${portOf(target)}`
  const options: https.RequestOptions = {
    host: unbracketed(via.hostname),
    port: portOf(via),
    method: "CONNECT",
    path: authority,
    headers: { host: authority, ...credentials(via) },
    agent: false,
    signal,
  }
  const request = via.protocol === "https:" ? https.request(options) : http.request(options)
  request.once("error", (error: NodeJS.ErrnoException) => {
    done(new TunnelFailed(via, `does not answer (${error.code ?? error.message})`))
  })
  // Nothing follows the answer at once: neither a TLS nor an HTTP server speaks first.
  request.once("connect", (response, socket: net.Socket) => {
    const status = response.statusCode ?? 0
    if (status < 200 || status > 299) {
      socket.destroy()
      return done(new TunnelFailed(via, `answered CONNECT with ${status}`, status))
    }
    done(null, socket)
  })
  request.end()
}

/** The host without the brackets that a URL puts around an IPv6 address. */
export const unbracketed = (hostname: string): string => hostname.replace(/^\[(.*)\]$/, "$1")

/** The port a URL means, also where it names none. */
export const portOf = (url: URL): number => Number(url.port) || (url.protocol === "https:" ? 443 : 80)

const credentials = (via: URL): Record<string, string> => {
  if (via.username === "") return {}
  const pair = `${decodeURIComponent(via.username)}:${decodeURIComponent(via.password)}`
  return { "proxy-authorization": `Basic ${Buffer.from(pair).toString("base64")}` }
}

/** `NO_PROXY`: `*`, hosts with their subdomains (a leading dot or `*.` changes nothing), addresses, networks such as `10.0.0.0/8`, each with or without a port. */
const isExcepted = (target: URL, list: string): boolean => {
  const host = unbracketed(target.hostname).toLowerCase()
  return list
    .toLowerCase()
    .split(/[\s,]+/)
    .filter((entry) => entry !== "")
    .some((entry) => entry === "*" || entry === host || covers(entry, host, portOf(target)))
}

const covers = (entry: string, host: string, port: number): boolean => {
  const [, name = "", only] = /^(.*?)(?::(\d+))?$/.exec(entry) ?? []
  const [network = "", prefix] = entry.split("/")
  if (prefix !== undefined) return isWithin(host, network, Number(prefix))
  if (net.isIPv6(entry) || (only !== undefined && Number(only) !== port)) return false
  const domain = unbracketed(name).replace(/^\*?\./, "")
  return host === domain || (net.isIP(host) === 0 && host.endsWith(`.${domain}`))
}

const isWithin = (host: string, network: string, prefix: number): boolean => {
  const family = net.isIPv6(network) ? "ipv6" : "ipv4"
  if (net.isIP(network) === 0 || net.isIP(host) !== net.isIP(network)) return false
  if (!Number.isInteger(prefix) || prefix < 0 || prefix > (family === "ipv6" ? 128 : 32)) return false
  const list = new net.BlockList()
  list.addSubnet(network, prefix, family)
  return list.check(host, family)
}

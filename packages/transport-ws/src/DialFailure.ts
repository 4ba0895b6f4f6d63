/** What a failed dial means to whoever runs the source: every answer and every error as one sentence that says what to do. */
import { LinkDialError } from "@rdl/core/link/Link"
import type { IncomingMessage } from "node:http"
import { TunnelFailed } from "./ForwardProxy.ts"
import { subprotocol } from "./WsLink.ts"

type Reason = LinkDialError["reason"]

const renewToken = "issue a new one with `rdl token issue --source NAME` and give it to this source"
const wrongPlace =
  "check that the URL leads to an rdl proxy, and that what stands before it passes WebSocket upgrades on"

/** An answer other than 101. The body is not looked at: it may come from anyone on the way. */
export const fromResponse = (url: URL, response: IncomingMessage, now: number): LinkDialError => {
  const status = response.statusCode ?? 0
  const [reason, detail] = readStatus(status, response.headers.location, url)
  return new LinkDialError({
    reason,
    url: url.href,
    detail,
    status,
    retryAfterMs: readRetryAfter(response.headers["retry-after"], now),
  })
}

/** A connection that did not come about. */
export const fromError = (url: URL, error: NodeJS.ErrnoException): LinkDialError => {
  if (error instanceof TunnelFailed) return unavailable(url, `${error.message}; ${readTunnel(error, url)}`)
  if (error.code !== undefined) return unavailable(url, readCode(error.code, url))
  const detail = `the upgrade to WebSocket went wrong (${error.message}); ${wrongPlace}`
  return new LinkDialError({ reason: "unsupported", url: url.href, detail })
}

export const unavailable = (url: URL, detail: string): LinkDialError =>
  new LinkDialError({ reason: "unavailable", url: url.href, detail })

/** The token cannot even be sent; no connection was made. */
export const unsendableToken = (url: URL): LinkDialError =>
  new LinkDialError({
    reason: "refused",
    url: url.href,
    detail: `the token is not one: it is empty, or holds spaces, line ends or other characters no token has; ${renewToken}`,
  })

const readStatus = (status: number, location: string | undefined, url: URL): readonly [Reason, string] => {
  if (status === 401) return ["refused", `the proxy does not accept the token (401); ${renewToken}`]
  if (status === 403) return ["refused", `the token is good but not for a source (403); ${renewToken}`]
  if (status === 409)
    return ["conflict", "another source runs under this name (409); stop it, or give this one a token of its own"]
  if (status === 429)
    return ["unavailable", "the proxy has too many sources knocking (429); the next try follows by itself"]
  if (status >= 300 && status < 400) return ["unavailable", readRedirect(status, location, url)]
  if (status === 426) return ["unsupported", `no upgrade to ${subprotocol} reached the proxy (426); ${wrongPlace}`]
  if (status === 407 || status === 408 || status === 425 || status >= 500)
    return ["unavailable", `the proxy, or what stands before it, is not ready (${status})`]
  return ["unsupported", `no link endpoint answered there, but HTTP ${status}; ${wrongPlace}`]
}

/** Redirects are not followed: the token would go to whoever is named. */
const readRedirect = (status: number, location: string | undefined, url: URL): string => {
  const target = location === undefined || !URL.canParse(location, url.href) ? undefined : new URL(location, url)
  const where = target === undefined ? "elsewhere" : `to ${target.origin}`
  return `a redirect ${where} came (${status}), and a token follows none; if that is the proxy, use its address`
}

const readTunnel = ({ status }: TunnelFailed, url: URL): string =>
  `${status === 407 ? "put user and password into its URL" : "check its address"}, or except ${url.hostname} in NO_PROXY`

/** Seconds or a date; undefined for anything else. */
const readRetryAfter = (value: string | undefined, now: number): number | undefined => {
  if (value === undefined) return undefined
  if (/^\d+$/.test(value.trim())) return Number(value) * 1000
  const date = Date.parse(value)
  return Number.isNaN(date) ? undefined : Math.max(0, date - now)
}

const readCode = (code: string, url: URL): string => {
  const sentence = sentences[code]
  if (sentence !== undefined) return `${sentence(url)} (${code})`
  if (code.startsWith("HPE_"))
    return `what answers at ${url.host} does not speak HTTP (${code}); is it https:// instead?`
  if (/_ALERT_(?:CERTIFICATE_REQUIRED|UNKNOWN_CA|BAD_CERTIFICATE)$/.test(code))
    return `${url.host} wants a certificate of this source, by an authority that it knows (${code}); give it one with its key`
  if (code.includes("CERT") || code.startsWith("ERR_TLS") || code.includes("SIGNATURE"))
    return `the certificate of ${url.host} is not trusted (${code}); check the name in the URL and the clock, or name its authority as the CA`
  if (code.startsWith("ERR_SSL") || code === "EPROTO")
    return `TLS with ${url.host} failed (${code}); is it http:// instead?`
  return `the connection to ${url.host} failed (${code})`
}

const sentences: Readonly<Record<string, (url: URL) => string>> = {
  ENOTFOUND: (url) => `no such host as ${url.hostname}; check the name and this machine's DNS`,
  EAI_AGAIN: (url) => `looking up ${url.hostname} failed; check this machine's DNS`,
  ECONNREFUSED: (url) => `nothing listens at ${url.host}; check that the proxy runs and that the port is right`,
  ECONNRESET: (url) =>
    `${url.host} cut the connection before it answered; something on the way may not let WebSocket through`,
  EPIPE: (url) => `${url.host} cut the connection before it answered`,
  ETIMEDOUT: (url) => `${url.host} does not answer; check the address and the firewalls on the way`,
  EHOSTUNREACH: (url) => `there is no route to ${url.host}; check this machine's network`,
  ENETUNREACH: (url) => `there is no route to ${url.host}; check this machine's network`,
}

/** What a failed dial means to whoever runs the source: every outcome as one sentence that says what to do. */
import { LinkDialError } from "@rdl/core/link/Link"
import type { Outcome } from "./Exchange.ts"

type Reason = LinkDialError["reason"]

const renewToken = "issue a new one with `rdl token issue --source NAME` and give it to this source"
const wrongPlace = "check that the URL leads to an rdl proxy"

/** Anything but a session. */
export const fromOutcome = (url: URL, outcome: Outcome): LinkDialError => {
  const status = "status" in outcome ? outcome.status : undefined
  const [reason, detail] = status === undefined ? readFailure(outcome) : readStatus(status, outcome)
  const retryAfterMs = "retryAfterMs" in outcome ? outcome.retryAfterMs : undefined
  return new LinkDialError({ reason, url: url.href, detail, status, retryAfterMs })
}

/** The token cannot even be sent; no connection was made. */
export const unsendableToken = (url: URL): LinkDialError =>
  new LinkDialError({
    reason: "refused",
    url: url.href,
    detail: `the token is not one: it is empty, or holds spaces, line ends or other characters no token has; ${renewToken}`,
  })

const readFailure = (outcome: Outcome): readonly [Reason, string] =>
  outcome.is === "failure"
    ? ["unavailable", `${outcome.detail}; check the address, and that the proxy runs`]
    : ["unsupported", `what answered is no rdl proxy, or not of this version; ${wrongPlace}`]

const readStatus = (status: number, outcome: Outcome): readonly [Reason, string] => {
  const foreign = outcome.is === "failure" ? outcome.detail : undefined
  if (status === 401) return ["refused", `the proxy does not accept the token (401); ${renewToken}`]
  if (status === 403) return ["refused", `the token is good but not for a source (403); ${renewToken}`]
  if (status === 409)
    return ["conflict", "another source runs under this name (409); stop it, or give this one a token of its own"]
  if (status === 429)
    return ["unavailable", "the proxy has too many sources knocking (429); the next try follows by itself"]
  if (status >= 300 && status < 400) return ["unavailable", `${foreign}; if that is the proxy, use its address`]
  if (status === 407 || status === 408 || status === 425 || (status >= 500 && status !== 501))
    return ["unavailable", `the proxy, or what stands before it, is not ready (${status})`]
  return ["unsupported", `${foreign ?? `no link endpoint answered there, but HTTP ${status}`}; ${wrongPlace}`]
}

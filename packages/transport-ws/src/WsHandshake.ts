/** What a proxy asks of an upgrade before it becomes a link. */
import type { LinkAcceptor, SourceIdentity } from "@rdl/core/link/Link"
import { Cause, type Duration, Effect } from "effect"
import type { IncomingMessage } from "node:http"
import type { UpgradeRefusal } from "./UpgradeRefusal.ts"
import * as WsLink from "./WsLink.ts"

/** Looks at all but the token: the method, that no browser asks, and that this version of the protocol is wanted. */
export const inspect = (request: IncomingMessage): UpgradeRefusal | undefined => {
  if (request.method !== "GET") return wrongMethod
  if (request.headers.origin !== undefined) return browser
  const offered = (request.headers["sec-websocket-protocol"] ?? "").split(",").map((name) => name.trim())
  return offered.includes(WsLink.subprotocol) ? undefined : wrongVersion
}

/** Asks whose token it is. Waits at most `limit`. */
export const authenticate = (
  acceptor: LinkAcceptor["Type"],
  request: IncomingMessage,
  limit: Duration.Duration,
): Effect.Effect<SourceIdentity, UpgradeRefusal> =>
  acceptor.authenticate(readBearer(request)).pipe(
    Effect.tapError((rejected) =>
      Effect.annotateLogs(Effect.logInfo(`a source was refused: ${rejected.detail}`), {
        reason: rejected.reason,
        remoteAddress: request.socket.remoteAddress,
      }),
    ),
    Effect.mapError(({ message, reason }) =>
      reason === "unauthorized"
        ? { status: 401, code: reason, message, headers: { "www-authenticate": "Bearer" } }
        : { status: 403, code: reason, message },
    ),
    Effect.timeoutFail({ duration: limit, onTimeout: () => busy }),
    Effect.catchAllDefect((defect) =>
      Effect.zipRight(Effect.logError("checking a source's token failed", Cause.die(defect)), Effect.fail(broken)),
    ),
  )

export const busy: UpgradeRefusal = {
  status: 503,
  code: "busy",
  message: "too many sources connect at once; try again",
  headers: { "retry-after": "5" },
}

export const closing: UpgradeRefusal = {
  status: 503,
  code: "shutting_down",
  message: "this proxy is shutting down; try again",
  headers: { "retry-after": "1" },
}

const broken: UpgradeRefusal = { status: 500, code: "internal", message: "the token could not be checked" }

const wrongMethod: UpgradeRefusal = {
  status: 405,
  code: "method_not_allowed",
  message: "a link begins with GET",
  headers: { allow: "GET" },
}

const browser: UpgradeRefusal = {
  status: 403,
  code: "forbidden",
  message: "links are for sources; a request with an Origin header comes from a browser",
}

const wrongVersion: UpgradeRefusal = {
  status: 426,
  code: "unsupported_version",
  message: `this proxy speaks ${WsLink.subprotocol}; offer it in Sec-WebSocket-Protocol`,
  headers: { upgrade: "websocket", "sec-websocket-protocol": WsLink.subprotocol },
}

const readBearer = (request: IncomingMessage): string | undefined =>
  /^Bearer +(\S+) *$/i.exec(request.headers.authorization ?? "")?.[1]

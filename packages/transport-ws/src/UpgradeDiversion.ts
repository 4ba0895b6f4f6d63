/** Takes the upgrades of one path out of an HTTP server's hands, and what is left of upgrades that were lost on the way. */
import { Effect, type Scope } from "effect"
import type { IncomingMessage, Server, ServerResponse } from "node:http"
import type { Server as TlsServer } from "node:https"
import type { Duplex } from "node:stream"
import { answer } from "./UpgradeRefusal.ts"

export interface Upgrade {
  readonly request: IncomingMessage
  readonly socket: Duplex
  /** Bytes that came in the same packets as the request. */
  readonly head: Buffer
}

/**
 * Until the scope closes, upgrades of the path reach `take` and no listener. An event cannot be stopped, and every
 * listener of `upgrade` writes to the same socket (that of Effect's NodeHttpServer answers all paths), so the path is
 * taken out before the event is told. Upgrades that nobody else listens for get 404. A request of the path without an
 * upgrade gets 426: behind a web server that passes no upgrades on, the source has to learn that, and not that its token
 * is no user's.
 */
export const divert = (
  server: Server | TlsServer,
  path: string,
  take: (upgrade: Upgrade) => void,
): Effect.Effect<void, never, Scope.Scope> =>
  Effect.asVoid(
    Effect.acquireRelease(
      Effect.sync(() => begin(server, path, take)),
      (end) => Effect.sync(end),
    ),
  )

const begin = (server: Server | TlsServer, path: string, take: (upgrade: Upgrade) => void): (() => void) => {
  const emit = server.emit
  let open = true
  const diverted = (...event: Parameters<typeof emit>): boolean => {
    const [name, request, socket, head] = event
    const isOurs = open && (name === "upgrade" || name === "request") && pathOf(request) === path
    if (!isOurs) return emit.apply(server, event)
    if (name === "upgrade") take({ request, socket, head })
    // With `request` comes the response in the socket's place; the types know one event at a time.
    else answerPlain(socket as unknown as ServerResponse)
    return true
  }
  server.emit = diverted as typeof emit
  server.on("upgrade", answerLast)
  return () => {
    open = false
    if (server.emit === diverted) server.emit = emit
    server.off("upgrade", answerLast)
  }
}

/** Makes the server recognise upgrades at all (it does so only where one listens), and answers what is nobody's. */
function answerLast(this: Server | TlsServer, request: IncomingMessage, socket: Duplex): void {
  if (this.listeners("upgrade").some((listener) => listener !== answerLast)) return
  socket.on("error", () => socket.destroy())
  answer(socket, { status: 404, code: "not_found", message: `nothing takes an upgrade at ${pathOf(request)}` })
}

const answerPlain = (response: ServerResponse): void => {
  const message = "a link begins with an upgrade to WebSocket; what stands before this proxy may not pass it on"
  const body = JSON.stringify({ error: { code: "upgrade_required", message } })
  response.on("error", () => {})
  response.writeHead(426, {
    "content-type": "application/json",
    "content-length": Buffer.byteLength(body),
    upgrade: "websocket",
    connection: "upgrade, close",
  })
  response.end(body)
}

const pathOf = (request: IncomingMessage): string => (request.url ?? "").split("?", 1)[0] ?? ""

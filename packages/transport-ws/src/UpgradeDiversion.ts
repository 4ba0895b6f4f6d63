/** Takes the upgrades of one path out of an HTTP server's hands, and leaves the rest where they were. */
import { Effect, type Scope } from "effect"
import type { IncomingMessage, Server } from "node:http"
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
 * taken out before the event is told. Upgrades that nobody else listens for get 404.
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
    if (!open || name !== "upgrade" || pathOf(request) !== path) return emit.apply(server, event)
    take({ request, socket, head })
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

const pathOf = (request: IncomingMessage): string => (request.url ?? "").split("?", 1)[0] ?? ""

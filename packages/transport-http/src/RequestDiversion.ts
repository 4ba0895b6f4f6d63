/** Takes the requests of one path out of an HTTP server's hands, and leaves the rest where they were. */
import { Effect, type Scope } from "effect"
import type { IncomingMessage, Server, ServerResponse } from "node:http"
import type { Server as TlsServer } from "node:https"

/** Answers a request, now or later, if it is its own; false = it has not touched it. */
export type Handler = (req: IncomingMessage, res: ServerResponse) => boolean

/**
 * Until the scope closes, requests that `handle` takes reach no listener. An event cannot be stopped, and every
 * listener of `request` answers what it gets (that of Effect's NodeHttpServer answers all paths), so the request is
 * taken out before the event is told. Listeners may come and go before and after.
 */
export const divert = (server: Server | TlsServer, handle: Handler): Effect.Effect<void, never, Scope.Scope> =>
  Effect.asVoid(
    Effect.acquireRelease(
      Effect.sync(() => begin(server, handle)),
      (end) => Effect.sync(end),
    ),
  )

const begin = (server: Server | TlsServer, handle: Handler): (() => void) => {
  const emit = server.emit as (name: unknown, ...event: Array<unknown>) => boolean
  let isOpen = true
  const diverted = (name: unknown, ...event: Array<unknown>): boolean => {
    const [req, res] = event
    if (isOpen && name === "request" && handle(req as IncomingMessage, res as ServerResponse)) return true
    return emit.call(server, name, ...event)
  }
  server.emit = diverted
  return () => {
    isOpen = false
    if (server.emit === diverted) server.emit = emit
  }
}

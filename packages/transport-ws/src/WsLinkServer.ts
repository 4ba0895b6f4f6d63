/** Takes links over WebSocket on an HTTP server that exists already. */
import { type Link, LinkAcceptor, type SourceIdentity } from "@rdl/core/link/Link"
import { SessionCode } from "@rdl/core/link/SessionCode"
import { Cause, Duration, Effect, Exit, FiberSet, Layer, type Scope } from "effect"
import type { Server } from "node:http"
import type { Server as TlsServer } from "node:https"
import type { Socket } from "node:net"
import { WebSocket, WebSocketServer } from "ws"
import { divert, type Upgrade } from "./UpgradeDiversion.ts"
import { answer } from "./UpgradeRefusal.ts"
import * as WsHandshake from "./WsHandshake.ts"
import * as WsLink from "./WsLink.ts"

/** Where links are taken, and how much may be under way at a time. */
export interface Options {
  /** The one path links are taken at; default `/link/v1/ws`. */
  readonly path?: string | undefined
  /** What the check of a token may take, then 503; default 10 s. */
  readonly handshakeTimeout?: Duration.DurationInput | undefined
  /** Upgrades that may wait for their token to be checked; one more gets 503. Default 1,000. */
  readonly maxPendingHandshakes?: number | undefined
}

/** Links are gone 1 s after their goodbye; what serves them still after this is interrupted. */
const drainLimit = Duration.seconds(3)

/**
 * Takes upgrades at the path for as long as the scope lives; others go where they went before. Closing the scope
 * answers unfinished handshakes with 503, says SHUTTING_DOWN on every link and waits for their end, at most 3 s.
 */
export const attach = (
  server: Server | TlsServer,
  options: Options = {},
): Effect.Effect<void, never, Scope.Scope | LinkAcceptor> =>
  Effect.gen(function* () {
    const acceptor = yield* LinkAcceptor
    const serve = yield* makeSessions(acceptor)
    const limit = Duration.decode(options.handshakeTimeout ?? "10 seconds")
    const shakeHands = yield* FiberSet.makeRuntime<never, void>()
    const maxPending = options.maxPendingHandshakes ?? 1000
    let pending = 0
    yield* divert(server, options.path ?? WsLink.path, (upgrade) => {
      const { request, socket } = upgrade
      // A reset while the token is checked: without a listener it would end the process.
      socket.on("error", () => socket.destroy())
      const refusal = WsHandshake.inspect(request) ?? (pending < maxPending ? undefined : WsHandshake.busy)
      if (refusal !== undefined) return answer(socket, refusal)
      pending += 1
      const done = Effect.sync(() => (pending -= 1))
      shakeHands(Effect.ensuring(shake(acceptor, upgrade, limit, serve), done))
    })
  })

/** `attach` as a layer. Let the server listen after it, or what comes too early gets 404. */
export const layer = (
  options: Options & { readonly server: Server | TlsServer },
): Layer.Layer<never, never, LinkAcceptor> => Layer.scopedDiscard(attach(options.server, options))

type Serve = (link: Link, ws: WebSocket, identity: SourceIdentity) => void

const shake = (acceptor: LinkAcceptor["Type"], upgrade: Upgrade, limit: Duration.Duration, serve: Serve) =>
  WsHandshake.authenticate(acceptor, upgrade.request, limit).pipe(
    Effect.map((identity) => complete(upgrade, (link, ws) => serve(link, ws, identity))),
    Effect.catchAll((refusal) => Effect.sync(() => answer(upgrade.socket, refusal))),
    Effect.onInterrupt(() => Effect.sync(() => answer(upgrade.socket, WsHandshake.closing))),
  )

const sockets = new WebSocketServer({
  ...WsLink.socketOptions,
  noServer: true,
  clientTracking: false,
  handleProtocols: () => WsLink.subprotocol,
})
// What is wrong with the WebSocket headers themselves.
sockets.on("wsClientError", (error, socket) =>
  answer(socket, { status: 400, code: "bad_request", message: error.message }),
)

/** Answers 101 and wraps the socket in the same tick, before it is read. A client that has gone meanwhile is dropped. */
const complete = ({ head, request, socket }: Upgrade, opened: (link: Link, ws: WebSocket) => void): void =>
  // The socket of an upgrade is the server's own connection; Node's types say less.
  sockets.handleUpgrade(request, socket, head, (ws) => opened(WsLink.make(ws, socket as Socket), ws))

/** Serves links until the scope closes, then says goodbye to all of them. */
const makeSessions = (acceptor: LinkAcceptor["Type"]): Effect.Effect<Serve, never, Scope.Scope> =>
  Effect.gen(function* () {
    const links = new Set<Link>()
    const fibers = yield* FiberSet.make<void>()
    const run = yield* FiberSet.runtime(fibers)()
    yield* Effect.addFinalizer(() => {
      for (const link of links) link.close(SessionCode.shuttingDown, "the proxy is shutting down")
      return Effect.interruptible(FiberSet.awaitEmpty(fibers)).pipe(Effect.timeoutOption(drainLimit))
    })
    return (link, ws, identity) => {
      links.add(link)
      run(
        Effect.ensuring(
          session(acceptor, link, ws, identity),
          Effect.sync(() => links.delete(link)),
        ),
      )
    }
  })

/** One link from 101 until its socket is gone, whoever ends it. */
const session = (acceptor: LinkAcceptor["Type"], link: Link, ws: WebSocket, identity: SourceIdentity) =>
  acceptor.accept(link, identity).pipe(
    Effect.onExit((exit) => Effect.sync(() => link.close(codeOf(exit), ""))),
    Effect.catchAllCause((cause) =>
      Cause.isInterruptedOnly(cause)
        ? Effect.void
        : Effect.annotateLogs(Effect.logError("serving a link failed", cause), { source: identity.name }),
    ),
    Effect.ensuring(gone(ws)),
  )

/** Where the acceptor has not said goodbye itself; otherwise it has no effect. */
const codeOf = (exit: Exit.Exit<void>): number => {
  if (Exit.isSuccess(exit)) return SessionCode.none
  return Exit.isInterrupted(exit) ? SessionCode.shuttingDown : SessionCode.internal
}

const gone = (ws: WebSocket): Effect.Effect<void> =>
  Effect.async((resume) => {
    if (ws.readyState === WebSocket.CLOSED) resume(Effect.void)
    else ws.once("close", () => resume(Effect.void))
  })

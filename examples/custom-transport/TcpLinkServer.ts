/** Takes links over plain TCP on a net.Server: asks whose the token is before it reads a frame. */
import { LinkAcceptor } from "@rdl/core/link/Link"
import { SessionCode } from "@rdl/core/link/SessionCode"
import { Effect, FiberSet, Layer, type Scope } from "effect"
import type { Server, Socket } from "node:net"
import * as FirstLine from "./FirstLine.ts"
import { TcpLink } from "./TcpLink.ts"

/** Takes connections for as long as the scope lives. Closing it says SHUTTING_DOWN on every link and waits for their end, at most 1 s. */
export const attach = (server: Server): Effect.Effect<void, never, Scope.Scope | LinkAcceptor> =>
  Effect.gen(function* () {
    const acceptor = yield* LinkAcceptor
    const run = yield* FiberSet.makeRuntime<never, void>()
    const take = (socket: Socket) => void run(serve(acceptor, socket))
    yield* Effect.acquireRelease(
      Effect.sync(() => server.on("connection", take)),
      () => Effect.sync(() => server.off("connection", take)),
    )
  })

export const layer = (server: Server): Layer.Layer<never, never, LinkAcceptor> => Layer.scopedDiscard(attach(server))

const serve = (acceptor: LinkAcceptor["Type"], socket: Socket): Effect.Effect<void> =>
  Effect.gen(function* () {
    // An error nobody hears ends the process.
    socket.on("error", () => {})
    const token = yield* FirstLine.read(socket)
    const identity = yield* Effect.mapError(acceptor.authenticate(token || undefined), ({ reason }) => reason)
    socket.write("welcome\n")
    return { identity, link: new TcpLink(socket) }
  }).pipe(
    Effect.timeoutFail({
      duration: "10 seconds",
      onTimeout: () => "the token did not come, or was not checked, in time",
    }),
    Effect.matchEffect({
      onFailure: (why) => Effect.sync(() => socket.end(`${why}\n`, () => socket.destroy())),
      onSuccess: ({ identity, link }) =>
        acceptor
          .accept(link, identity)
          .pipe(
            Effect.ensuring(Effect.sync(() => link.close(SessionCode.shuttingDown, ""))),
            Effect.ensuring(gone(socket)),
          ),
    }),
    Effect.onInterrupt(() => Effect.sync(() => socket.destroy())),
  )

const gone = (socket: Socket): Effect.Effect<void> =>
  Effect.async((resume) => {
    if (socket.closed) resume(Effect.void)
    else socket.once("close", () => resume(Effect.void))
  })

/** Links of which the test speaks the far end by hand, on a real socket. */
import { Effect } from "effect"
import type * as net from "node:net"
import { WebSocket } from "ws"
import {
  dial,
  endpoint,
  goodToken,
  rawConnection,
  upgradeRequest,
  upgradeResponse,
  upgradingServer,
} from "./Loopback.ts"

/** Lets the event loop go round once. */
export const turn = Effect.async<void>((resume) => void setImmediate(() => resume(Effect.void)))

export const onceClosed = (socket: net.Socket) =>
  Effect.async<void>((resume) => void socket.once("close", () => resume(Effect.void)))

/** A link at the proxy whose far end the test speaks by hand, from the byte after the upgrade on. */
export const rawSource = Effect.gen(function* () {
  const { accepted, port } = yield* endpoint()
  const socket = yield* rawConnection(port)
  socket.write(upgradeRequest())
  const proxy = yield* accepted
  return { socket, proxy }
})

/** A link at a source whose far end the test speaks by hand. */
export const rawProxy = Effect.gen(function* () {
  let socket: net.Socket | undefined
  const { url } = yield* upgradingServer((request, accepted) => {
    socket = accepted
    accepted.write(upgradeResponse(request))
  })
  const source = yield* Effect.orDie(dial(url))
  return { socket: socket!, source }
})

/** The far end as a WebSocket client of its own, to send what a link never would. */
export const foreignSource = Effect.gen(function* () {
  const { accepted, url } = yield* endpoint()
  const socket = yield* Effect.acquireRelease(
    Effect.sync(() => {
      const headers = { authorization: `Bearer ${goodToken}` }
      return new WebSocket(`${url}/link/v1/ws`, "rdl.v1", { headers, perMessageDeflate: false })
    }),
    (ws) => Effect.sync(() => ws.terminate()),
  )
  yield* Effect.async<void>((resume) => void socket.once("open", () => resume(Effect.void)))
  const proxy = yield* accepted
  const closed = Effect.async<number>((resume) => void socket.once("close", (code) => resume(Effect.succeed(code))))
  return { socket, proxy, closed }
})

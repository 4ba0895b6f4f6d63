/** Requests that were sent on one connection without waiting for the answers before: how many may be, and when they are over. */
import type { IncomingMessage, ServerResponse } from "node:http"
import type { Socket } from "node:net"

/** Requests of one connection that are not answered yet; the connection of one more is cut. */
export const MAX_PIPELINED = 32

/** Of each connection, the answers that are not over. */
const unanswered = new WeakMap<Socket, Set<ServerResponse>>()

/**
 * From now on the response closes with its connection, also while it waits behind another one: Node tells that only to
 * the response whose turn it is, and what is done for the others would never end. False where the connection has been
 * cut, as too many wait; then nobody is to answer.
 */
export const track = (request: IncomingMessage, response: ServerResponse): boolean => {
  const responses = unanswered.get(request.socket) ?? begin(request.socket)
  if (responses.has(response)) return true
  if (responses.size >= MAX_PIPELINED) {
    request.socket.destroy()
    return false
  }
  responses.add(response)
  response.once("close", () => responses.delete(response))
  return true
}

const begin = (socket: Socket): Set<ServerResponse> => {
  const responses = new Set<ServerResponse>()
  unanswered.set(socket, responses)
  socket.once("close", () => {
    for (const response of responses) if (response.socket === null) close(response)
  })
  return responses
}

/** As Node closes one whose turn it is. */
const close = (response: ServerResponse): void => {
  response.destroy()
  response.emit("close")
}

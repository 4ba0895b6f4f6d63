/** The connections of a server: all of them, and how many each client has. */
import type { Server } from "node:http"
import type { Server as TlsServer } from "node:https"
import type { Socket } from "node:net"
import * as ClientAddress from "./ClientAddress.ts"
import * as Metrics from "./Metrics.ts"

export interface Limits {
  /** Connections of one client address, or one /64 of IPv6; more are dropped at once. */
  readonly maxConnectionsPerAddress: number
  /** Web servers in front, for which that does not hold. */
  readonly trusted: ClientAddress.TrustedProxies
}

/** Every open connection from now on: the server itself loses sight of those that were upgraded. */
export const track = (server: Server | TlsServer, limits: Limits): ReadonlySet<Socket> => {
  const sockets = new Set<Socket>()
  const counts = new Map<string, number>()
  server.on("connection", (socket: Socket) => {
    const address = ClientAddress.plain(socket.remoteAddress ?? "")
    const client = ClientAddress.networkOf(address)
    const count = (counts.get(client) ?? 0) + 1
    if (count > limits.maxConnectionsPerAddress && !limits.trusted.has(address)) return socket.destroy()
    counts.set(client, count)
    sockets.add(socket)
    Metrics.connectionsChanged(1)
    return socket.once("close", () => {
      const left = (counts.get(client) ?? 1) - 1
      if (left === 0) counts.delete(client)
      else counts.set(client, left)
      sockets.delete(socket)
      Metrics.connectionsChanged(-1)
    })
  })
  return sockets
}

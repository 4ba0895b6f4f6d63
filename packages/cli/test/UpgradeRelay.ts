/** An HTTP relay that has its own way with upgrades to WebSocket, as what stands before a proxy may; requests pass. */
import { createHash } from "node:crypto"
import { once } from "node:events"
import * as http from "node:http"
import * as net from "node:net"

/** What becomes of an upgrade: a status, 101 and then silence, 101 and then a reset, or what the target makes of it. */
export type Upgrades = number | "swallow" | "kill" | "pass"

export interface UpgradeRelay {
  readonly url: string
  upgrades: Upgrades
  /** Upgrades seen so far. */
  seen: number
  readonly close: () => Promise<void>
}

export const listen = async (targetPort: number, upgrades: Upgrades): Promise<UpgradeRelay> => {
  const agent = new http.Agent({ keepAlive: true })
  const sockets = new Set<net.Socket>()
  const server = http.createServer((request, response) => {
    const { headers, method, url } = request
    const onward = http.request(
      { port: targetPort, host: "127.0.0.1", agent, method, path: url, headers },
      (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.headers)
        answer.pipe(response)
      },
    )
    onward.on("error", () => response.destroy())
    response.on("close", () => onward.destroy())
    request.pipe(onward)
  })
  server.on("connection", (socket: net.Socket) => sockets.add(socket))
  server.listen(0, "127.0.0.1")
  await once(server, "listening")
  const relay: UpgradeRelay = {
    url: `http://127.0.0.1:${(server.address() as net.AddressInfo).port}`,
    upgrades,
    seen: 0,
    close: async () => {
      server.close()
      for (const socket of sockets) socket.destroy()
      agent.destroy()
      await once(server, "close")
    },
  }
  server.on("upgrade", (request: http.IncomingMessage, socket: net.Socket, head: Buffer) => {
    relay.seen += 1
    socket.on("error", () => {})
    if (typeof relay.upgrades === "number")
      return void socket.end(`HTTP/1.1 ${relay.upgrades} No\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`)
    if (relay.upgrades === "pass") return pass(targetPort, request, socket, head, sockets)
    socket.write(accepted(request), () => relay.upgrades === "kill" && socket.resetAndDestroy())
    socket.resume()
  })
  return relay
}

const accepted = (request: http.IncomingMessage): string => {
  const key = `${request.headers["sec-websocket-key"]}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`
  const accept = createHash("sha1").update(key).digest("base64")
  return [
    "HTTP/1.1 101 Switching Protocols",
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Protocol: rdl.v1",
    `Sec-WebSocket-Accept: ${accept}`,
    "",
    "",
  ].join("\r\n")
}

const pass = (
  port: number,
  { method, rawHeaders, url }: http.IncomingMessage,
  near: net.Socket,
  head: Buffer,
  sockets: Set<net.Socket>,
): void => {
  const far = net.connect(port, "127.0.0.1")
  sockets.add(far)
  const lines = rawHeaders.flatMap((name, at) => (at % 2 === 0 ? [`${name}: ${rawHeaders[at + 1]}`] : []))
  far.write([`${method} ${url} HTTP/1.1`, ...lines, "", ""].join("\r\n"))
  far.write(head)
  far.on("error", () => near.destroy()).on("close", () => near.destroy())
  near.on("close", () => far.destroy())
  near.pipe(far)
  far.pipe(near)
}

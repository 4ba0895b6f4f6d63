/** A Unix socket in front of an engine that tells what is asked of it and which logs are open: the engine does not say. */
import { connect, createServer, type Socket } from "node:net"
import { EventEmitter, once } from "node:events"

export interface EngineRelay {
  readonly socket: string
  /** Request lines such as `GET /v1.41/version HTTP/1.1`, in the order of coming. */
  readonly requests: ReadonlyArray<string>
  /** Paths of the logs whose connection is open. */
  readonly openLogs: () => ReadonlyArray<string>
  /** Waits until the open logs are as wanted. */
  readonly until: (wanted: (openLogs: ReadonlyArray<string>) => boolean) => Promise<void>
  readonly close: () => Promise<void>
}

/** Listens on the socket, and passes everything on to the engine. */
export const startRelay = async (socket: string, engine: string): Promise<EngineRelay> => {
  const requests: Array<string> = []
  const logs = new Map<Socket, string>()
  const sockets = new Set<Socket>()
  const changed = new EventEmitter().setMaxListeners(0)
  const server = createServer((client) => {
    const upstream = connect(engine)
    sockets.add(client)
    let held = ""
    client.on("data", (bytes) => {
      // A read has no body: one would show as a request of its own.
      const heads = (held + bytes.toString("latin1")).split("\r\n\r\n")
      held = heads.pop() ?? ""
      for (const head of heads) {
        const [line = ""] = head.split("\r\n")
        requests.push(line)
        if (line.includes("/logs?")) logs.set(client, line.split(" ")[1] ?? "")
        else logs.delete(client)
      }
      changed.emit("change")
      upstream.write(bytes)
    })
    upstream.pipe(client)
    upstream.on("error", () => client.destroy())
    client.on("error", () => {})
    client.on("close", () => {
      sockets.delete(client)
      logs.delete(client)
      upstream.destroy()
      changed.emit("change")
    })
  })
  server.listen(socket)
  await once(server, "listening")
  const openLogs = () => [...logs.values()]
  return {
    socket,
    requests,
    openLogs,
    until: async (wanted) => {
      while (!wanted(openLogs())) await once(changed, "change")
    },
    close: async () => {
      for (const one of sockets) one.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

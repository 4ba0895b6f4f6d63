/** A Unix socket in front of an engine that writes down every request line that passes. */
import { mkdtempSync, rmSync } from "node:fs"
import { connect, createServer, type Socket } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"

export interface RecordingRelay {
  readonly socket: string
  /** Such as `GET /_ping HTTP/1.1`, in the order of coming. */
  readonly requests: ReadonlyArray<string>
  /** Connections that carry a follow right now. */
  readonly follows: () => number
  /** Cuts every connection; new ones are let through. */
  readonly cut: () => void
  readonly close: () => Promise<void>
}

export const startRelay = async (engine: string): Promise<RecordingRelay> => {
  const dir = mkdtempSync(join(tmpdir(), "rdl-relay-"))
  const socket = join(dir, "engine.sock")
  const requests: Array<string> = []
  const sockets = new Set<Socket>()
  const following = new Set<Socket>()
  const server = createServer((client) => {
    const upstream = connect(engine)
    sockets.add(client)
    let held = ""
    client.on("data", (bytes) => {
      // Reads have no body: whatever is not a head would stand out as a request of its own.
      const parts = (held + bytes.toString("latin1")).split("\r\n\r\n")
      held = parts.pop() ?? ""
      requests.push(...parts.map((head) => head.split("\r\n")[0] ?? ""))
      if (parts.some((head) => head.includes("follow=1"))) following.add(client)
      upstream.write(bytes)
    })
    upstream.pipe(client)
    client.on("error", () => {})
    client.on("close", () => {
      sockets.delete(client)
      following.delete(client)
      upstream.destroy()
    })
    upstream.on("error", () => client.destroy())
  })
  await new Promise<void>((resolve) => server.listen(socket, resolve))
  const cut = () => {
    for (const one of sockets) one.destroy()
  }
  return {
    socket,
    requests,
    follows: () => following.size,
    cut,
    close: async () => {
      cut()
      await new Promise((resolve) => server.close(resolve))
      rmSync(dir, { recursive: true })
    },
  }
}

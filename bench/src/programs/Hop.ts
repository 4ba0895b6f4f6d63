/** The least that Node does to pass a log on: whoever connects gets what the file gains, or what another hop sends, as it is. */
import { closeSync, fstatSync, openSync, readSync, watch } from "node:fs"
import { type AddressInfo, connect, createServer, type Socket } from "node:net"
import { serve } from "../Parent.ts"

/** A file that grows, or the port of another hop. */
export type HopConfig = { readonly file: string } | { readonly from: number }

export interface HopReady {
  readonly port: number
}

const BLOCK_BYTES = 65_536

const giveFile = (file: string, socket: Socket): void => {
  const fd = openSync(file, "r")
  let position = fstatSync(fd).size
  const watcher = watch(file, () => {
    const block = Buffer.allocUnsafe(BLOCK_BYTES)
    const count = readSync(fd, block, 0, BLOCK_BYTES, position)
    position += count
    if (count > 0) socket.write(block.subarray(0, count))
  })
  socket.once("close", () => {
    watcher.close()
    closeSync(fd)
  })
}

const giveHop = (from: number, socket: Socket): void => {
  const hop = connect({ host: "127.0.0.1", port: from, noDelay: true })
  hop.on("error", () => socket.destroy())
  hop.on("data", (bytes) => socket.write(bytes))
  socket.once("close", () => hop.destroy())
}

serve(async (config: HopConfig) => {
  const server = createServer({ noDelay: true }, (socket) => {
    socket.on("error", () => undefined)
    // What is asked does not matter.
    socket.resume()
    if ("file" in config) giveFile(config.file, socket)
    else giveHop(config.from, socket)
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  return { ready: { port: (server.address() as AddressInfo).port } satisfies HopReady }
})

/** A plain Node HTTP pipe: asks its target what it is asked, and pipes the answer. What a relay costs at the least in Node. */
import { createServer, request as ask, type RequestOptions } from "node:http"
import type { AddressInfo } from "node:net"
import { pipeline } from "node:stream"
import { serve } from "../Parent.ts"

export interface PipeConfig {
  readonly target: Pick<RequestOptions, "host" | "port" | "socketPath">
}

export interface PipeReady {
  readonly port: number
}

serve(async ({ target }: PipeConfig) => {
  const server = createServer((incoming, outgoing) => {
    const upstream = ask({ ...target, path: incoming.url ?? "/", headers: { host: "engine" } }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, { "content-type": answer.headers["content-type"] ?? "text/plain" })
      outgoing.flushHeaders()
      pipeline(answer, outgoing, () => upstream.destroy())
    })
    upstream.on("error", () => outgoing.destroy())
    upstream.end()
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  return { ready: { port: (server.address() as AddressInfo).port } satisfies PipeReady }
})

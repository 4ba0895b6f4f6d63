/** The answer to an upgrade that does not become a link: an HTTP response in rdl's JSON form, written by hand since no server does it after an upgrade. */
import { STATUS_CODES } from "node:http"
import type { Duplex } from "node:stream"

export interface UpgradeRefusal {
  readonly status: number
  readonly code: string
  readonly message: string
  readonly headers?: Readonly<Record<string, string>>
}

/** Milliseconds the peer has to take the answer and hang up. */
const lingerMs = 1000

/** Answers and closes: whatever the peer still sends is read and dropped, so that the answer is not lost to a reset. */
export const answer = (socket: Duplex, { code, headers, message, status }: UpgradeRefusal): void => {
  if (socket.destroyed || socket.writableEnded) return
  const body = JSON.stringify({ error: { code, message } })
  const fields = {
    "content-type": "application/json",
    "content-length": String(Buffer.byteLength(body)),
    connection: "close",
    ...headers,
  }
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}`)
  const timer = setTimeout(() => socket.destroy(), lingerMs)
  socket.once("close", () => clearTimeout(timer))
  socket.resume()
  socket.end([`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}`, ...lines, "", body].join("\r\n"))
}

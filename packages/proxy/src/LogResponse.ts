/** A log on its way into an HTTP response: frames go to the socket as they came, unparsed and uncopied. */
import type { RoutedLog } from "@rdl/core/routing/RequestRouter"
import { Effect } from "effect"
import type { ServerResponse } from "node:http"
import { Socket } from "node:net"

/**
 * Sends the head at once, then every byte of the log; returns when the response is over, however it ended.
 * Credit is given back as the socket takes the bytes, so a reader that stops holds at most its stream's window.
 * Only the log's own end ends the response well: anything else destroys the connection. So does interruption.
 */
export const send = (
  response: ServerResponse,
  log: RoutedLog,
  headers: Readonly<Record<string, string>>,
): Effect.Effect<void> =>
  Effect.async<void>((resume) => {
    const { reader } = log
    let waiting = 0
    const onDrain = () => {
      const bytes = waiting
      waiting = 0
      if (bytes > 0) reader.consumed(bytes)
    }
    response.on("drain", onDrain)
    response.once("close", () => resume(Effect.void))
    response.writeHead(200, headers)
    response.flushHeaders()
    reader.start({
      onData: (bytes) => {
        if (response.destroyed) return
        if (response.write(bytes)) reader.consumed(bytes.length)
        else waiting += bytes.length
      },
      onEnd: (result) => {
        if ("_tag" in result) resume(abort(response))
        else response.end()
      },
    })
    return abort(response)
  })

/** The head alone. */
export const sendHead = (response: ServerResponse, headers: Readonly<Record<string, string>>): Effect.Effect<void> =>
  Effect.sync(() => {
    response.writeHead(200, headers)
    response.end()
  })

/** Breaks a response off so that its reader can tell. Without chunks only a reset says so: HTTP/1.0 ends a body by closing. */
const abort = (response: ServerResponse): Effect.Effect<void> =>
  Effect.sync(() => {
    if (response.writableFinished) return
    const { socket } = response
    if (!response.chunkedEncoding && socket !== null && socket.constructor === Socket) socket.resetAndDestroy()
    response.destroy()
    // The platform answers an interrupted request unless its response has ended; nothing leaves a destroyed socket.
    response.end()
  })

/** A log on its way into an HTTP response: frames go to the socket as they came, unparsed and uncopied. */
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import type { LogFormat } from "@rdl/core/log/LogQuery"
import type { LogFeed } from "@rdl/core/routing/LogFeed"
import { Context, Duration, Effect } from "effect"
import type { ServerResponse } from "node:http"
import { Socket } from "node:net"
import { GAP_TRAILER, LogSending } from "./LogSending.ts"
import * as LogWords from "./LogWords.ts"

/** How long a reader may take nothing of what waits for it before its connection is destroyed. Default 10 min. */
export class StalledAfter extends Context.Reference<StalledAfter>()("@rdl/proxy/StalledAfter", {
  defaultValue: (): Duration.DurationInput => "10 minutes",
}) {}

/** How often a log is looked at for signs of life: after the third time in silence one goes out. */
const LOOK_EVERY = "5 seconds"

/**
 * Sends the head at once, then every byte of the log; returns when the response is over, however it ended.
 * Credit is given back as the socket takes the bytes, so a reader that stops holds at most its stream's window, and no
 * longer than StalledAfter. Only the log's own end ends the response well: anything else destroys the connection. So
 * does interruption. Gaps are told in the words of the format, which are none by default, else in a trailer.
 */
export const send = (
  response: ServerResponse,
  { reader }: { readonly reader: LogFeed },
  headers: Readonly<Record<string, string>>,
  format: LogFormat = "raw",
): Effect.Effect<void> =>
  Effect.flatMap(StalledAfter, (stalledAfter) => {
    const words = LogWords.of(format)
    let breakOff = () => {}
    // An HTTP/1.0 answer has no chunks, and so no place for a trailer.
    const hasTrailer = words === undefined && response.useChunkedEncodingByDefault
    const sending = new LogSending({ response, reader, words, hasTrailer, onBroken: () => breakOff() })
    const sent = Effect.async<void>((resume) => {
      breakOff = () => resume(abort(response))
      response.once("close", () => resume(Effect.void))
      // Node's timer begins anew with whatever the socket takes, be it a part of one write.
      response.setTimeout(Duration.toMillis(stalledAfter), () => {
        if (response.writableLength > 0) breakOff()
      })
      response.writeHead(200, hasTrailer ? { ...headers, trailer: GAP_TRAILER } : headers)
      response.flushHeaders()
      reader.start(sending)
      return abort(response)
    })
    if (words === undefined) return sent
    return Effect.raceFirst(sent, Effect.forever(Effect.andThen(Effect.sleep(LOOK_EVERY), Effect.sync(sending.look))))
  })

/** What the platform, and a trace by it, is told of an answer that went past the platform: that it was one. */
export const sent = HttpServerResponse.empty({ status: 200 })

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

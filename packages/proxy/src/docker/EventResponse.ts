/** Lines on their way into an HTTP response as they come, at the pace of its reader. */
import { Effect, Exit, Stream } from "effect"
import type { ServerResponse } from "node:http"

/** Sends the head at once; returns when the response is over. It ends well only where the stream does: any failure destroys the connection. */
export const send = <E>(response: ServerResponse, lines: Stream.Stream<string, E>): Effect.Effect<void> => {
  const pour = Stream.runForEach(lines, (line) => write(response, line))
  const closed = Effect.async<void>((resume) => {
    const done = () => resume(Effect.void)
    response.once("close", done)
    return Effect.sync(() => response.off("close", done))
  })
  return Effect.sync(() => {
    response.writeHead(200, { "content-type": "application/json", "cache-control": "no-store, no-transform" })
    response.flushHeaders()
  }).pipe(
    Effect.zipRight(Effect.raceFirst(pour, closed)),
    Effect.onExit((exit) =>
      Effect.sync(() => {
        if (!Exit.isSuccess(exit)) response.destroy()
        // The platform answers an interrupted request unless its response has ended; nothing leaves a destroyed socket.
        response.end()
      }),
    ),
    Effect.catchAllCause(() => Effect.void),
  )
}

/** Waits until there is room again. */
const write = (response: ServerResponse, line: string): Effect.Effect<void> =>
  Effect.async<void>((resume) => {
    if (response.destroyed || response.write(line)) return resume(Effect.void)
    const go = () => resume(Effect.void)
    response.once("drain", go)
    return Effect.sync(() => response.off("drain", go))
  })

/** The one line each side says before the first frame: the source its token, the proxy its answer. */
import { Effect } from "effect"
import type { Socket } from "node:net"

const maxBytes = 8 * 1024

/** Waits for the line, and leaves what follows it unread. Fails, saying why, where none comes. */
export const read = (socket: Socket): Effect.Effect<string, string> =>
  Effect.async<string, string>((resume) => {
    let held = Buffer.alloc(0)
    const onData = (bytes: Buffer): void => {
      held = Buffer.concat([held, bytes])
      const end = held.indexOf("\n")
      if (end < 0 && held.length <= maxBytes) return
      stop()
      socket.pause()
      if (end < 0) return resume(Effect.fail("the first line does not end"))
      if (end + 1 < held.length) socket.unshift(held.subarray(end + 1))
      resume(Effect.succeed(held.toString("latin1", 0, end)))
    }
    const onEnd = (error?: unknown): void => {
      stop()
      resume(Effect.fail(error instanceof Error ? error.message : "the connection ended before a word was said"))
    }
    const stop = (): void => void socket.off("data", onData).off("end", onEnd).off("error", onEnd)
    socket.on("data", onData).on("end", onEnd).on("error", onEnd).resume()
    return Effect.sync(stop)
  })

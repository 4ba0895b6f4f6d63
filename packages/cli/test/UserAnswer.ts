/** A user's HTTP request on a socket of its own, read as fast, as slowly or as little as a test wants. */
import { Effect, type Scope } from "effect"
import { createHash } from "node:crypto"
import * as http from "node:http"

/** All at once, not at all, or so many bytes a second. */
export type Pace = "fast" | "never" | { readonly bytesPerSecond: number }

export interface UserAnswer {
  readonly status: number
  /** Bytes read so far, and their digest. */
  readonly bytes: () => number
  readonly sha256: () => string
  /** The last 64 KiB at most. */
  readonly text: () => string
  /** Whether it came whole; waits for its end. */
  readonly ended: Effect.Effect<"whole" | "broken">
  readonly isOver: () => boolean
  readonly go: (pace: Pace) => void
  /** Closes the connection. */
  readonly leave: () => void
}

const KEPT = 64 * 1024
const TICK_MS = 100

/** Asks, and returns as soon as the headers are there. The scope closes the connection. */
export const ask = (url: string, token: string, pace: Pace = "fast"): Effect.Effect<UserAnswer, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.async<UserAnswer>((resume) => {
      const headers = { authorization: `Bearer ${token}` }
      const request = http.get(url, { agent: false, headers })
      request.on("error", (error) => resume(Effect.die(error)))
      request.on("response", (response) => resume(Effect.succeed(answerOf(request, response, pace))))
    }),
    (answer) => Effect.sync(() => answer.leave()),
  )

const answerOf = (request: http.ClientRequest, response: http.IncomingMessage, pace: Pace): UserAnswer => {
  const digest = createHash("sha256")
  let bytes = 0
  let tail = Buffer.alloc(0)
  let over: "whole" | "broken" | undefined
  let timer: NodeJS.Timeout | undefined
  const take = (chunk: Buffer) => {
    digest.update(chunk)
    bytes += chunk.length
    tail = Buffer.concat([tail, chunk]).subarray(-KEPT)
  }
  const ended = new Promise<"whole" | "broken">((resolve) =>
    response.on("close", () => {
      clearInterval(timer)
      over = response.complete && response.readableEnded ? "whole" : "broken"
      resolve(over)
    }),
  )
  response.on("error", () => undefined)
  const go = (wanted: Pace) => {
    clearInterval(timer)
    response.off("data", take)
    response.pause()
    if (wanted === "fast") response.on("data", take).resume()
    if (typeof wanted === "string") return
    const share = Math.max(1, Math.floor((wanted.bytesPerSecond * TICK_MS) / 1000))
    timer = setInterval(() => {
      const chunk = response.read(Math.min(share, response.readableLength)) as Buffer | null
      if (chunk !== null) take(chunk)
    }, TICK_MS)
  }
  go(pace)
  return {
    status: response.statusCode ?? 0,
    bytes: () => bytes,
    sha256: () => digest.copy().digest("hex"),
    text: () => tail.toString(),
    ended: Effect.promise(() => ended),
    isOver: () => over !== undefined,
    go,
    leave: () => void request.destroy(),
  }
}

/** A streamed answer of the engine as one effect: it succeeds when the answer is whole, and interrupting it drops the connection at once. */
import { Effect } from "effect"
import { type EngineAddress, type EngineUnavailable, explain } from "./EngineAddress.ts"
import * as EngineError from "./EngineError.ts"
import type { EngineRequest } from "./EngineRequest.ts"
import type { HttpHead } from "./HttpBody.ts"
import * as HttpGet from "./HttpGet.ts"

/** Holds a streamed answer back, or lets it come. */
export type Flow = Pick<HttpGet.HttpGet, "pause" | "resume">

/** Where a streamed answer goes; called outside of Effect, once the engine has said 200. What a sink throws is a defect. */
export interface BodySink {
  /** The engine's headers are here, its bytes follow. */
  readonly onOpen: (flow: Flow) => void
  /** A view of bytes read from the socket, valid only during the call. */
  readonly onData: (slice: Uint8Array) => void
  /** All that the socket held has been handed over. */
  readonly onSettled: () => void
}

/** How long the engine may take to send its headers, connecting included. */
const HEAD_TIMEOUT_MS = 30_000
/** The longest error text of the engine that is read. */
const MAX_PROBLEM = 64 * 1024

/** Asks on a connection of its own; the headers may take `headTimeoutMs`, 0 = for ever. */
export const run = (
  address: EngineAddress,
  request: EngineRequest,
  sink: BodySink,
  headTimeoutMs: number = HEAD_TIMEOUT_MS,
): Effect.Effect<void, EngineUnavailable | EngineError.EngineError> =>
  Effect.async((resume) => {
    let refused: { readonly status: number; body: string } | undefined
    const guard =
      <A extends ReadonlyArray<unknown>>(call: (...given: A) => void) =>
      (...given: A): void => {
        try {
          call(...given)
        } catch (error) {
          get.destroy()
          resume(Effect.die(error))
        }
      }
    const get = HttpGet.start(
      { address, path: request, headTimeoutMs },
      {
        onHead: guard((head: HttpHead) => {
          if (head.status === 200) sink.onOpen(get)
          else refused = { status: head.status, body: "" }
        }),
        onData: guard((slice: Uint8Array) => {
          if (refused === undefined) sink.onData(slice)
          else if (refused.body.length < MAX_PROBLEM) refused.body += Buffer.from(slice).toString("utf8")
        }),
        onSettled: guard(() => {
          if (refused === undefined) sink.onSettled()
        }),
        onEnd: () =>
          resume(
            refused === undefined ? Effect.void : Effect.fail(EngineError.fromAnswer(refused.status, refused.body)),
          ),
        onError: (error) => resume(Effect.fail(explain(address, error))),
      },
    )
    return Effect.sync(() => get.destroy())
  })

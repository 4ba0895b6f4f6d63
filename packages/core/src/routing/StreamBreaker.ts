/** Ends a stream before its time, where its reader must not get another byte. */
import { Effect, type Scope } from "effect"
import type { StreamReader } from "../link/LinkSession.ts"
import type { LogFeed, LogHandlers, LogResult } from "./LogFeed.ts"
import { StreamError } from "../link/StreamError.ts"
import type { TokenRejected } from "../token/TokenVerifier.ts"

/** The same stream, ended as broken once the token it was opened with has lapsed; watched until the scope closes. */
export const breakable = Effect.fnUntraced(function* (
  reader: StreamReader,
  lapsed: Effect.Effect<TokenRejected>,
): Effect.fn.Return<LogFeed, never, Scope.Scope> {
  let handlers: LogHandlers | undefined
  let ended: LogResult | undefined
  const end: LogHandlers["onEnd"] = (result) => {
    if (ended !== undefined) return
    ended = result
    handlers?.onEnd(result)
  }
  yield* lapsed.pipe(
    Effect.map((rejected) => end(new StreamError({ reason: "forbidden", detail: rejected.message }))),
    Effect.forkScoped,
  )
  return {
    head: reader.head,
    consumed: reader.consumed,
    isClean: () => false,
    place: () => undefined,
    start: (attached) => {
      handlers = attached
      if (ended !== undefined) return attached.onEnd(ended)
      reader.start({
        onData: (bytes) => {
          if (ended === undefined) attached.onData(bytes)
        },
        onEnd: end,
      })
    },
  }
})

/** Keeps an inventory fed from the stream a source opens for it, as long as the session lives. */
import { Effect } from "effect"
import type { Inventory } from "./Inventory.ts"
import type { End } from "../link/LinkMessage.ts"
import type { LinkLost, ProxySession, StreamReader } from "../link/LinkSession.ts"
import { SessionCode } from "../link/SessionCode.ts"
import type { StreamError } from "../link/StreamError.ts"

/** What a source sent that it may not; its session is closed for it. */
interface Violation {
  readonly _tag: "Violation"
  readonly detail: string
}

/**
 * Feeds until the session is lost. A stream that ends while the link lives is opened again, after 1 s at first and 30 s
 * at most; a source that sends what cannot be right loses its link. `onNews` is called after whatever was applied.
 */
export const run = Effect.fnUntraced(function* (
  session: ProxySession,
  inventory: Inventory,
  onNews: () => void,
): Effect.fn.Return<void> {
  for (let pause = 1_000; ; pause = Math.min(2 * pause, 30_000)) {
    if (yield* afterEnd(session, yield* feedOnce(session, inventory, onNews))) return
    yield* Effect.sleep(pause)
  }
})

type Ended = End | StreamError | LinkLost | Violation

const feedOnce = (session: ProxySession, inventory: Inventory, onNews: () => void): Effect.Effect<Ended> =>
  Effect.scoped(
    Effect.gen(function* () {
      const reader = yield* session.open({ op: "inventory" })
      inventory.restart()
      return yield* pour(reader, inventory, onNews)
    }),
  ).pipe(Effect.catchAll((error) => Effect.succeed(error)))

/** Whether there is nothing more to feed from. */
const afterEnd = Effect.fnUntraced(function* (session: ProxySession, ended: Ended) {
  if (!("_tag" in ended)) return false
  if (ended._tag === "LinkLost") return true
  const source = session.welcome.source
  if (ended._tag === "Violation") {
    yield* Effect.logWarning(`the source ${source} sent ${ended.detail}; its link is closed`)
    yield* session.close(SessionCode.protocol, `the inventory stream held ${ended.detail}`)
    return true
  }
  yield* Effect.logDebug(`the inventory of ${source} broke off: ${ended.reason}`)
  return false
})

/** Bytes are applied as they come and paid back at once: what is held is bounded by the inventory, not by credit. */
const pour = (reader: StreamReader, inventory: Inventory, onNews: () => void): Effect.Effect<Ended> =>
  Effect.async<Ended>((resume) => {
    reader.start({
      onData: (bytes) => {
        const problem = inventory.push(bytes)
        if (problem !== undefined) return resume(Effect.succeed({ _tag: "Violation", detail: problem }))
        reader.consumed(bytes.length)
        onNews()
      },
      onEnd: (result) => resume(Effect.succeed(result)),
    })
  })

/** Why a follow has ended: what has become of the container whose log it was. */
import { Clock, Effect } from "effect"
import type { End } from "@rdl/core/link/LinkMessage"
import { toMillis } from "@rdl/core/log/LogTime"
import type { EngineClient } from "../engine/EngineClient.ts"
import { isRunning } from "../engine/EngineContainer.ts"
import type { ReadProblem } from "../engine/EngineProblems.ts"
import type { LogAsk } from "../log/LogOrigin.ts"

/** Podman stops a container before it removes it, and shows it so meanwhile: what it says has ended is looked at again so many milliseconds later. */
export const SECOND_LOOK_MS = 1_000

type Client = Pick<typeof EngineClient.Service, "inspect">
interface Ask {
  readonly query: Pick<LogAsk["query"], "until">
  readonly container: Pick<LogAsk["container"], "id">
  /** As they were when the log was opened. */
  readonly details: Pick<LogAsk["details"], "status" | "startedAt">
  readonly engine: Pick<LogAsk["engine"], "kind">
}
/** `other`: it runs, but it was started anew. */
type Found = "same" | "other" | "ended" | "removed"

/** Undefined where the container runs as it did: it was the engine that ended the follow. Fails where there is no such container. */
export const reason = Effect.fnUntraced(function* (
  client: Client,
  ask: Ask,
): Effect.fn.Return<End["reason"] | undefined, ReadProblem> {
  const { query, details, engine } = ask
  if (query.until !== undefined && toMillis(query.until) <= (yield* Clock.currentTimeMillis)) return "eof"
  let found = yield* look(client, ask)
  if (found === "ended" && engine.kind === "podman" && isRunning(details.status)) {
    yield* Effect.sleep(SECOND_LOOK_MS)
    found = yield* look(client, ask)
  }
  if (found === "same") return undefined
  return found === "removed" ? "removed" : "stopped"
})

const look = (client: Client, { container, details }: Ask): Effect.Effect<Found, ReadProblem> =>
  Effect.map(client.inspect(container.id), ({ status, startedAt }): Found => {
    if (status === "removing" || status === "dead") return "removed"
    if (!isRunning(status)) return "ended"
    return startedAt !== "" && startedAt === details.startedAt ? "same" : "other"
  })

/** The origin of logs that is always there: it asks the engine's API, and makes good what engines lose or repeat on the way. */
import { Effect } from "effect"
import { StreamError } from "@rdl/core/link/StreamError"
import { EngineClient } from "../engine/EngineClient.ts"
import { EngineReading, type ReadingSettings } from "./EngineReading.ts"
import { MAX_PODMAN_TAIL } from "./EngineWindow.ts"
import type { LogAsk, LogOrigin } from "../log/LogOrigin.ts"

export { MAX_PODMAN_TAIL } from "./EngineWindow.ts"

/** `settings` are for tests, which cannot wait. */
export const make = (settings: Partial<ReadingSettings> = {}): Effect.Effect<LogOrigin, never, EngineClient> =>
  Effect.map(EngineClient, (client) => ({
    name: "engine",
    read: Effect.fn("EngineOrigin.read")(function* (ask, taker) {
      yield* refuse(ask)
      return yield* new EngineReading(client, ask, taker, settings).run
    }),
  }))

const refuse = ({ engine, query }: LogAsk): Effect.Effect<void, StreamError> =>
  engine.kind === "podman" && query.tail !== undefined && query.tail > MAX_PODMAN_TAIL
    ? Effect.fail(
        new StreamError({
          reason: "bad-request",
          detail: `Podman gives at most the last ${MAX_PODMAN_TAIL} lines; ask for fewer, or for all`,
        }),
      )
    : Effect.void

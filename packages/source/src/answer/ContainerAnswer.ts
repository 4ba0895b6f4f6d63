/** Answers what is asked of one container beside its log. */
import { Effect } from "effect"
import type { End, OpenAbout } from "@rdl/core/link/LinkMessage"
import type { StreamWriter } from "@rdl/core/link/LinkSession"
import { StreamError } from "@rdl/core/link/StreamError"
import * as ContainerInspection from "@rdl/core/model/ContainerInspection"
import type { SourceName } from "@rdl/core/model/SourceName"
import * as ContainerAccess from "./ContainerAccess.ts"
import type { EngineClient } from "../engine/EngineClient.ts"
import type { ContainerNotFound, EngineProblem } from "../engine/EngineError.ts"
import type { Inventory } from "../inventory/Inventory.ts"
import * as LineRelay from "./LineRelay.ts"

/** The longest answer that is one JSON document, in bytes. */
export const MAX_DOCUMENT = 1024 * 1024

/** Writes the answer; names in it read `/source/name`. What is out of the asker's scope looks like what does not exist. */
export const write = Effect.fn("ContainerAnswer.write")(function* (
  client: typeof EngineClient.Service,
  inventory: typeof Inventory.Service,
  source: SourceName,
  request: OpenAbout,
  writer: StreamWriter,
): Effect.fn.Return<End, StreamError> {
  const { id } = yield* ContainerAccess.find(inventory, source, request)
  if (request.op === "stats") {
    const relay = LineRelay.make(writer, (line) => named(line, source))
    yield* client.stats(id, request, relay).pipe(Effect.mapError(asStreamError), Effect.catchAllDefect(broken))
    relay.end()
    return { reason: "eof" }
  }
  const text =
    request.op === "inspect"
      ? Effect.map(client.inspection(id), (told) =>
          JSON.stringify({ ...ContainerInspection.alone(told), Name: `/${source}${told.Name}` }),
        )
      : Effect.map(client.top(id, request.columns), (table) => JSON.stringify(table))
  const bytes = Buffer.from(yield* Effect.mapError(text, asStreamError))
  if (bytes.length > MAX_DOCUMENT)
    return yield* new StreamError({ reason: "engine-error", detail: `its answer is longer than ${MAX_DOCUMENT} bytes` })
  writer.head({ contentType: "application/json" })
  writer.write(bytes)
  return { reason: "eof" }
})

/** Only the name, which Podman tells without a slash, is touched: figures are of 64 bits, which do not go through a number unharmed. */
const named = (figures: string, source: SourceName): string =>
  figures.replace(/"name":"\/?([a-zA-Z0-9][a-zA-Z0-9_.-]*)"/, `"name":"/${source}/$1"`)

const REASON = {
  ContainerNotFound: "not-found",
  EngineUnavailable: "engine-unavailable",
  EngineError: "engine-error",
} as const satisfies Record<(EngineProblem | ContainerNotFound)["_tag"], StreamError["reason"]>

/** Where the engine's socket is, is not for the user's eyes; the engine's own words are. */
export const asStreamError = (error: EngineProblem | ContainerNotFound): StreamError =>
  new StreamError({
    reason: REASON[error._tag],
    detail:
      error._tag === "EngineUnavailable"
        ? "the container engine cannot be reached"
        : error._tag === "EngineError"
          ? error.detail
          : error.message,
  })

/** What a relay throws. */
export const broken = (defect: unknown): Effect.Effect<never, StreamError> =>
  Effect.fail(new StreamError({ reason: "engine-error", detail: String(defect) }))

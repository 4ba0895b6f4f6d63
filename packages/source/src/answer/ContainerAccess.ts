/** Which container of this machine a request is about, if the asker may know of it. */
import { Effect, Option } from "effect"
import { StreamError } from "@rdl/core/link/StreamError"
import type { Container, ContainerId } from "@rdl/core/model/Container"
import type { SourceName } from "@rdl/core/model/SourceName"
import { permits } from "@rdl/core/token/Authorization"
import type { Scope } from "@rdl/core/token/TokenClaims"
import type { Inventory } from "../inventory/Inventory.ts"

/** Checks the asker's scope against what this machine really has; what is out of scope looks like what does not exist. */
export const find = Effect.fnUntraced(function* (
  inventory: typeof Inventory.Service,
  source: SourceName,
  { containerId, scope }: { readonly containerId: ContainerId; readonly scope: Scope },
): Effect.fn.Return<Container, StreamError> {
  const known = yield* inventory.get(containerId)
  if (Option.isSome(known) && permits(scope, { source, container: known.value })) return known.value
  if ((yield* inventory.engine) === null)
    return yield* new StreamError({ reason: "engine-unavailable", detail: "the container engine cannot be reached" })
  return yield* new StreamError({ reason: "not-found", detail: `no such container: ${containerId}` })
})

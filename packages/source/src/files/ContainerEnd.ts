/** Finds out that a container has stopped: its log is complete then, and a follow of it over. */
import { Effect } from "effect"
import type { ContainerId } from "@rdl/core/model/Container"
import type { End } from "@rdl/core/link/LinkMessage"
import type { EngineClient } from "../engine/EngineClient.ts"
import { type ContainerDetails, isRunning } from "../engine/EngineContainer.ts"

/** Waits until a container does not run any more, or is not in the run that it was in when its details were told. */
export type ContainerEnd = (details: Run) => Effect.Effect<End["reason"]>

type Run = Pick<ContainerDetails, "id" | "startedAt">

export interface Options {
  readonly inspect: (typeof EngineClient.Service)["inspect"]
  /** Whether it runs as far as is known without asking the engine; default: the engine is asked every time. */
  readonly seemsToRun?: (id: ContainerId) => Effect.Effect<boolean>
  /** Milliseconds from one question to the engine to the next; default 1000. */
  readonly askMs?: number
}

/** How often to look at what is known, and at the engine, in milliseconds. */
const LOOK_MS = 100
const ASK_MS = 1_000

/** An engine that cannot be reached has not said that the container stopped: then it goes on. */
export const make =
  ({ inspect, seemsToRun, askMs = ASK_MS }: Options): ContainerEnd =>
  ({ id, startedAt }) =>
    Effect.gen(function* () {
      for (let first = true; ; first = false) {
        if (!first) yield* Effect.sleep(seemsToRun === undefined ? askMs : LOOK_MS)
        if (!first && seemsToRun !== undefined && (yield* seemsToRun(id))) continue
        const { status, startedAt: now } = yield* inspect(id).pipe(
          Effect.catchTag("ContainerNotFound", () => Effect.succeed({ status: "removing", startedAt })),
          Effect.orElseSucceed(() => ({ status: "running", startedAt })),
        )
        if (status === "removing" || status === "dead") return "removed"
        if (!isRunning(status) || now !== startedAt) return "stopped"
        // The engine says that it runs, whatever is known here: no need to ask it again at once.
        if (seemsToRun !== undefined) yield* Effect.sleep(askMs)
      }
    })

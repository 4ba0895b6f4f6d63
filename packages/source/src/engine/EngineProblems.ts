/** What the engine's failures are called towards the user. */
import { StreamError } from "@rdl/core/link/StreamError"
import type { ContainerNotFound, EngineProblem, LogsUnsupported } from "./EngineError.ts"

export type ReadProblem = EngineProblem | ContainerNotFound | LogsUnsupported

const reasons = {
  ContainerNotFound: "not-found",
  LogsUnsupported: "logs-unsupported",
  EngineUnavailable: "engine-unavailable",
  EngineError: "engine-error",
} as const satisfies Record<ReadProblem["_tag"], StreamError["reason"]>

/** Where the engine's socket is, is not for the user's eyes. */
export const asStreamError = (error: ReadProblem): StreamError =>
  new StreamError({
    reason: reasons[error._tag],
    detail: error._tag === "EngineUnavailable" ? "the container engine cannot be reached" : error.message,
  })

/** A log that was being read. */
export const brokenOff = (error: ReadProblem | StreamError): StreamError => {
  if (error._tag === "StreamError") return error
  if (error._tag === "EngineUnavailable")
    return new StreamError({
      reason: "engine-unavailable",
      detail: `the log broke off, and the container engine could not be reached again: ${error.detail}`,
    })
  return new StreamError({ reason: reasons[error._tag], detail: `the log broke off: ${error.message}` })
}

/** What a user is told when a source could not serve: every way a stream fails before its head, as an API error. */
import { ApiError, type ApiErrorCode } from "../api/ApiError.ts"
import type { LinkLost } from "../link/LinkSession.ts"
import type { SourceUnavailable } from "./SourceRegistry.ts"
import type { StreamError, StreamErrorReason } from "../link/StreamError.ts"

/** What the reasons of a stream come to; `forbidden` looks like a container that does not exist. */
const CODE: Record<StreamErrorReason, ApiErrorCode> = {
  "not-found": "no-such-container",
  forbidden: "no-such-container",
  "logs-unsupported": "logs-unsupported",
  "bad-request": "bad-parameter",
  "resume-impossible": "bad-parameter",
  "engine-unavailable": "engine-unavailable",
  "engine-error": "engine-error",
  silent: "source-silent",
  stalled: "source-silent",
  "too-many-streams": "source-busy",
  cancelled: "source-error",
  "flow-control": "source-error",
  internal: "source-error",
}

/** The one answer for a container that is not there, or not in the asker's scope. */
export const noSuchContainer = (ref: string): ApiError =>
  new ApiError({ code: "no-such-container", message: `no such container: ${ref}; GET /containers?all=1 lists them` })

/** The source has no link, or no room; says when to come back. */
export const fromUnavailable = (error: SourceUnavailable): ApiError =>
  error.reason === "offline"
    ? offline(error.source)
    : new ApiError({
        code: "source-busy",
        message: `${error.message}; ask again in a few seconds`,
        source: error.source,
        retryAfterSeconds: 5,
      })

/** The source refused, or was lost on the way. */
export const fromStreamFailure = (error: StreamError | LinkLost, source: string, ref: string): ApiError => {
  if (error._tag === "LinkLost") return offline(source)
  const code = CODE[error.reason]
  if (code === "no-such-container") return noSuchContainer(ref)
  return new ApiError({
    code,
    message: `the source ${source} answered: ${oneLine(error.detail)}`,
    source,
    ...(RETRY_LATER.has(code) ? { retryAfterSeconds: 10 } : {}),
  })
}

const RETRY_LATER = new Set<ApiErrorCode>(["engine-unavailable", "engine-error", "source-error"])

const offline = (source: string): ApiError =>
  new ApiError({
    code: "source-offline",
    message: `the source ${source} is offline; its link comes back by itself once its host and network do`,
    source,
    retryAfterSeconds: 10,
  })

/** A source's sentence, fit for a user's terminal: one line without control characters, 300 characters at most. */
const oneLine = (text: string): string => text.slice(0, 300).replaceAll(/\p{C}+/gu, " ")

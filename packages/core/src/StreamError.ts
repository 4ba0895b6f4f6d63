/** Why a stream of a link ended badly: the RESET codes of docs/protocol.md. */
import { Schema } from "effect"

export const StreamErrorReason = Schema.Literal(
  "cancelled",
  "not-found",
  "logs-unsupported",
  "engine-unavailable",
  "engine-error",
  "bad-request",
  "resume-impossible",
  "forbidden",
  "stalled",
  "flow-control",
  "internal",
)
export type StreamErrorReason = typeof StreamErrorReason.Type

/** A stream that was refused or broke off; `detail` is fit for the user's eyes. */
export class StreamError extends Schema.TaggedError<StreamError>()("StreamError", {
  reason: StreamErrorReason,
  detail: Schema.String,
}) {
  override get message(): string {
    return this.detail
  }
}

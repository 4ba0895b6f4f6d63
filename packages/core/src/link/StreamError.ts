/** Why a stream of a link ended badly: the RESET codes of docs/protocol.md#stream-codes. */
import { Schema } from "effect"

/** Why a stream did not come to its END; each has a code of its own. protocol.md#stream-codes */
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
  /** Refused for lack of room: the link's streams or the process's credit are used up. */
  "too-many-streams",
  /** The source did not begin to answer in time. */
  "silent",
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

/** The first stream code; those below are session codes (SessionCode.ts). The others follow in the order above. */
const FIRST_CODE = 32

/** The code RESET carries for a reason. */
export const codeOf = (reason: StreamErrorReason): number => FIRST_CODE + StreamErrorReason.literals.indexOf(reason)

/** The reason of a code; one that is unknown, or none of a stream, counts as `internal`. */
export const reasonOf = (code: number): StreamErrorReason => StreamErrorReason.literals[code - FIRST_CODE] ?? "internal"

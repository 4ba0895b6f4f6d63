/** What both ends say over HTTP besides frames: the path, the JSON bodies and the bounds (docs/protocol-http.md). */
import { GREATEST_MAX_FRAME } from "@rdl/core/link/LinkLimits"
import { Schema } from "effect"

/** Where a proxy takes sessions, unless told otherwise. */
export const path = "/link/v1/sessions"

export const framesType = "application/octet-stream"

/** The longest body of a POST and of a poll's answer: half of what nginx lets through by default. Bytes. */
export const BATCH_BYTES = 512 * 1024
/** A POST is cut no smaller than this: one usual frame and its header must pass whatever is in the path. */
export const LEAST_BATCH_BYTES = 64 * 1024 + 12
/** The longest payload of a frame; also what a decoder allocates at most before a frame is whole. */
export const MAX_PAYLOAD = GREATEST_MAX_FRAME
/** POSTs of one session that may be under way at a time. */
export const WINDOW = 2
/** Of JSON bodies, either way, in bytes. */
export const JSON_BYTES = 4 * 1024
/** Of the reason in a goodbye, in characters. */
export const REASON_LENGTH = 512
/** A link is closed for good so many milliseconds after its `close`. */
export const GOODBYE_MS = 1_000

/** The answer to POST /link/v1/sessions: the terms of the carrier session. */
export const Created = Schema.Struct({
  /** Names the session in URLs; no secret without its token. */
  session: Schema.String.pipe(Schema.pattern(/^[\w-]{22,64}$/)),
  /** How long the proxy holds a poll, give or take a tenth. */
  pollMs: Schema.Int.pipe(Schema.between(1, 600_000)),
  /** The longest body of a POST. */
  batchBytes: Schema.Int.pipe(Schema.between(LEAST_BATCH_BYTES, 64 * 1024 * 1024)),
  window: Schema.Int.pipe(Schema.between(1, 16)),
})
export type Created = typeof Created.Type

/** The answer to a POST: how many frames have come since the session began. */
export const Acknowledged = Schema.Struct({ ack: Schema.NonNegativeInt })

/** How the end of a link is told; of the body of DELETE and of 410. */
export const Goodbye = Schema.Struct({
  /** False = the sender dropped the link: no goodbye. */
  clean: Schema.Boolean,
  code: Schema.NonNegativeInt,
  reason: Schema.String,
  /** From the source: how many frames it has sent in all. */
  frames: Schema.optional(Schema.NonNegativeInt),
})
export type Goodbye = typeof Goodbye.Type

/** Every answer of 400 and above. */
export const Refusal = Schema.Struct({
  error: Schema.Struct({
    code: Schema.String,
    message: Schema.String,
    /** With `out-of-order`: the number of the frame that must come next. */
    expected: Schema.optional(Schema.NonNegativeInt),
    /** With `session-closed`. */
    closed: Schema.optional(Goodbye),
  }),
})
export type Refusal = typeof Refusal.Type

/** What a client fails with. */
import { Schema } from "effect"
import type { ApiError } from "./ApiError.ts"

/** The proxy could not be asked, or did not answer as one; holds neither token nor query. */
export class RdlConnectionError extends Schema.TaggedError<RdlConnectionError>()("RdlConnectionError", {
  /** `unreachable` = no answer, `broken` = the answer broke off, `unexpected` = not the answer of an rdl proxy. */
  reason: Schema.Literal("unreachable", "broken", "unexpected"),
  url: Schema.String,
  detail: Schema.String,
}) {
  override get message(): string {
    return `${this.url}: ${this.detail}`
  }
}

export type RdlError = ApiError | RdlConnectionError

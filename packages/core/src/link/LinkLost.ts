/** The end of a link, as everything that was open on it learns of it. */
import { Schema } from "effect"

/** The link under a session is gone; nothing that was open on it will get another byte. */
export class LinkLost extends Schema.TaggedError<LinkLost>()("LinkLost", {
  /** True where the peer said goodbye. */
  clean: Schema.Boolean,
  /** A session code (SessionCode.ts). */
  code: Schema.Int,
  detail: Schema.String,
  /** Milliseconds the peer asked to wait before the next dial; absent = it did not say. */
  retryAfterMs: Schema.optional(Schema.Number),
}) {
  override get message(): string {
    return `the link is gone: ${this.detail}`
  }
}

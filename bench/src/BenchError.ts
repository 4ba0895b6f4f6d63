/** Why a measurement could not be made. */
import { Schema } from "effect"

export class BenchError extends Schema.TaggedError<BenchError>()("BenchError", {
  /** What was being done, and how it failed. */
  detail: Schema.String,
}) {
  override get message(): string {
    return this.detail
  }
}

/** Something the machine lacks: the row, or the peer, is left out and named. */
export class NotHere extends Schema.TaggedError<NotHere>()("NotHere", {
  /** Such as `no dockerd`. */
  what: Schema.String,
}) {
  override get message(): string {
    return `not here: ${this.what}`
  }
}

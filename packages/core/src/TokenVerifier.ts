/** Tells whether a token is good, and for whom. */
import { Context, type Effect, Schema } from "effect"
import type { Role, TokenClaims } from "./TokenClaims.ts"

/** Says to the bearer only that the token was refused, not why; `detail` is for the operator's log and holds no secret. */
export class TokenRejected extends Schema.TaggedError<TokenRejected>()("TokenRejected", {
  /** `unauthorized` = no good token at all (401), `forbidden` = a good one of the other role (403). */
  reason: Schema.Literal("unauthorized", "forbidden"),
  detail: Schema.String,
}) {
  override get message(): string {
    return this.reason === "unauthorized" ? "missing or bad token" : "this token is not for this"
  }
}

export class TokenVerifier extends Context.Tag("@rdl/core/TokenVerifier")<
  TokenVerifier,
  {
    /** Checks signature, times (60 s of skew allowed) and role of a stripped token as it came in `Authorization: Bearer`. */
    readonly verify: (token: string | undefined, role: Role) => Effect.Effect<TokenClaims, TokenRejected>
  }
>() {}

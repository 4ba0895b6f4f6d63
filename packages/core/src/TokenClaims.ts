/** What a token says: who its bearer is, and what a user may see. */
import { Schema } from "effect"

export const Role = Schema.Literal("source", "user")
export type Role = typeof Role.Type

/** What a user may see: every list given must match; an absent list allows all. Globs know `*` and `?`. */
export const Scope = Schema.Struct({
  /** Globs over source names. */
  sources: Schema.optional(Schema.Array(Schema.String)),
  /** Globs over container names. */
  containers: Schema.optional(Schema.Array(Schema.String)),
  /** `key` or `key=value`; one of them must be on the container. */
  labels: Schema.optional(Schema.Array(Schema.String)),
})
export type Scope = typeof Scope.Type

/** `iat` and `exp` are unix seconds. */
export const TokenClaims = Schema.Struct({
  sub: Schema.NonEmptyString,
  role: Role,
  iat: Schema.Int,
  exp: Schema.Int,
  jti: Schema.NonEmptyString,
  allow: Schema.optional(Scope),
})
export type TokenClaims = typeof TokenClaims.Type

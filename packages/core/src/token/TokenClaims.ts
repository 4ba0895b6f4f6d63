/** What a token says: who its bearer is, and what a user may see. */
import { Schema } from "effect"

/** What a token is good for: to link as a source, or to ask as a user; never both. */
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
  // A misspelt list must not read as an absent one, which would allow all.
}).annotations({ parseOptions: { onExcessProperty: "error" } })
export type Scope = typeof Scope.Type

/** Who a token is for: 1 to 128 characters, none of them a control, format or unassigned one. A source's is a SourceName. */
export const Subject = Schema.String.pipe(Schema.pattern(/^\P{C}{1,128}$/u))

/** Names one token, for revocation: 1 to 128 visible ASCII characters. */
export const TokenId = Schema.String.pipe(Schema.pattern(/^[\x21-\x7e]{1,128}$/))

/** `iat` and `exp` are unix seconds. */
export const TokenClaims = Schema.Struct({
  sub: Subject,
  role: Role,
  iat: Schema.Int,
  exp: Schema.Int,
  jti: TokenId,
  allow: Schema.optional(Scope),
})
export type TokenClaims = typeof TokenClaims.Type

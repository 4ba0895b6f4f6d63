/** The name of a source: the `sub` of its token, and the label on every line it sends. */
import { Schema } from "effect"

/** 1 to 63 characters of `a-z A-Z 0-9 _ . -`, the first a letter or digit; so `/` can separate it from a container's name. */
export const SourceName = Schema.String.pipe(
  Schema.pattern(/^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,62}$/),
  Schema.brand("SourceName"),
)
export type SourceName = typeof SourceName.Type

/** What a source keeps to itself: containers that never leave the host, whoever asks, and whatever the proxy says. */
import type { Container } from "@rdl/core/model/Container"
import * as Glob from "@rdl/core/token/Glob"

/** Globs over container names, as those of a token's scope. */
export interface SourcePolicy {
  /** One of them must match one of the container's names; none at all = every container is shared. */
  readonly allow: ReadonlyArray<string>
  /** Wins over `allow`: a container is kept back when one of its names matches. */
  readonly deny: ReadonlyArray<string>
}

/** Shares every container whose label does not say otherwise. */
export const defaults: SourcePolicy = { allow: [], deny: [] }

/** Set on a container by whoever runs it, and stronger than both lists: any value that does not mean yes keeps it back. */
export const LABEL = "rdl.enable"

/** A misspelt `false` must not share what was meant to be kept back; `--label rdl.enable` alone has an empty value. */
const YES = new Set(["", "1", "true", "yes", "on"])

/** Whether the container may be known outside of this host at all. */
export const shares = (policy: SourcePolicy, { labels, names }: Pick<Container, "labels" | "names">): boolean => {
  const isNamedBy = (globs: ReadonlyArray<string>) => names.some((name) => Glob.matchesAny(globs, name))
  const label = Object.hasOwn(labels, LABEL) ? labels[LABEL] : undefined
  return (
    (label === undefined || YES.has(label.trim().toLowerCase())) &&
    !isNamedBy(policy.deny) &&
    (policy.allow.length === 0 || isNamedBy(policy.allow))
  )
}

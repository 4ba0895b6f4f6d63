/**
 * What a user may see, decided in one place: lists, logs, events, inspection and resumption all ask here,
 * at the proxy and again at the source, about the container as it was resolved and never about what was asked for.
 */
import type { Container } from "../model/Container.ts"
import * as Glob from "./Glob.ts"
import type { SourceName } from "../model/SourceName.ts"
import type { Scope } from "./TokenClaims.ts"

/** A container as far as permission goes, and the source it lives on. */
export interface Subject {
  readonly source: SourceName
  readonly container: Pick<Container, "names" | "labels">
}

/**
 * Whether the scope takes in the container: every list that is there must match, by one of its entries.
 * An absent list allows all; an empty one allows nothing. `containers` is held against each name the container has.
 */
export const permits = (scope: Scope | undefined, subject: Subject): boolean =>
  permitsSource(scope, subject.source) &&
  (scope?.containers === undefined || permitsName(scope.containers, subject.container.names)) &&
  (scope?.labels === undefined || scope.labels.some((wanted) => hasLabel(subject.container.labels, wanted)))

/** Whether there is nothing that the scope keeps from its user, now or later. */
export const permitsAll = (scope: Scope | undefined): boolean =>
  scope?.labels === undefined &&
  [scope?.sources, scope?.containers].every((globs) => globs === undefined || globs.includes("*"))

/** Whether the scope lets a user know of the source at all; its containers may still be out of scope, one by one. */
export const permitsSource = (scope: Scope | undefined, source: SourceName): boolean =>
  scope?.sources === undefined || Glob.matchesAny(scope.sources, source)

/** Whether a container has the label: `key` with any value, or `key=value` exactly. The first `=` divides. */
export const hasLabel = (labels: Container["labels"], wanted: string): boolean => {
  const divider = wanted.indexOf("=")
  const key = divider < 0 ? wanted : wanted.slice(0, divider)
  // What every object inherits, such as `constructor`, is not a label.
  return Object.hasOwn(labels, key) && (divider < 0 || labels[key] === wanted.slice(divider + 1))
}

const permitsName = (globs: ReadonlyArray<string>, names: Container["names"]): boolean =>
  names.some((name) => Glob.matchesAny(globs, name))

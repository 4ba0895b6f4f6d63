/** Which containers a list is about. */
import * as Authorization from "../token/Authorization.ts"
import type { SourceContainer } from "../model/Container.ts"
import * as Glob from "../token/Glob.ts"

/** Which containers a list is to hold; all that is given has to fit. */
export interface ContainerFilter {
  /** Stopped containers too. */
  readonly all: boolean
  /** Globs over source names; one must match. Empty = all. */
  readonly sources: ReadonlyArray<string>
  /** Globs over container names; one must match one of the container's. Empty = all. */
  readonly names: ReadonlyArray<string>
  /** `key` or `key=value`, the value a glob; all must be there, as `docker ps` has it. Empty = all. */
  readonly labels: ReadonlyArray<string>
}

/** Every container that runs. */
export const running: ContainerFilter = { all: false, sources: [], names: [], labels: [] }

/** States in which the engine calls a container running. */
const RUNNING = new Set(["running", "paused", "restarting"])

/** Whether a list with this filter holds the container; says nothing of who may see it. */
export const matches = (filter: ContainerFilter, container: SourceContainer): boolean =>
  (filter.all || RUNNING.has(container.state)) &&
  (filter.sources.length === 0 || Glob.matchesAny(filter.sources, container.source)) &&
  (filter.names.length === 0 || container.names.some((name) => Glob.matchesAny(filter.names, name))) &&
  filter.labels.every((wanted) => hasLabel(container.labels, wanted))

const hasLabel = (labels: SourceContainer["labels"], wanted: string): boolean => {
  const divider = wanted.indexOf("=")
  if (divider < 0) return Authorization.hasLabel(labels, wanted)
  const key = wanted.slice(0, divider)
  return Authorization.hasLabel(labels, key) && Glob.matches(wanted.slice(divider + 1), labels[key] ?? "")
}

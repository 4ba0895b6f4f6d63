/** How a user names one container: full id, `source/name`, `source/id-prefix`, or a bare name or id prefix. */
import { Either, Schema } from "effect"
import { ApiError } from "../api/ApiError.ts"
import * as Authorization from "../token/Authorization.ts"
import { type Container, ContainerName } from "../model/Container.ts"
import { SourceName } from "../model/SourceName.ts"
import type { SourceInventory } from "./SourceRegistry.ts"
import type { Scope } from "../token/TokenClaims.ts"

/** What a user calls a container; it may fit none, or several. */
export interface ContainerRef {
  /** Absent = on any source. */
  readonly source?: SourceName
  /** A full id, a name, or the first digits of an id. */
  readonly container: ContainerName
}

/** Reads a reference as it was asked for; `/` stands between source and container and nowhere else. */
export const parse = (text: string): Either.Either<ContainerRef, ApiError> => {
  const divider = text.indexOf("/")
  const container = text.slice(divider + 1)
  if (!isName(container)) return Either.left(noReference(text))
  if (divider < 0) return Either.right({ container })
  const source = text.slice(0, divider)
  return isSource(source) ? Either.right({ source, container }) : Either.left(noReference(text))
}

const noReference = (text: string) => {
  const value = text.slice(0, 100)
  const expected = "a container's name or id, or source/name: letters, digits, `_`, `.` and `-`"
  return new ApiError({
    code: "bad-parameter",
    message: `${JSON.stringify(value)} is no reference to a container: expected ${expected}`,
    parameter: "ref",
    value,
    expected,
  })
}

const isName = Schema.is(ContainerName)
const isSource = Schema.is(SourceName)

/** One container of one source. */
export interface Candidate {
  readonly source: SourceName
  readonly stale: boolean
  readonly container: Container
}

/**
 * What a reference means among the containers the scope takes in: none, one, or several.
 * A full id comes before a name, a name before the beginning of an id, as the engine has it.
 */
export const resolve = (
  ref: ContainerRef,
  inventories: Iterable<SourceInventory>,
  scope: Scope | undefined,
): ReadonlyArray<Candidate> => {
  const found: [Array<Candidate>, Array<Candidate>, Array<Candidate>] = [[], [], []]
  for (const { source, stale, containers } of inventories) {
    if (ref.source !== undefined && ref.source !== source) continue
    for (const container of containers.values()) {
      const rank = rankOf(ref.container, container)
      if (rank !== undefined && Authorization.permits(scope, { source, container }))
        found[rank].push({ source, stale, container })
    }
  }
  return found.find((candidates) => candidates.length > 0) ?? []
}

const rankOf = (wanted: ContainerName, container: Container): 0 | 1 | 2 | undefined => {
  if (container.id === (wanted as string)) return 0
  if (container.names.includes(wanted)) return 1
  return container.id.startsWith(wanted) ? 2 : undefined
}

/** Candidates an error lists at most. */
export const MAX_CANDIDATES = 20

/** References that tell candidates apart, sorted: `source/name`, or with the id where a source has the name twice. */
export const describe = (candidates: ReadonlyArray<Candidate>): ReadonlyArray<string> => {
  const nameOf = ({ source, container }: Candidate) => `${source}/${container.name}`
  // A short prefix of an id may stand for thousands: each is looked at a fixed number of times.
  const times = new Map<string, number>()
  for (const candidate of candidates) times.set(nameOf(candidate), (times.get(nameOf(candidate)) ?? 0) + 1)
  return candidates
    .map((candidate) =>
      times.get(nameOf(candidate)) === 1 ? nameOf(candidate) : `${candidate.source}/${candidate.container.id}`,
    )
    .sort()
    .slice(0, MAX_CANDIDATES)
}

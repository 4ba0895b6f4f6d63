/** Docker's `filters` parameter: names with the values that are wanted, in either of the two forms it has had. */
import { Either } from "effect"
import { badRequest, type DockerError } from "./DockerError.ts"

/** By name; a name without values mostly says nothing. */
export type DockerFilter = ReadonlyMap<string, ReadonlyArray<string>>

/** Values of all names together, at most: each is held against every container. */
export const MAX_VALUES = 64

/** Reads `{"name":["web"]}` and the older `{"name":{"web":true}}`, in which every key counts, whatever is said of it. */
export const parse = (text: string | null): Either.Either<DockerFilter, DockerError> => {
  if (text === null || text === "") return Either.right(new Map())
  const filter = new Map<string, ReadonlyArray<string>>()
  let count = 0
  for (const [name, given] of Object.entries(jsonOf(text) ?? { "": 0 })) {
    const values = valuesOf(given)
    if (values === undefined) return Either.left(badRequest("invalid filter"))
    count += values.length
    filter.set(name, values)
  }
  return count > MAX_VALUES
    ? Either.left(badRequest(`invalid filter: more than ${MAX_VALUES} values`))
    : Either.right(filter)
}

/** A filter in the daemon's words. */
export const invalid = (what: string, why = ""): DockerError =>
  badRequest(`invalid filter '${what.slice(0, 200)}'${why}`)

const jsonOf = (text: string): Readonly<Record<string, unknown>> | undefined => {
  try {
    const value: unknown = JSON.parse(text)
    return isObject(value) ? value : undefined
  } catch {
    return undefined
  }
}

const valuesOf = (given: unknown): ReadonlyArray<string> | undefined => {
  if (given === null) return []
  if (Array.isArray(given)) return given.every((value) => typeof value === "string") ? [...new Set(given)] : undefined
  if (!isObject(given)) return undefined
  return Object.values(given).every((value) => typeof value === "boolean") ? Object.keys(given) : undefined
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value)

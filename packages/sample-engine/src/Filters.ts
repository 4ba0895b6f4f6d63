/** The `filters` parameter of list and events, in both its forms, and what the list makes of it. */
import { ApiError } from "./ApiError.ts"
import type { Container } from "./Container.ts"
import type { Flavour } from "./Flavour.ts"

/** Values of each filter; a value's truth in the older form does not matter, to the engine neither. */
export type Filters = ReadonlyMap<string, ReadonlyArray<string>>

/** `{"name":["x"]}`, or the older `{"name":{"x":true}}`; older Docker fails with its parser's words and status 500. */
export const parseFilters = (text: string | null, flavour: Flavour): Filters => {
  if (text === null || text === "") return new Map()
  try {
    return readFilters(text)
  } catch (error) {
    throw flavour.modernErrors ? new ApiError(400, "invalid filter") : error
  }
}

const readFilters = (text: string): Filters => {
  const value = parseJson(text)
  if (!isObject(value)) throw wrongType(value, "map[string]map[string]bool")
  return new Map(Object.entries(value).map(([name, values]) => [name, filterValues(values)]))
}

const filterValues = (values: unknown): ReadonlyArray<string> => {
  if (Array.isArray(values)) return values.map(String)
  if (isObject(values)) return Object.keys(values)
  throw wrongType(values, "map[string]bool")
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value)

const wrongType = (value: unknown, wanted: string): ApiError => {
  const found = Array.isArray(value) ? "array" : typeof value === "boolean" ? "bool" : typeof value
  return new ApiError(500, `json: cannot unmarshal ${found} into Go value of type ${wanted}`)
}

const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text) as unknown
  } catch {
    throw new ApiError(500, jsonMessage(text))
  }
}

/** Go's words: told apart are only text that is cut short and text that is something else. */
const jsonMessage = (text: string): string => {
  const start = text.trimStart()[0] ?? ""
  return start === "" || '{["'.includes(start)
    ? "unexpected end of JSON input"
    : `invalid character '${start}' looking for beginning of value`
}

const STATES = ["paused", "restarting", "removing", "running", "dead", "created", "exited"]

const LIST_FILTERS: Readonly<Record<string, (container: Container, values: ReadonlyArray<string>) => boolean>> = {
  id: (container, values) => values.some((value) => container.id.startsWith(value)),
  name: (container, values) => values.some((value) => matchesName(container.name, value)),
  label: (container, values) => values.every((value) => matchesLabel(container.labels, value)),
  status: (container, values) => values.includes(container.status),
  ancestor: (container, values) => values.some((value) => [container.image, container.imageId].includes(value)),
}

/** Filters that an engine has and this one does not play. */
const UNPLAYED =
  "before since expose publish exited health isolation is-task network volume pod until restart-policy".split(" ")

/** The containers that a list shows, newest first as they came; throws on a filter that no engine knows. */
export const filterContainers = (
  containers: ReadonlyArray<Container>,
  filters: Filters,
  options: { readonly all: boolean; readonly limit: number; readonly flavour: Flavour },
): ReadonlyArray<Container> => {
  checkFilters(filters, options.flavour)
  const all = options.all || options.limit > 0 || filters.has("status")
  const matching = containers
    .filter((container) => all || container.running)
    .filter((container) => [...filters].every(([name, values]) => LIST_FILTERS[name]?.(container, values) ?? true))
  return options.limit > 0 ? matching.slice(0, options.limit) : matching
}

const checkFilters = (filters: Filters, { modernErrors }: Flavour): void => {
  const invalid = (what: string) => new ApiError(400, `${modernErrors ? "i" : "I"}nvalid filter '${what}'`)
  for (const [name, values] of filters) {
    if (UNPLAYED.includes(name)) throw new ApiError(501, `the sample engine does not play the filter '${name}'`)
    if (LIST_FILTERS[name] === undefined) throw invalid(name)
    const wrong = name === "status" ? values.find((value) => !STATES.includes(value)) : undefined
    if (wrong !== undefined) throw invalid(`status=${wrong}`)
  }
}

/** A regular expression, matched with and without the leading slash; one that cannot be read matches nothing. */
const matchesName = (name: string, pattern: string): boolean => {
  try {
    const expression = new RegExp(pattern)
    return expression.test(name) || expression.test("/" + name)
  } catch {
    return false
  }
}

/** `key` or `key=value`. */
export const matchesLabel = (labels: Readonly<Record<string, string>>, wanted: string): boolean => {
  const equals = wanted.indexOf("=")
  return equals < 0 ? wanted in labels : labels[wanted.slice(0, equals)] === wanted.slice(equals + 1)
}

/** Which containers a Docker list is about: the daemon's own filters, as far as the inventory can answer them. */
import * as LogPattern from "@rdl/core/log/LogPattern"
import type { SourceContainer } from "@rdl/core/model/Container"
import * as Authorization from "@rdl/core/token/Authorization"
import { Either } from "effect"
import type { DockerError } from "./DockerError.ts"
import { type DockerFilter, invalid } from "./DockerFilter.ts"

/** What is wanted of a list. */
export interface ContainerSelection {
  /** Stopped ones too. */
  readonly all: boolean
  /** All of these must take a container in. */
  readonly filters: ReadonlyArray<Narrow>
}

/** Leaves containers out; what it makes of one may depend on the others, all of which it is given. */
type Narrow = (all: ReadonlyArray<SourceContainer>) => (container: SourceContainer) => boolean
type Values = ReadonlyArray<string>

/** Steps of all the patterns of a request together: each character of each name costs one of each. */
export const MAX_STEPS = 256

/** Reads filters; those that the daemon has and the inventory cannot answer are refused like those nobody has. */
export const parse = (filter: DockerFilter): Either.Either<ContainerSelection, DockerError> =>
  Either.gen(function* () {
    const filters: Array<Narrow> = []
    for (const [name, values] of filter) {
      const make = Object.hasOwn(FILTERS, name) ? FILTERS[name as keyof typeof FILTERS] : undefined
      if (make === undefined) {
        if (values.length > 0 || !DAEMONS.has(name)) return yield* Either.left(invalid(name, unanswered(name)))
      } else if (values.length > 0 || name === "ancestor") filters.push(yield* make(values))
    }
    return { all: (filter.get("status") ?? []).length > 0, filters }
  })

/** The selected ones, in their order. */
export const apply = (
  { all, filters }: ContainerSelection,
  containers: ReadonlyArray<SourceContainer>,
): ReadonlyArray<SourceContainer> => {
  const tests = filters.map((narrow) => narrow(containers))
  return containers.filter((one) => (all || RUNNING.has(one.state)) && tests.every((test) => test(one)))
}

/** States in which the daemon calls a container running. */
const RUNNING = new Set(["running", "paused", "restarting"])
const STATES = new Set([...RUNNING, "created", "removing", "exited", "dead"])

const right = (narrow: Narrow): Either.Either<Narrow, DockerError> => Either.right(narrow)

const FILTERS = {
  name: (values: Values) =>
    Either.map(
      patterns(values),
      (tests): Narrow =>
        () =>
        (one) =>
          tests.some((test) => test(one)),
    ),
  id: (values: Values) => right((all) => isIn(values.flatMap((value) => uniquePrefix(value, all)))),
  label: (values: Values) =>
    right(
      () =>
        ({ labels }) =>
          values.every((value) => Authorization.hasLabel(labels, value)),
    ),
  status: (values: Values) => {
    const unknown = values.find((value) => !STATES.has(value))
    return unknown === undefined
      ? right(
          () =>
            ({ state }) =>
              values.includes(state),
        )
      : Either.left(invalid(`status=${unknown}`))
  },
  exited: (values: Values) => {
    const unknown = values.find((value) => !/^[+-]?\d{1,10}$/.test(value))
    const codes = values.map(Number)
    return unknown === undefined
      ? right(() => (one) => codes.includes(exitCode(one) ?? Number.NaN))
      : Either.left(
          invalid(
            `exited=${unknown}`,
            `: strconv.Atoi: parsing ${JSON.stringify(unknown.slice(0, 100))}: invalid syntax`,
          ),
        )
  },
  /** Of no image is none, as the daemon has it. */
  ancestor: (values: Values) =>
    right((all) => {
      const images = new Set(values.flatMap((value) => imagesOf(value, all)))
      return (one) => images.has(imageOf(one))
    }),
}

const DAEMONS = new Set(["before", "expose", "health", "is-task", "isolation", "network", "publish", "since", "volume"])

const unanswered = (name: string): string =>
  DAEMONS.has(name) ? ": rdl's list answers name, id, label, status, exited and ancestor" : ""

/**
 * With and without the slash before it, as the daemon has it; a pattern with a slash further in is about `source/name`,
 * so that no pattern meant for names meets a source's. A text that is no pattern can still be a name.
 */
const patterns = (values: Values): Either.Either<ReadonlyArray<(one: SourceContainer) => boolean>, DockerError> => {
  let steps = 0
  const tests: Array<(one: SourceContainer) => boolean> = []
  for (const value of values) {
    const pattern = Either.getOrElse(LogPattern.compile(value), (why) => why)
    if (typeof pattern !== "string") steps += pattern.size
    if (steps > MAX_STEPS || pattern === LogPattern.TOO_LARGE || value.length > LogPattern.MAX_PATTERN_LENGTH)
      return Either.left(invalid(`name=${value}`, ": it is too long a pattern"))
    const matches = (name: string) => name === value || (typeof pattern !== "string" && pattern.test(name))
    const isOfSource = value.replace(/^\^?\/?/, "").includes("/")
    tests.push(({ names, source }) =>
      names.some((name) => {
        const full = isOfSource ? `${source}/${name}` : name
        return matches(full) || matches(`/${full}`)
      }),
    )
  }
  return Either.right(tests)
}

/** On each source by itself: an id or the beginning of only one. */
const uniquePrefix = (prefix: string, all: ReadonlyArray<SourceContainer>): ReadonlyArray<SourceContainer> => {
  if (!/^[0-9a-f]{1,64}$/.test(prefix)) return []
  const bySource = new Map<string, SourceContainer | null>()
  for (const one of all) if (one.id.startsWith(prefix)) bySource.set(one.source, bySource.has(one.source) ? null : one)
  return Array.from(bySource.values()).filter((one) => one !== null)
}

const isIn = (chosen: ReadonlyArray<SourceContainer>) => {
  const set = new Set(chosen)
  return (one: SourceContainer): boolean => set.has(one)
}

/** Undefined where it has not ended. */
const exitCode = ({ state, status }: SourceContainer): number | undefined => {
  const code = state === "exited" ? /^Exited \((-?\d+)\)/.exec(status)?.[1] : undefined
  return code === undefined ? undefined : Number(code)
}

/** An image of one source. */
const imageOf = ({ imageId, source }: SourceContainer): string => `${source}/${imageId}`

/** The images that a name, an id or the beginning of one stands for, as far as containers tell. */
const imagesOf = (value: string, all: ReadonlyArray<SourceContainer>): ReadonlyArray<string> => {
  const named = all.filter(({ image }) => tagged(image) === tagged(value))
  if (named.length > 0) return named.map(imageOf)
  const digits = value.replace(/^sha256:/, "")
  if (!/^[0-9a-f]{1,64}$/.test(digits)) return []
  return all.filter(({ imageId }) => imageId.replace(/^sha256:/, "").startsWith(digits)).map(imageOf)
}

/** The name as it is meant: without the registry that goes without saying, with the tag that does. */
const tagged = (image: string): string => {
  const name = image.replace(/^docker\.io\//, "").replace(/^library\//, "")
  return /[:@][^/]*$/.test(name) ? name : `${name}:latest`
}

/** The query parameters of the user API: what each means, for its description and for refusing any other. */
import { Either, Schema } from "effect"
import type { ContainerFilter } from "../routing/ContainerFilter.ts"
import { BadParameter, boolean, type Parameters } from "../log/LogParameter.ts"

type JsonType = { readonly type: "string" | "boolean" | "array"; readonly [key: string]: unknown }

/** Takes any text: the values are read by the parsers, which say what was bad about one. */
const parameter = (description: string, jsonSchema: JsonType) =>
  Schema.optional(
    Schema.Union(Schema.String, Schema.Array(Schema.String)).annotations({
      description,
      jsonSchema: { ...jsonSchema, description },
    }),
  )

const flag = (description: string) => parameter(description, { type: "boolean" })
const text = (description: string) => parameter(description, { type: "string" })
const choice = (description: string, ...values: ReadonlyArray<string>) =>
  parameter(description, { type: "string", enum: values })
const repeatable = (description: string) => parameter(description, { type: "array", items: { type: "string" } })

/** Of `GET /containers`. */
export const ContainersParameters = Schema.Struct({
  all: flag("Stopped containers too."),
  source: repeatable("Globs over source names; one must match."),
  name: repeatable("Globs over container names; one must match."),
  label: repeatable("`key` or `key=value`, the value a glob; all must be there."),
})

/** Of the logs of one container. */
export const LogsParameters = Schema.Struct({
  follow: flag("Stay connected and send what is logged from now on."),
  stdout: flag("Only this stream, unless the other is given too; neither given = both."),
  stderr: flag("Only this stream, unless the other is given too; neither given = both."),
  since: text("From this moment on, inclusive: unix seconds, RFC 3339, or how long ago, such as `10m`."),
  until: text("Up to this moment, inclusive; as `since`."),
  timestamps: flag("Each line begins with its time, RFC 3339 with nanoseconds."),
  tail: text("How many records from the end, of both streams together; default `all`."),
  details: flag("Each line carries the attributes of the log driver."),
  grep: repeatable("Only lines that match: a regular expression in RE2's syntax; of several, all must."),
  exclude: repeatable("No lines that match this one; it wins over `grep`."),
  host: choice("Where the source's name stands on each line of text; default `prefix`.", "prefix", "suffix", "none"),
  format: choice("The format; wins over `Accept`.", "text", "ndjson", "sse", "multiplexed", "raw", "frames"),
  cursors: flag("Each JSON line says where to go on after it, as server-sent events always do."),
  resume: text("Where to go on: a cursor of this container, as an answer gave it; wins over `Last-Event-ID`."),
  received: text("Of the format `frames`: bytes of records that came after the cursor, and are left out."),
})

/** Nothing but the path. */
export const NoParameters = Schema.Struct({})

/** Refuses a parameter that is not of the route; a misspelt filter must not show more than was asked for. */
export const refuseUnknown = (
  given: Iterable<string>,
  known: { readonly fields: Readonly<Record<string, unknown>> },
): Either.Either<void, BadParameter> => {
  for (const name of given)
    if (!Object.hasOwn(known.fields, name))
      return Either.left(
        new BadParameter({
          parameter: name.slice(0, 100),
          expected: `only ${Object.keys(known.fields).join(", ") || "a path without parameters"}`,
        }),
      )
  return Either.void
}

/** Globs of one parameter, at most; each costs every container one comparison. */
export const MAX_REPEATS = 64

/** Reads the parameters of `GET /containers`. */
export const containerFilter = (
  parameters: Parameters & { readonly getAll: (name: string) => ReadonlyArray<string> },
): Either.Either<ContainerFilter, BadParameter> =>
  Either.gen(function* () {
    const globs = (name: string) => {
      const values = parameters.getAll(name)
      return values.length <= MAX_REPEATS
        ? Either.right(values)
        : Either.left(
            new BadParameter({ parameter: name, value: `${values.length} times`, expected: `at most ${MAX_REPEATS}` }),
          )
    }
    return {
      all: (yield* boolean(parameters, "all")) ?? false,
      sources: yield* globs("source"),
      names: yield* globs("name"),
      labels: yield* globs("label"),
    }
  })

/** Which format a user gets: from `format=`, else from the `Accept` header; and where the host label stands. */
import { Either } from "effect"
import { bad, boolean, type BadParameter, type Parameters } from "./LogParameter.ts"
import type { HostLabel, LogFormat, LogRendering } from "./LogQuery.ts"

const FRAMES_TYPE = "application/vnd.rdl.log-frames"

/** In the order of preference where the user has none. */
const OFFERS: ReadonlyArray<readonly [type: string, format: LogFormat]> = [
  ["text/plain", "text"],
  ["application/x-ndjson", "ndjson"],
  ["text/event-stream", "sse"],
  ["application/vnd.docker.multiplexed-stream", "multiplexed"],
  ["application/vnd.docker.raw-stream", "raw"],
  [FRAMES_TYPE, "frames"],
]

/** The Content-Type of an answer. The engine's framing follows the container, not the user: a terminal has none. */
export const contentType = (format: LogFormat, tty: boolean): string => {
  if (format === "text") return "text/plain; charset=utf-8"
  if (format === "ndjson") return "application/x-ndjson"
  if (format === "sse") return "text/event-stream"
  if (format === "frames") return FRAMES_TYPE
  return tty ? "application/vnd.docker.raw-stream" : "application/vnd.docker.multiplexed-stream"
}

/**
 * Reads `format`, `host` (default `prefix`), `cursors` (default off; a cursor on every JSON line) and the `Accept` header;
 * `format` wins over the header.
 */
export const negotiate = (
  parameters: Parameters,
  accept: string | undefined,
): Either.Either<LogRendering, BadParameter> =>
  Either.gen(function* () {
    const host = yield* parseHost(parameters)
    const format = parameters.get("format")
    const cursors = (yield* boolean(parameters, "cursors")) ?? false
    return {
      format: yield* format === null || format === "" ? fromAccept(accept) : fromName(format),
      host,
      ...(cursors ? { cursors } : {}),
    }
  })

const parseHost = (parameters: Parameters): Either.Either<HostLabel, BadParameter> => {
  const value = parameters.get("host") ?? ""
  if (value === "") return Either.right("prefix")
  if (value === "prefix" || value === "suffix" || value === "none") return Either.right(value)
  return bad("host", value, "prefix, suffix or none")
}

const fromName = (name: string): Either.Either<LogFormat, BadParameter> => {
  const offer = OFFERS.find(([, format]) => format === name)
  return offer === undefined
    ? bad("format", name, `one of ${OFFERS.map(([, format]) => format).join(", ")}`)
    : Either.right(offer[1])
}

interface Range {
  readonly type: string
  readonly quality: number
  readonly place: number
}

/** The best offer: highest quality, then the one named most exactly, then the one named first. */
const fromAccept = (accept: string | undefined): Either.Either<LogFormat, BadParameter> => {
  if (accept === undefined || accept.trim() === "") return Either.right("text")
  const ranges = accept.split(",", MAX_RANGES).map(parseRange)
  let best: { readonly format: LogFormat; readonly range: Range } | undefined
  for (const [type, format] of OFFERS) {
    const range = rangeFor(ranges, type)
    if (range === undefined || range.quality === 0) continue
    if (best === undefined || isBetter(range, best.range)) best = { format, range }
  }
  return best === undefined
    ? bad("Accept", accept, `one of ${OFFERS.map(([type]) => type).join(", ")}`)
    : Either.right(best.format)
}

const MAX_RANGES = 64

const parseRange = (text: string, place: number): Range => {
  const [type = "", ...parameters] = text.split(";").map((part) => part.trim().toLowerCase())
  const weight = parameters.find((parameter) => /^q\s*=/.test(parameter))
  const quality = weight === undefined ? 1 : Number(weight.replace(/^q\s*=\s*/, ""))
  return { type, quality: quality >= 0 && quality <= 1 ? quality : 0, place }
}

/** 0 for every type, 1 for a family such as `text/*`, 2 for an exact name. */
const exactness = (range: Range): number => (range.type === "*/*" ? 0 : range.type.endsWith("/*") ? 1 : 2)

const matches = (range: Range, type: string): boolean =>
  range.type === type || range.type === "*/*" || range.type === `${type.slice(0, type.indexOf("/"))}/*`

/** The range that speaks for a type is the most exact one. */
const rangeFor = (ranges: ReadonlyArray<Range>, type: string): Range | undefined => {
  let found: Range | undefined
  for (const range of ranges)
    if (matches(range, type) && (found === undefined || exactness(range) > exactness(found))) found = range
  return found
}

const isBetter = (one: Range, other: Range): boolean =>
  one.quality !== other.quality
    ? one.quality > other.quality
    : exactness(one) !== exactness(other)
      ? exactness(one) > exactness(other)
      : one.place < other.place

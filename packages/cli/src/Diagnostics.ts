/** What a server tells its operator: one line an event, on standard error. */
import { Cause, Effect, FiberRef, Inspectable, Layer, Logger, LogLevel } from "effect"

export interface Terms {
  readonly format: "pretty" | "json"
  /** Nothing below it is told; undefined = as the caller has it. */
  readonly level: LogLevel.LogLevel | undefined
}

/** What people read. */
export const defaults: Terms = { format: "pretty", level: undefined }

interface Event {
  readonly time: string
  readonly level: string
  readonly words: string
  readonly facts: ReadonlyArray<readonly [name: string, value: string]>
  readonly cause: string | undefined
}

const read = ({ annotations, cause, date, logLevel, message }: Logger.Logger.Options<unknown>): Event => ({
  time: date.toISOString(),
  level: logLevel.label.toLowerCase(),
  words: [message]
    .flat()
    .map((part) => Inspectable.toStringUnknown(part, 0))
    .join(" "),
  facts: [...annotations].map(([name, value]) => [name, Inspectable.toStringUnknown(value, 0)]),
  cause: Cause.isEmpty(cause) ? undefined : Cause.pretty(cause),
})

/** `2026-11-22T12:00:00.000Z warn    the words key=value`, and never a second line, whatever was in the words. */
const pretty = ({ cause, facts, level, time, words }: Event): string => {
  const text = [words, ...facts.map(([name, value]) => `${name}=${value}`), ...(cause === undefined ? [] : [cause])]
  return `${time} ${level.padEnd(7)} ${text.join(" ").replace(/[\p{C}\u2028\u2029]+/gu, " ")}\n`
}

/** The same as an object; a fact never takes the place of one of its own members. */
const json = ({ cause, facts, level, time, words }: Event): string =>
  `${JSON.stringify({ ...Object.fromEntries(facts), time, level, message: words, ...(cause === undefined ? {} : { cause }) })}\n`

/** Sends all logging to standard error. */
export const layer = ({ format, level }: Terms = defaults): Layer.Layer<never> => {
  const write = format === "json" ? json : pretty
  const logger = Logger.make<unknown, void>((options) => void process.stderr.write(write(read(options))))
  const replaced = Logger.replace(Logger.defaultLogger, logger)
  return level === undefined ? replaced : Layer.merge(replaced, least(level))
}

/** A level that the flag has set already stands. */
const least = (level: LogLevel.LogLevel): Layer.Layer<never> =>
  Layer.unwrapEffect(
    Effect.map(FiberRef.get(FiberRef.currentMinimumLogLevel), (set) =>
      set.ordinal === LogLevel.Info.ordinal ? Logger.minimumLogLevel(level) : Layer.empty,
    ),
  )

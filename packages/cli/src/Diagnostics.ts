/** What a server tells its operator: one line an event, on standard error. */
import { Cause, Inspectable, type Layer, Logger } from "effect"

/** `2026-11-22T12:00:00.000Z warning the words key=value`, and never a second line, whatever was in the words. */
const line = Logger.make<unknown, string>(({ annotations, cause, date, logLevel, message }) => {
  const words = (Array.isArray(message) ? message : [message]).map((part) => Inspectable.toStringUnknown(part, 0))
  const facts = [...annotations].map(([name, value]) => `${name}=${Inspectable.toStringUnknown(value, 0)}`)
  const why = Cause.isEmpty(cause) ? [] : [Cause.pretty(cause)]
  const text = [...words, ...facts, ...why].join(" ").replace(/[\p{Cc}\u2028\u2029]+/gu, " ")
  return `${date.toISOString()} ${logLevel.label.toLowerCase().padEnd(7)} ${text}\n`
})

/** Sends all logging to standard error. */
export const layer: Layer.Layer<never> = Logger.replace(
  Logger.defaultLogger,
  Logger.map(line, (text) => void process.stderr.write(text)),
)

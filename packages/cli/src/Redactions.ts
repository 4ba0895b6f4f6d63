/** `--redact` as the source takes it. */
import * as LogRedaction from "@rdl/core/log/LogRedaction"
import { withheldLines } from "@rdl/source/SourceCounters"
import { Effect, Either } from "effect"
import { UsageError } from "./Failure.ts"

/** Undefined where there are no patterns: then no line is looked at. */
export const of = Effect.fnUntraced(function* (patterns: ReadonlyArray<string>) {
  if (patterns.length === 0) return undefined
  return yield* Either.mapLeft(
    LogRedaction.compile(patterns, () => withheldLines.unsafeUpdate(1, [])),
    (detail) => new UsageError({ detail: `--redact: ${detail}` }),
  )
})

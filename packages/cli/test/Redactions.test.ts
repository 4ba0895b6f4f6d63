import { describe, expect, it } from "@effect/vitest"
import { LogRecord } from "@rdl/core/log/LogRecord"
import { WITHHELD } from "@rdl/core/log/LogRedaction"
import { withheldLines } from "@rdl/source/SourceCounters"
import { Effect, Metric } from "effect"
import * as Redactions from "../src/Redactions.ts"

const lineOf = (text: string) => {
  const bytes = Buffer.from(`${text}\n`)
  return Object.assign(new LogRecord(), { stream: 1, bytes, start: 0, details: 0, payload: 0, end: bytes.length })
}

describe("Redactions", () => {
  it.effect("count among the source's own figures what they withhold", () =>
    Effect.gen(function* () {
      const redaction = yield* Redactions.of(["x(?:.*y)?"])
      const before = (yield* Metric.value(withheldLines)).count
      const text = (line: LogRecord | undefined) => Buffer.from(line?.bytes.subarray(line.payload, line.end) ?? [])
      expect(text(redaction?.redact(lineOf("x"))).toString()).toBe("[redacted]\n")
      expect((yield* Metric.value(withheldLines)).count).toBe(before)
      expect(text(redaction?.redact(lineOf("x".repeat(50_000)))).toString()).toBe(`${WITHHELD}\n`)
      expect((yield* Metric.value(withheldLines)).count).toBe(before + 1)
    }),
  )

  it.effect("are none without patterns, and say which pattern is too much", () =>
    Effect.gen(function* () {
      expect(yield* Redactions.of([])).toBeUndefined()
      const tooMany = yield* Effect.flip(Redactions.of(["a", "b", "c"].map((of) => `${of}[a-z]{400}`)))
      expect(tooMany.message).toMatch(
        /^--redact: "c\[a-z\]\{400\}" and those before it make \d+ steps, more than 1024: /,
      )
    }),
  )
})

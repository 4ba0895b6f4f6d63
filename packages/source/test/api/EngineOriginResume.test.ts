import { Effect, FastCheck as fc } from "effect"
import { describe, expect, it } from "@effect/vitest"
import type { LogRendering } from "@rdl/core/log/LogQuery"
import { fromNanos } from "@rdl/core/log/LogTime"
import type * as LogReader from "../../src/log/LogReader.ts"
import { CollectingWriter, resumeFrom } from "../log/CollectingWriter.ts"
import { BASE, flavours, PLAIN, type SampleContainer, start } from "./SampleLogs.ts"

const FORMATS: ReadonlyArray<LogRendering> = [
  PLAIN,
  { format: "text", host: "prefix" },
  { format: "ndjson", host: "none", cursors: true },
  { format: "sse", host: "none" },
  { format: "multiplexed", host: "none" },
  { format: "frames", host: "none" },
]

/** Steps of a clock that stands still, runs, and goes back. */
const anyWrites = fc.array(
  fc.record({
    stream: fc.constantFrom<"stdout" | "stderr">("stdout", "stderr"),
    step: fc.oneof(
      { weight: 12, arbitrary: fc.nat(5) },
      { weight: 2, arbitrary: fc.integer({ min: -40, max: 0 }) },
      // 30 s back, an hour ahead.
      { weight: 1, arbitrary: fc.constantFrom(-30_000_000, 3_600_000_000) },
    ),
    length: fc.oneof(
      { weight: 8, arbitrary: fc.nat(40) },
      { weight: 1, arbitrary: fc.constantFrom(16_383, 16_384, 40_000) },
    ),
  }),
  { minLength: 1, maxLength: 40 },
)

const write = (
  container: SampleContainer,
  writes: ReadonlyArray<{ stream: "stdout" | "stderr"; step: number; length: number }>,
) => {
  let at = BASE
  for (const [index, { stream, step, length }] of writes.entries()) {
    at += BigInt(step) * 1000n
    container.log(stream, `${index} ${"x".repeat(length)}\n`, { at })
  }
}

describe.each(flavours)("a log of %s that is gone on with", (flavour) => {
  it.scopedLive(
    "is byte for byte what it would have been, whatever it is and wherever it was cut",
    () =>
      Effect.gen(function* () {
        const { engine, read } = yield* start(flavour)
        const runs = Number(process.env["RDL_TEST_RUNS"] ?? 1) * 15
        const samples = fc.sample(
          fc.record({
            writes: anyWrites,
            rendering: fc.constantFrom(...FORMATS),
            times: fc.record({ since: fc.nat(100), until: fc.nat(200) }, { requiredKeys: [] }),
            cuts: fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: 3 }),
            resolution: fc.constantFrom<"ns" | "us">("ns", "us"),
          }),
          runs,
        )
        for (const { writes, rendering, times, cuts, resolution } of samples) {
          const web = engine.createContainer({ timeResolution: resolution, created: BASE })
          write(web, writes)
          const at = (units: number | undefined) =>
            units === undefined ? undefined : fromNanos(BASE + BigInt(units) * 1000n)!
          const since = at(times.since)
          const until = at(times.until)
          const query = { ...(since === undefined ? {} : { since }), ...(until === undefined ? {} : { until }) }
          const whole = new CollectingWriter()
          yield* read(web, query, whole, rendering)
          const got: Array<Buffer> = []
          let resume: LogReader.LogRequest["resume"]
          for (const fraction of cuts) {
            const writer = new CollectingWriter()
            yield* read(web, query, writer, rendering, resume)
            const taken = Math.floor(fraction * writer.bytes().length)
            got.push(writer.bytes().subarray(0, taken))
            if (writer.marks.length > 0 || resume !== undefined) resume = resumeFrom(writer, taken, resume)
          }
          const rest = new CollectingWriter()
          yield* read(web, query, rest, rendering, resume)
          got.push(rest.bytes())
          const same = Buffer.concat(got).equals(whole.bytes())
          const gaps = [...whole.gaps, ...rest.gaps]
          // Beside the result stands what it was of, so that a failure can be played again.
          expect({ writes, rendering, times, cuts, resolution, same, gaps }).toMatchObject({ same: true, gaps: [] })
          web.remove()
        }
      }),
    120_000,
  )
})

import { describe, expect, it } from "@effect/vitest"
import { Effect, FastCheck, Option, Tracer } from "effect"
import * as TraceParent from "../../src/link/TraceParent.ts"

const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
const SPAN = "00f067aa0ba902b7"

/** A tracer of a program's own, of which no span is kept. */
const own = Effect.map(Effect.tracer, (tracer) =>
  Tracer.make({
    span: (name, parent, context, links, startTime, kind, options) =>
      tracer.span(name, parent, context, links, startTime, kind, options),
    context: (f, fiber) => tracer.context(f, fiber),
  }),
)

const parent = Effect.map(Effect.option(Effect.currentParentSpan), Option.getOrUndefined)

describe("TraceParent", () => {
  it.effect("tells the current span where the program has a tracer of its own, and else nothing", () =>
    Effect.gen(function* () {
      const told = Effect.withSpan(Effect.all([TraceParent.current, Effect.currentSpan]), "asking")
      expect((yield* told)[0]).toBeUndefined()
      const [text, span] = yield* Effect.withTracer(told, yield* own)
      expect(text).toBe(`00-${span.traceId}-${span.spanId}-01`)
      expect(yield* Effect.withTracer(TraceParent.current, yield* own)).toBeUndefined()
    }),
  )

  it.effect("tells nothing of a span whose ids are none, as a caller may have made them up", () =>
    Effect.gen(function* () {
      const span = Tracer.externalSpan({ traceId: "x".repeat(20_000), spanId: SPAN })
      const told = Effect.withParentSpan(TraceParent.current, span)
      expect(yield* Effect.withTracer(told, yield* own)).toBeUndefined()
    }),
  )

  it.effect("puts spans below the one that was told, sampled or not", () =>
    Effect.gen(function* () {
      for (const [flags, sampled] of [
        ["01", true],
        ["00", false],
        ["03", true],
      ] as const)
        expect(yield* TraceParent.within(`00-${TRACE}-${SPAN}-${flags}`)(parent)).toMatchObject({
          traceId: TRACE,
          spanId: SPAN,
          sampled,
        })
    }),
  )

  // docs/protocol.md#trace: one that cannot be read MUST be ignored.
  it.effect("ignores what it cannot read", () =>
    Effect.sync(() => {
      const unreadable = FastCheck.oneof(
        FastCheck.string(),
        FastCheck.constantFrom(
          `01-${TRACE}-${SPAN}-01`,
          `00-${TRACE.toUpperCase()}-${SPAN}-01`,
          `00-${TRACE}-${SPAN}-01-x`,
        ),
      )
      FastCheck.assert(
        FastCheck.property(unreadable, (text) => {
          expect(Effect.runSync(TraceParent.within(text)(parent))).toBeUndefined()
        }),
      )
    }),
  )
})

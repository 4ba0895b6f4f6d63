/** Where a question comes from, as W3C Trace Context writes it: the proxy tells, and the source's spans hang on it (docs/protocol.md#trace). */
import { Context, DefaultServices, Effect, Option, Tracer } from "effect"

const PATTERN = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/

/** The span that is current; undefined where there is none, and in a program with no tracer but Effect's own, which nobody looks at. */
export const current: Effect.Effect<string | undefined> = Effect.tracerWith((tracer) =>
  tracer === unseen
    ? Effect.succeed(undefined)
    : Effect.map(Effect.option(Effect.currentParentSpan), (span) => Option.getOrUndefined(Option.flatMap(span, write))),
)

/** Makes the spans of `effect` children of the one that was told; what tells none changes nothing. */
export const within =
  (told: string | undefined) =>
  <A, E>(effect: Effect.Effect<A, E>): Effect.Effect<A, E> => {
    const [, traceId, spanId, flags] = PATTERN.exec(told ?? "") ?? []
    if (traceId === undefined || spanId === undefined || flags === undefined) return effect
    const sampled = (Number.parseInt(flags, 16) & 1) === 1
    return Effect.withParentSpan(effect, Tracer.externalSpan({ traceId, spanId, sampled }))
  }

const unseen = Context.get(DefaultServices.liveServices, Tracer.Tracer)

const write = ({ sampled, spanId, traceId }: Tracer.AnySpan): Option.Option<string> =>
  Option.liftPredicate((text: string) => PATTERN.test(text))(`00-${traceId}-${spanId}-${sampled ? "01" : "00"}`)

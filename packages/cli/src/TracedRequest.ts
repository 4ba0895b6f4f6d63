/** A tracer of requests alone: what a program does by itself makes no spans, and what a request says of itself is told sparingly. */
import { Cause, type Context, Exit, Option, Predicate, Tracer } from "effect"

/** What a span says; headers and queries stay here, whatever their names. */
const TOLD = new Set(["http.request.method", "url.path", "http.response.status_code"])

/**
 * Spans begin with a request from outside, in its caller's trace where that one names it well, and go on with what is
 * done for it. A caller that does not sample gets no spans.
 */
export const only = (tracer: Tracer.Tracer): Tracer.Tracer =>
  Tracer.make({
    context: (f, fiber) => tracer.context(f, fiber),
    span: (name, above, context, links, startTime, kind, options) => {
      const isRequest = kind === "server"
      // What a server was started by is above each of its requests, and no part of their traces.
      const parent = isRequest ? Option.filter(above, isCaller) : above
      const isTraced = Option.match(parent, { onNone: () => isRequest, onSome: ({ sampled }) => sampled })
      return isTraced
        ? sparing(tracer.span(name, parent, context, links, startTime, kind, options))
        : new Untraced(name, parent, context, startTime, kind)
    },
  })

const isCaller = ({ _tag, spanId, traceId }: Tracer.AnySpan): boolean =>
  _tag === "ExternalSpan" && /^(?!0+$)[0-9a-f]{32}$/.test(traceId) && /^(?!0+$)[0-9a-f]{16}$/.test(spanId)

const sparing = (span: Tracer.Span): Tracer.Span => {
  const attribute = span.attribute.bind(span)
  const end = span.end.bind(span)
  return Object.assign(span, {
    end: (endTime: bigint, exit: Exit.Exit<unknown, unknown>) => end(endTime, Exit.mapErrorCause(exit, nameAlone)),
    attribute: (key: string, value: unknown) => {
      if (TOLD.has(key)) attribute(key, value)
    },
  })
}

/** What went wrong, by its name alone: its sentence may repeat what was asked for, or what an engine said. */
const nameAlone = (cause: Cause.Cause<unknown>): Cause.Cause<unknown> => {
  if (Cause.isInterruptedOnly(cause)) return cause
  const name = nameOf(Cause.squash(cause))
  return Cause.fail(Object.assign(new Error(name), { name, stack: name }))
}

const nameOf = (error: unknown): string => {
  if (Predicate.hasProperty(error, "_tag") && typeof error._tag === "string") return error._tag
  return error instanceof Error ? error.name : "Error"
}

/** Keeps its place among the others, and nothing else. */
class Untraced implements Tracer.Span {
  readonly _tag = "Span"
  readonly sampled = false
  readonly spanId = "0".repeat(16)
  readonly traceId = "0".repeat(32)
  readonly attributes: ReadonlyMap<string, unknown> = new Map()
  readonly links: ReadonlyArray<Tracer.SpanLink> = []
  readonly name: string
  readonly parent: Option.Option<Tracer.AnySpan>
  readonly context: Context.Context<never>
  readonly kind: Tracer.SpanKind
  status: Tracer.SpanStatus

  constructor(
    name: string,
    parent: Option.Option<Tracer.AnySpan>,
    context: Context.Context<never>,
    startTime: bigint,
    kind: Tracer.SpanKind,
  ) {
    this.name = name
    this.parent = parent
    this.context = context
    this.kind = kind
    this.status = { _tag: "Started", startTime }
  }

  end(endTime: bigint, exit: Exit.Exit<unknown, unknown>): void {
    this.status = { _tag: "Ended", startTime: this.status.startTime, endTime, exit }
  }

  attribute(): void {}
  event(): void {}
  addLinks(): void {}
}

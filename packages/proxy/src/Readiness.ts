/** Whether the proxy takes requests, as `/ready` tells a load balancer. */
import { Context, Effect, Layer, Ref } from "effect"

export class Readiness extends Context.Tag("@rdl/proxy/Readiness")<
  Readiness,
  {
    /** Why no more requests should be sent here; undefined while they should. */
    readonly problem: Effect.Effect<string | undefined>
    /** From now on there is one, for good. */
    readonly stop: Effect.Effect<void>
  }
>() {}

export const layer: Layer.Layer<Readiness> = Layer.effect(
  Readiness,
  Effect.map(Ref.make<string | undefined>(undefined), (problem) => ({
    problem: Ref.get(problem),
    stop: Ref.set(problem, "this proxy is shutting down; ask another one"),
  })),
)

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

/** Told by whoever runs the proxy, each time anew: why no requests should be sent to it; for everybody to read. */
export type Check = Effect.Effect<string | undefined>

export const layer = (check: Check): Layer.Layer<Readiness> =>
  Layer.effect(
    Readiness,
    Effect.map(Ref.make(false), (stopping) => ({
      problem: Effect.if(Ref.get(stopping), { onTrue: () => Effect.succeed(STOPPING), onFalse: () => check }),
      stop: Ref.set(stopping, true),
    })),
  )

const STOPPING = "this proxy is shutting down; ask another one"

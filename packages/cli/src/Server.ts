/** How the commands that serve run: until a signal, then everything is released. */
import { Effect, Layer, type Scope } from "effect"
import * as Diagnostics from "./Diagnostics.ts"
import { StopSignal } from "./Process.ts"
import type * as Tracing from "./Tracing.ts"

/** Starts, then waits for SIGINT or SIGTERM, which is the proper end (exit code 0), also while it is still starting. */
export const untilStopped = <E, R>(
  start: Effect.Effect<void, E, R>,
  diagnostics?: Diagnostics.Terms,
  tracing?: Tracing.Terms,
): Effect.Effect<void, E, Exclude<R, Scope.Scope> | StopSignal> =>
  Effect.gen(function* () {
    const stop = yield* StopSignal
    yield* Effect.raceFirst(Effect.zipRight(start, Effect.never), stop.received)
    yield* Effect.logInfo("stopping")
  }).pipe(Effect.scoped, Effect.provide(Layer.provideMerge(traces(tracing), Diagnostics.layer(diagnostics))))

/** Loaded where it is asked for alone: most who run a server have no collector. */
const traces = (terms: Tracing.Terms | undefined): Layer.Layer<never> =>
  terms === undefined
    ? Layer.empty
    : Layer.unwrapEffect(
        Effect.map(
          Effect.promise(() => import("./Tracing.ts")),
          (tracing) => tracing.layer(terms),
        ),
      )

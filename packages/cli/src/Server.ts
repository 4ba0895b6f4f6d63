/** How the commands that serve run: until a signal, then everything is released. */
import { Effect, type Scope } from "effect"
import * as Diagnostics from "./Diagnostics.ts"
import { StopSignal } from "./Process.ts"

/** Starts, then waits for SIGINT or SIGTERM, which is the proper end (exit code 0), also while it is still starting. */
export const untilStopped = <E, R>(
  start: Effect.Effect<void, E, R>,
  diagnostics?: Diagnostics.Terms,
): Effect.Effect<void, E, Exclude<R, Scope.Scope> | StopSignal> =>
  Effect.gen(function* () {
    const stop = yield* StopSignal
    yield* Effect.raceFirst(Effect.zipRight(start, Effect.never), stop.received)
    yield* Effect.logInfo("stopping")
  }).pipe(Effect.scoped, Effect.provide(Diagnostics.layer(diagnostics)))

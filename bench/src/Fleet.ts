/** Many sources on one proxy, spread over a few processes. */
import { Effect, Schedule, type Scope } from "effect"
import { BenchError } from "./BenchError.ts"
import type { Credentials } from "./Credentials.ts"
import type { FleetState } from "./programs/Fleet.ts"
import { program } from "./Processes.ts"

export interface Fleet {
  /** Asks all processes; dials and welcomes are told once. */
  readonly state: Effect.Effect<FleetState, BenchError>
}

export interface Options {
  readonly credentials: Credentials
  readonly proxy: string
  readonly sources: number
  readonly containersPerSource: number
}

/** One process could not dial fast enough to be a storm. */
const PROCESSES = 2

export const start = (options: Options): Effect.Effect<Fleet, BenchError, Scope.Scope> =>
  Effect.gen(function* () {
    const { containersPerSource, credentials, proxy, sources } = options
    const names = Array.from({ length: sources }, (_, index) => `edge-${index}`)
    const tokens = yield* Effect.forEach(names, credentials.sourceToken)
    const programs = yield* Effect.forEach(Array.from({ length: PROCESSES }).keys(), (at) =>
      program<void>("Fleet", {
        proxy,
        tokens: tokens.filter((_, index) => index % PROCESSES === at),
        containersPerSource,
      }),
    )
    const states = Effect.forEach(programs, ({ ask }) => ask<FleetState>({}))
    return {
      state: Effect.map(states, (parts) => ({
        connected: parts.reduce((sum, { connected }) => sum + connected, 0),
        dials: parts.flatMap(({ dials }) => dials),
        welcomes: parts.flatMap(({ welcomes }) => welcomes),
      })),
    }
  })

/** Waits until so many are linked; the states on the way there. */
export const awaitConnected = (
  fleet: Fleet,
  count: number,
  seconds: number,
): Effect.Effect<ReadonlyArray<FleetState>, BenchError> => {
  const seen: Array<FleetState> = []
  return fleet.state.pipe(
    Effect.tap((state) => Effect.sync(() => seen.push(state))),
    Effect.repeat({ until: ({ connected }) => connected >= count, schedule: Schedule.spaced("100 millis") }),
    Effect.timeoutFail({
      duration: `${seconds} seconds`,
      onTimeout: () =>
        new BenchError({ detail: `${seen.at(-1)?.connected ?? 0} of ${count} sources were linked after ${seconds} s` }),
    }),
    Effect.as(seen),
  )
}

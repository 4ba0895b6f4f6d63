/** One row of the benchmark: something measured in processes of its own, and reported in a few lines. */
import type { Effect, Scope } from "effect"
import type { BenchError, NotHere } from "./BenchError.ts"
import type { Observation } from "./Finding.ts"

/** How thoroughly. */
export interface Effort {
  /** The shortened form: less of everything, for seeing that it all still runs. */
  readonly quick: boolean
  readonly rounds: number
  /** Chooses by `quick`. */
  readonly pick: <A>(full: A, quick: A) => A
  /** Tells whoever waits what is going on, or what was left out. */
  readonly say: (text: string) => Effect.Effect<void>
}

export interface Row {
  /** For `--only`. */
  readonly name: string
  readonly title: string
  /** Whatever it starts ends with its scope. */
  readonly run: (effort: Effort) => Effect.Effect<ReadonlyArray<Observation>, BenchError | NotHere, Scope.Scope>
}

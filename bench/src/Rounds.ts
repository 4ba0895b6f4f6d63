/** Measures several subjects in turns, A B C A B C …, so that whatever else the machine does meets all of them. */
import { Effect } from "effect"
import type { Series } from "./Finding.ts"

/** What one measurement gives: numbers by name. */
export type Sample = Readonly<Record<string, number>>

export interface Subject<E, R> {
  readonly name: string
  readonly measure: Effect.Effect<Sample, E, R>
}

export interface Rounds {
  /** One measurement of one subject, round by round. */
  readonly series: (subject: string, measurement: string) => Series
  readonly has: (subject: string) => boolean
}

/** The warm-up, which counts nowhere, then all subjects in each round. */
export const interleaved = <E, R>(
  rounds: number,
  subjects: ReadonlyArray<Subject<E, R>>,
  warmUp: Effect.Effect<unknown, E, R> = Effect.void,
): Effect.Effect<Rounds, E, R> =>
  Effect.gen(function* () {
    const samples = new Map<string, Array<Sample>>(subjects.map(({ name }) => [name, []]))
    yield* warmUp
    for (let round = 0; round < rounds; round++)
      for (const { measure, name } of subjects) samples.get(name)?.push(yield* measure)
    return {
      series: (subject, measurement) => ({
        name: subject,
        values: (samples.get(subject) ?? []).map((sample) => sample[measurement] ?? Number.NaN),
      }),
      has: (subject) => samples.has(subject),
    }
  })

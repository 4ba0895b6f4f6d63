/** One line of the table: what was measured, against what, and whether it is good enough. */
import { type Spread, spread } from "./Stats.ts"

/** Values of one subject, one for each round. */
export interface Series {
  readonly name: string
  readonly values: ReadonlyArray<number>
}

export interface Target {
  /** What is compared: the value itself, or how it stands to the peer's of the same round. */
  readonly of: "value" | "ratio" | "difference"
  readonly atMost?: number
  readonly atLeast?: number
}

/** What a row says; `finding` makes the rest of it. */
export interface Observation {
  readonly what: string
  readonly unit: string
  readonly ours: Series
  /** Measured in the same rounds. */
  readonly peer?: Series
  /** How the two are compared where there is no target; default `ratio`. */
  readonly compare?: "ratio" | "difference"
  readonly target?: Target
}

export interface Finding {
  readonly row: string
  readonly what: string
  readonly unit: string
  readonly ours: Spread & Series
  readonly peer: (Spread & Series) | undefined
  /** Round by round: ours by the peer's, or ours minus the peer's. */
  readonly comparison: (Spread & { readonly by: "ratio" | "difference" }) | undefined
  readonly target: Target | undefined
  /** By medians. Undefined where there is no target. */
  readonly met: boolean | undefined
}

export const finding = (row: string, seen: Observation): Finding => {
  const { compare, ours, peer, target, unit, what } = seen
  const by = target === undefined || target.of === "value" ? (compare ?? "ratio") : target.of
  const comparison = peer === undefined ? undefined : { by, ...spread(compareRounds(by, ours, peer)) }
  const judged = target?.of === "value" ? spread(ours.values).median : comparison?.median
  return {
    row,
    what,
    unit,
    ours: { ...ours, ...spread(ours.values) },
    peer: peer === undefined ? undefined : { ...peer, ...spread(peer.values) },
    comparison,
    target,
    met:
      target === undefined || judged === undefined
        ? undefined
        : judged <= (target.atMost ?? Infinity) && judged >= (target.atLeast ?? -Infinity),
  }
}

const compareRounds = (by: "ratio" | "difference", ours: Series, peer: Series): ReadonlyArray<number> =>
  ours.values.map((value, round) => {
    const other = peer.values[round] ?? Number.NaN
    return by === "ratio" ? value / other : value - other
  })

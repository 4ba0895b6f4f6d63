/** Whether what the process held stayed level: the second half of the readings against the first. */
import type { Reading } from "./Reading.ts"

const MiB = 1024 * 1024

/** What may be more in the second half than in the first: a tenth, and so much. */
const SLACK: Readonly<Record<keyof Reading, number>> = {
  rss: 24 * MiB,
  heap: 8 * MiB,
  buffers: 8 * MiB,
  files: 20,
  fibers: 60,
  handles: 40,
  streams: 10,
  credit: 8 * MiB,
}

export interface Row {
  readonly what: keyof Reading
  /** Medians of the two halves. */
  readonly first: number
  readonly second: number
  readonly most: number
  readonly isLevel: boolean
}

/** The part of the readings, from the first on, that belongs to a program that is getting warm. */
const WARM_UP = 0.2

export const compare = (readings: ReadonlyArray<Reading>): ReadonlyArray<Row> => {
  const warm = readings.slice(Math.floor(readings.length * WARM_UP))
  const middle = Math.floor(warm.length / 2)
  return (Object.keys(SLACK) as ReadonlyArray<keyof Reading>).map((what) => {
    const values = warm.map((reading) => reading[what])
    const first = median(values.slice(0, middle))
    const second = median(values.slice(middle))
    const most = Math.max(0, ...values)
    return { what, first, second, most, isLevel: second <= first * 1.1 + SLACK[what] }
  })
}

const median = (values: ReadonlyArray<number>): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0

const shown = (what: keyof Reading, value: number): string =>
  ["rss", "heap", "buffers", "credit"].includes(what) ? `${(value / MiB).toFixed(1)} MiB` : String(value)

/** A table for people. */
export const render = (rows: ReadonlyArray<Row>): string => {
  const cells = [
    ["", "first half", "second half", "most", ""],
    ...rows.map(({ first, isLevel, most, second, what }) => [
      what,
      shown(what, first),
      shown(what, second),
      shown(what, most),
      isLevel ? "level" : "GROWS",
    ]),
  ]
  const widths = cells[0]!.map((_, at) => Math.max(...cells.map((row) => row[at]!.length)))
  return cells
    .map((row) => row.map((cell, at) => (at === 0 ? cell.padEnd(widths[at]!) : cell.padStart(widths[at]!))).join("  "))
    .join("\n")
}

/** The table people read; in Markdown, so that it can be kept. */
import type { Finding, Target } from "./Finding.ts"
import type { Spread } from "./Stats.ts"

const HEADS = ["row", "what", "rdl", "", "against", "", "compared", "target", ""]

/** One line for each finding, columns aligned. */
export const render = (findings: ReadonlyArray<Finding>): string => {
  const lines = [HEADS, HEADS.map(() => ""), ...findings.map(cells)]
  const widths = HEADS.map((_, column) => Math.max(1, ...lines.map((line) => line[column]!.length)))
  const text = lines.map((line) => `| ${line.map((cell, column) => cell.padEnd(widths[column]!)).join(" | ")} |`)
  text[1] = `|${widths.map((width) => "-".repeat(width + 2)).join("|")}|`
  return text.join("\n")
}

const cells = ({ comparison, met, ours, peer, row, target, unit, what }: Finding): ReadonlyArray<string> => [
  row,
  what,
  ours.name,
  `${range(ours)} ${unit}`,
  peer?.name ?? "",
  peer === undefined ? "" : `${range(peer)} ${unit}`,
  comparison === undefined ? "" : comparison.by === "ratio" ? `${range(comparison)} ×` : `${sum(comparison)} ${unit}`,
  target === undefined ? "" : bound(target, unit),
  met === undefined ? "" : met ? "met" : "missed",
]

const range = ({ max, median, min }: Spread): string =>
  min === max ? figure(median) : `${figure(median)} (${figure(min)}–${figure(max)})`

const sum = (spread: Spread): string => `${spread.median < 0 ? "" : "+"}${range(spread)}`

const bound = ({ atLeast, atMost, of }: Target, unit: string): string => {
  const sign = atMost === undefined ? "≥" : "≤"
  const limit = `${of === "difference" ? "+" : ""}${atMost ?? atLeast}`
  return `${sign} ${limit} ${of === "ratio" ? "×" : unit}`
}

/** Three digits that mean something. */
const figure = (value: number): string =>
  Math.abs(value) >= 100 ? value.toFixed(0) : Math.abs(value) >= 10 ? value.toFixed(1) : value.toFixed(2)

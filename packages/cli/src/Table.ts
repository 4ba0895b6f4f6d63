/** Tables for people: columns as wide as their content, as `docker ps` has them. */
import { printable } from "./Output.ts"

/** A head and rows, three spaces between columns. Everything is escaped: names and images come from elsewhere. */
export const render = (head: ReadonlyArray<string>, rows: ReadonlyArray<ReadonlyArray<string>>): string => {
  const lines = [head, ...rows].map((cells) => cells.map(printable))
  const widths = head.map((_, column) => Math.max(...lines.map((cells) => width(cells[column] ?? ""))))
  return lines
    .map((cells) =>
      cells
        .map((cell, column) => cell + " ".repeat(widths[column]! - width(cell)))
        .join("   ")
        .trimEnd(),
    )
    .join("\n")
    .concat("\n")
}

/** How many characters; wide ones count as one, which may shift a column and loses nothing. */
const width = (text: string): number => Array.from(text).length

/** At most `length` characters, the last an ellipsis where something was cut. */
export const shorten = (text: string, length: number): string => {
  const characters = Array.from(text)
  return characters.length <= length ? text : `${characters.slice(0, length - 1).join("")}…`
}

/** Counts what a follow gives from a place that was reached without one, so that a read from there shows what the follow left out. */
import type { LogCursor } from "@rdl/core/log/LogCursor"

/** After so many records a check would read too much again: from then on it begins anew. */
export const MAX_CHECKED = 20_000

export class FollowCheck {
  private from: LogCursor | undefined
  private records = 0

  /** A follow begins here. */
  begin(cursor: LogCursor): void {
    this.from = cursor.anchor === undefined ? undefined : cursor
    this.records = 0
  }

  /** The follow gave a record. */
  given(): void {
    this.records++
    if (this.records > MAX_CHECKED) this.from = undefined
  }

  /** The place reached, counted from before the follow; undefined where the place itself tells as much. */
  counted(reached: LogCursor): LogCursor | undefined {
    const { from, records } = this
    this.from = undefined
    if (from === undefined || records === 0 || reached.last === undefined) return undefined
    return { ...from, count: from.count + records, last: reached.last }
  }
}

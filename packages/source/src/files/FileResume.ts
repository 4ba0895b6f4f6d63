/** Finds the place of a cursor in a log's files, whoever made it. */
import type { LogCursor, RecordMark } from "@rdl/core/log/LogCursor"
import { markOf } from "@rdl/core/log/CursorTracker"
import type { LogRecord } from "@rdl/core/log/LogRecord"
import { Effect } from "effect"
import { type Place, recordBefore, scan } from "./FileScan.ts"
import { DISORDER_NS, endOf, START, timePlace } from "./FileSearch.ts"
import type { LogFile } from "./LogFile.ts"
import { type RecordFilter, SKIPPED, recordStamp, stampOf } from "./RecordFilter.ts"
import type { RecordFormat } from "./RecordFormat.ts"

type Files = ReadonlyArray<LogFile>

export interface Resumption {
  readonly place: Place
  /** What the cursor knows is gone: records may be between it and the place that are not there any more. */
  readonly isAfterLoss: boolean
}

/** Of a cursor that has an anchor, or records behind it. `filter` makes a filter that has judged nothing yet: records are counted as they were given. */
export const resume = Effect.fnUntraced(function* (
  files: Files,
  format: RecordFormat,
  cursor: LogCursor,
  filter: () => RecordFilter,
) {
  const { anchor, last } = cursor
  const place = (yield* byFile(files, format, cursor)) ?? (yield* byAnchor(files, format, cursor, filter()))
  if (place !== undefined) return { place, isAfterLoss: false } satisfies Resumption
  const found = last === undefined ? undefined : yield* byLast(files, format, last)
  return found ?? (yield* behind(files, format, (last ?? anchor)!))
})

/** Where the cursor says, if the record before it is the one that it should be. */
const byFile = Effect.fnUntraced(function* (files: Files, format: RecordFormat, { file: hint, last }: LogCursor) {
  if (hint === undefined || last === undefined) return undefined
  const index = files.findIndex((file) => file.device === hint.device && file.inode === hint.inode && !file.compressed)
  const file = files[index]
  if (file === undefined || hint.offset > (yield* file.size)) return undefined
  const record = yield* recordBefore(file, format, hint.offset)
  return record !== undefined && isMarked(record, last)
    ? ({ file: index, offset: hint.offset } satisfies Place)
    : undefined
})

/** As many records on from the anchor's first occurrence as were counted; the last of them must be the right one. */
const byAnchor = Effect.fnUntraced(function* (
  files: Files,
  format: RecordFormat,
  cursor: LogCursor,
  filter: RecordFilter,
) {
  const { anchor, count, last } = cursor
  const from = anchor === undefined ? START : yield* timePlace(files, format, anchor.nanos)
  const tooLate = anchor === undefined ? undefined : stampOf(anchor.nanos + DISORDER_NS)
  let left = anchor === undefined ? count : -1
  let place: Place | undefined
  yield* scan(files, format, from, (record, file, begin, over) => {
    const isWanted = filter.judge(record) !== SKIPPED
    if (left < 0) {
      if (!isMarked(record, anchor!)) return recordStamp(record) > tooLate!
      left = count
      if (count === 0) place = { file, offset: begin }
    } else if (!isWanted) return false
    if (left === 0 || --left > 0) return left === 0
    if (last !== undefined && isMarked(record, last)) place = { file, offset: over }
    return true
  })
  return place
})

/** Behind the last record that was had; where there are several like it, behind them all: what was had is not given again. */
const byLast = Effect.fnUntraced(function* (files: Files, format: RecordFormat, last: RecordMark) {
  const tooLate = stampOf(last.nanos + DISORDER_NS)
  let place: Place | undefined
  let isAfterLoss = false
  yield* scan(files, format, yield* timePlace(files, format, last.nanos), (record, file, _begin, over) => {
    if (isMarked(record, last)) {
      isAfterLoss = place !== undefined
      place = { file, offset: over }
    }
    return recordStamp(record) > tooLate
  })
  return place === undefined ? undefined : ({ place, isAfterLoss } satisfies Resumption)
})

/** What one stream wrote may bear times that are so much older than what the other one wrote before it. */
const APART_NS = 1_000_000_000n

/**
 * What the cursor knows is not there any more. Logs lose their oldest records: all that are left came after it. Where the
 * first of them is too old for that, the log has lost its newest ones: before the first that is later.
 */
const behind = Effect.fnUntraced(function* (files: Files, format: RecordFormat, { nanos }: RecordMark) {
  const since = stampOf(nanos)
  const apart = stampOf(nanos - APART_NS)
  let isRotated = true
  yield* scan(files, format, START, (record) => ((isRotated = recordStamp(record) > apart), true))
  if (isRotated) return { place: START, isAfterLoss: true } satisfies Resumption
  let place: Place | undefined
  yield* scan(files, format, yield* timePlace(files, format, nanos), (record, file, begin) => {
    if (recordStamp(record) <= since) return false
    place = { file, offset: begin }
    return true
  })
  return { place: place ?? (yield* endOf(files, format)), isAfterLoss: true } satisfies Resumption
})

const isMarked = (record: LogRecord, mark: RecordMark): boolean => {
  if (recordStamp(record) !== stampOf(mark.nanos)) return false
  return markOf(record).hash === mark.hash
}

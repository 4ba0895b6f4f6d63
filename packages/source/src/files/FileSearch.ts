/** Finds the place in a log's files where an answer begins, without reading all that is before it. */
import { Effect } from "effect"
import { damaged } from "./FilePass.ts"
import { type Place, readRange, recordBefore, recordFrom, scan } from "./FileScan.ts"
import type { LogFile } from "./LogFile.ts"
import { recordStamp, stampOf } from "./RecordFilter.ts"
import { MORE, type RecordFormat } from "./RecordFormat.ts"

type Files = ReadonlyArray<LogFile>

/**
 * Records need not stand in the order of their timestamps: those of two streams are milliseconds apart, and a clock can be
 * set back. A search by time looks at what is at most this much older or, if that is nearer, at the bytes below. Where the
 * clock was set back further, records from before that are not found although they bear a time that was asked for.
 */
export const DISORDER_NS = 60_000_000_000n
/** How far a search by time looks back at least, in bytes of the files. */
export const DISORDER_BYTES = 1_048_576

/** Bisection ends where so much is left: it is read at once. */
const NEAR_BYTES = 65_536
const FIRST_STEP = 65_536
const LAST_STEP = 1_048_576

export const START: Place = { file: 0, offset: 0 }

export const later = (one: Place, other: Place): Place =>
  one.file > other.file || (one.file === other.file && one.offset > other.offset) ? one : other

/** Behind the last whole record of all. */
export const endOf = Effect.fnUntraced(function* (files: Files, format: RecordFormat) {
  const file = files.length - 1
  return { file, offset: yield* lastBoundary(files[file]!, format) } satisfies Place
})

/** Before the last `wanted` records; the start where there are fewer. */
export const tailPlace = Effect.fnUntraced(function* (files: Files, format: RecordFormat, wanted: number) {
  if (wanted === 0) return yield* endOf(files, format)
  let left = wanted
  for (let index = files.length - 1; index >= 0; index--) {
    const file = files[index]!
    const counted = yield* file.compressed
      ? countForward(file, format, left)
      : lastBoundary(file, format).pipe(Effect.flatMap((end) => stepBack(file, format, end, left)))
    if (counted.found === left) return { file: index, offset: counted.offset }
    left -= counted.found
  }
  return START
})

/** Before all records of at least this time, but for what `DISORDER_NS` says. */
export const timePlace = Effect.fnUntraced(function* (files: Files, format: RecordFormat, nanos: bigint) {
  const place = yield* firstFrom(files, format, stampOf(nanos))
  const byTime = yield* firstFrom(files, format, stampOf(nanos - DISORDER_NS))
  return later(byTime, yield* bytesBefore(files, format, place))
})

/** The last record before a place; undefined where there is none, `unknown` where it cannot be told. */
export const lastBefore = Effect.fnUntraced(function* (files: Files, format: RecordFormat, place: Place) {
  let { file: index, offset } = place
  while (offset === 0 && index > 0) {
    const file = files[--index]!
    offset = file.compressed ? yield* countBytes(file, format) : yield* lastBoundary(file, format)
  }
  if (offset === 0) return undefined
  return (yield* recordBefore(files[index]!, format, offset)) ?? ("unknown" as const)
})

const countBytes = Effect.fnUntraced(function* (file: LogFile, format: RecordFormat) {
  let bytes = 0
  yield* scan([file], format, START, (_record, _file, _begin, over) => ((bytes = over), false))
  return bytes
})

interface Counted {
  readonly found: number
  readonly offset: number
}

/** In a file that can only be read forward: all is counted first, then read again up to the place. */
const countForward = Effect.fnUntraced(function* (file: LogFile, format: RecordFormat, wanted: number) {
  let count = 0
  yield* scan([file], format, START, () => (count++, false))
  if (count <= wanted) return { found: count, offset: 0 } satisfies Counted
  let offset = 0
  let left = count - wanted
  yield* scan([file], format, START, (_record, _file, _begin, over) => ((offset = over), --left === 0))
  return { found: wanted, offset } satisfies Counted
})

/** Back from a boundary, by at most `wanted` records. */
const stepBack = Effect.fnUntraced(function* (file: LogFile, format: RecordFormat, end: number, wanted: number) {
  let offset = end
  let found = 0
  for (let step = FIRST_STEP; offset > 0 && found < wanted;) {
    const from = Math.max(0, offset - step)
    const { bytes, start, end } = yield* readRange(file, from, offset)
    let at = end
    while (found < wanted && at > start) {
      const previous = format.previous(bytes, start, at)
      if (previous < 0 && previous !== MORE) return yield* damaged()
      if (previous < 0 && from > 0) break
      at = Math.max(previous, start)
      found++
    }
    const moved = at < end
    if (!moved && step > 2 * format.maxBytes) return yield* damaged()
    step = moved ? Math.min(step * 2, LAST_STEP) : step * 4
    offset = from + at - start
  }
  return { found, offset } satisfies Counted
})

/** Behind the last whole record of a file that is not compressed. */
const lastBoundary = Effect.fnUntraced(function* (file: LogFile, format: RecordFormat) {
  const size = yield* file.size
  for (let step = FIRST_STEP; ; step *= 4) {
    const from = Math.max(0, size - step)
    const { bytes, start, end } = yield* readRange(file, from, size)
    let at = from === 0 ? start : format.boundary(bytes, start, end)
    if (at >= 0) {
      for (let next = at; next >= 0; next = at < end ? format.skip(bytes, at, end) : MORE) at = next
      return from + at - start
    }
    if (at !== MORE || step > 4 * format.maxBytes) return yield* damaged()
  }
})

/** Before the first record of at least this timestamp, if all stood in order. */
const firstFrom = Effect.fnUntraced(function* (files: Files, format: RecordFormat, stamp: string) {
  for (let index = files.length - 1; index >= 0; index--) {
    const file = files[index]!
    const first = yield* recordFrom(file, format, 0, Number.POSITIVE_INFINITY)
    if (first !== undefined && recordStamp(first.record) < stamp)
      return { file: index, offset: file.compressed ? 0 : yield* bisect(file, format, stamp) } satisfies Place
  }
  return START
})

const bisect = Effect.fnUntraced(function* (file: LogFile, format: RecordFormat, stamp: string) {
  let low = 0
  let high = yield* file.size
  while (high - low > NEAR_BYTES) {
    const middle = Math.floor((low + high) / 2)
    const found = yield* recordFrom(file, format, middle, high)
    if (found === undefined || recordStamp(found.record) >= stamp) high = middle
    else low = found.begin
  }
  return low
})

/** A boundary about `DISORDER_BYTES` before a place, however many files that is back. */
const bytesBefore = Effect.fnUntraced(function* (files: Files, format: RecordFormat, place: Place) {
  let { file: index, offset: behind } = place
  let rest = DISORDER_BYTES
  while (rest > behind && index > 0) {
    rest -= behind
    // Of a compressed file at least so much.
    behind = yield* files[--index]!.size
  }
  const file = files[index]!
  const isAtStart = rest >= behind || file.compressed
  return { file: index, offset: isAtStart ? 0 : yield* boundaryFrom(file, format, behind - rest) } satisfies Place
})

const boundaryFrom = (file: LogFile, format: RecordFormat, from: number) =>
  Effect.map(recordFrom(file, format, from, Number.POSITIVE_INFINITY), (found) => found?.begin ?? 0)

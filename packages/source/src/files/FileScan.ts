/** Goes through the records of a log's files to look for something. */
import { LogRecord } from "@rdl/core/log/LogRecord"
import { Effect } from "effect"
import type { OriginUnable } from "../log/LogOrigin.ts"
import { BLOCK_BYTES, damaged, FilePass, MARGIN_BYTES } from "./FilePass.ts"
import type { LogFile } from "./LogFile.ts"
import { MORE, type RecordFormat } from "./RecordFormat.ts"

/** A boundary between records: which of the files, oldest first, and where in its uncompressed bytes. */
export interface Place {
  readonly file: number
  readonly offset: number
}

/** Told of a record, of which file, where it begins there and where it is over; true = that was enough. */
export type Visit = (record: LogRecord, file: number, begin: number, over: number) => boolean

/** Visits the records from a place on; whether a visit was enough. */
export const scan = Effect.fnUntraced(function* (
  files: ReadonlyArray<LogFile>,
  format: RecordFormat,
  from: Place,
  visit: Visit,
) {
  const record = new LogRecord()
  for (let file = from.file; file < files.length; file++) {
    const pass = new FilePass(files[file]!, format, file === from.file ? from.offset : 0, BLOCK_BYTES)
    do if (yield* visitBlock(pass, format, record, file, visit)) return true
    while ((yield* pass.fill) > 0)
  }
  return false
})

const visitBlock = (pass: FilePass, format: RecordFormat, record: LogRecord, file: number, visit: Visit) =>
  Effect.suspend((): Effect.Effect<boolean, OriginUnable> => {
    for (;;) {
      const next = format.next(pass.bytes, pass.start, pass.end, record)
      if (next < 0) return next === MORE ? Effect.succeed(false) : Effect.fail(damaged())
      const begin = pass.position
      pass.position += next - pass.start
      pass.start = next
      if (visit(record, file, begin, pass.position)) return Effect.succeed(true)
    }
  })

/** Bytes of a file: `bytes[start..end)`, fewer than asked for where the file is over. */
export interface Range {
  readonly bytes: Buffer
  readonly start: number
  readonly end: number
}

export const readRange = Effect.fnUntraced(function* (file: LogFile, from: number, to: number) {
  const bytes = Buffer.allocUnsafe(MARGIN_BYTES + to - from)
  let end = MARGIN_BYTES
  while (end < bytes.length) {
    const count = yield* file.read(bytes, end, bytes.length - end, from + end - MARGIN_BYTES)
    if (count === 0) break
    end += count
  }
  return { bytes, start: MARGIN_BYTES, end } satisfies Range
})

export interface Found {
  readonly begin: number
  readonly over: number
  readonly record: LogRecord
}

/** The first whole record that begins at or behind `from`, before `limit`; at 0 there is a boundary. */
export const recordFrom = Effect.fnUntraced(function* (
  file: LogFile,
  format: RecordFormat,
  from: number,
  limit: number,
) {
  for (let size = 32_768; ; size *= 4) {
    const range = yield* readRange(file, from, Math.min(from + size, limit))
    const boundary = from === 0 ? range.start : format.boundary(range.bytes, range.start, range.end)
    const record = new LogRecord()
    const over = boundary < 0 ? boundary : format.next(range.bytes, boundary, range.end, record)
    if (over > 0)
      return { begin: from + boundary - range.start, over: from + over - range.start, record } satisfies Found
    if (over !== MORE) return yield* damaged()
    if (range.end - range.start < size) return undefined
    if (size > 4 * format.maxBytes) return yield* damaged()
  }
})

/** The record that is over at `offset`, as far as that is a boundary and the record is one that a driver writes. */
export const recordBefore = Effect.fnUntraced(function* (file: LogFile, format: RecordFormat, offset: number) {
  const from = Math.max(0, offset - NEAR_BYTES)
  const { bytes, start, end } = yield* readRange(file, from, offset)
  if (end === start) return undefined
  const previous = format.previous(bytes, start, end)
  const begin = previous === MORE && from === 0 ? start : previous
  const record = new LogRecord()
  return begin >= 0 && format.next(bytes, begin, end, record) === end ? record : undefined
})

/** What is read before a place to see the record there: drivers cut payloads at 16 KiB, of which each byte may be six. */
const NEAR_BYTES = 131_072

/** Chooses records by `since` and `until` as the engine does. */
import type { LogQuery } from "@rdl/core/log/LogQuery"
import type { LogRecord } from "@rdl/core/log/LogRecord"
import { toNanos } from "@rdl/core/log/LogTime"

export const SKIPPED = 0
export const WANTED = 1
/** The record, and all that follow, are out of the question. */
export const OVER = 2

export interface FilterOptions extends Pick<LogQuery, "since" | "until"> {
  /** From the first record on that is not before `since`, all are wanted, as of API 1.43; else each is judged. */
  readonly onlyFirst: boolean
}

export class RecordFilter {
  private since: Uint8Array | undefined
  private readonly until: Uint8Array | undefined
  private readonly onlyFirst: boolean

  constructor({ since, until, onlyFirst }: FilterOptions) {
    this.since = since === undefined ? undefined : Buffer.from(stampOf(toNanos(since)))
    this.until = until === undefined ? undefined : Buffer.from(stampOf(toNanos(until)))
    this.onlyFirst = onlyFirst
  }

  /** Whether all records to come are wanted. */
  wantsAll(): boolean {
    return this.since === undefined && this.until === undefined
  }

  /** `SKIPPED`, `WANTED` or `OVER`. */
  judge(record: LogRecord): number {
    if (this.since !== undefined) {
      if (compare(record, this.since) < 0) return SKIPPED
      if (this.onlyFirst) this.since = undefined
    }
    return this.until !== undefined && compare(record, this.until) > 0 ? OVER : WANTED
  }
}

const compare = ({ bytes, start }: LogRecord, stamp: Uint8Array): number => {
  for (let offset = 0; offset < stamp.length; offset++) {
    const difference = bytes[start + offset]! - stamp[offset]!
    if (difference !== 0) return difference
  }
  return 0
}

const SECOND = 1_000_000_000n
/** The years 1 to 9999, in seconds since 1970: what a timestamp can say. */
const FIRST_SECOND = -62_135_596_800n
const LAST_SECOND = 253_402_300_799n

/** The timestamp of a moment, as records have it; one before the year 1 counts as its first second. */
export const stampOf = (nanos: bigint): string => {
  const fraction = ((nanos % SECOND) + SECOND) % SECOND
  const seconds = (nanos - fraction) / SECOND
  const shown = seconds < FIRST_SECOND ? FIRST_SECOND : seconds > LAST_SECOND ? LAST_SECOND : seconds
  return `${new Date(Number(shown) * 1000).toISOString().slice(0, 19)}.${fraction.toString().padStart(9, "0")}Z`
}

/** The timestamp of a record, without its space. */
export const recordStamp = ({ bytes, start }: LogRecord): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset + start, STAMP_BYTES).toString("latin1")

const STAMP_BYTES = 30

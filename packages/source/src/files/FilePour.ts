/** Pours the records of files into a taker, no faster than it takes them. */
import { LogRecord } from "@rdl/core/log/LogRecord"
import { Effect } from "effect"
import { type LogTaker, type OriginUnable, room } from "../log/LogOrigin.ts"
import { damaged, type FilePass, type Pace, READING, SEARCHING } from "./FilePass.ts"
import type { GrepBlock } from "./GrepBlock.ts"
import { OVER, type RecordFilter, WANTED } from "./RecordFilter.ts"
import { MORE, type RecordFormat } from "./RecordFormat.ts"

/** Why no more was poured: the file ends, for now; what follows is too late; it is not the file that it was. */
export type Poured = "end" | "late" | "replaced"

export interface PourOptions {
  readonly format: RecordFormat
  readonly filter: RecordFilter
  readonly taker: LogTaker
  /** Finds the records that the taker may want; absent = it is given all. */
  readonly grep?: GrepBlock | undefined
}

/** Until there is no whole record left, no room, nothing to come, or no sense in it. */
type Given = "read" | "full" | "late" | "damaged"

/** So many blocks after its taker had no room, a search reads as one again. */
const CALM_BLOCKS = 16

export interface FilePour {
  /** Whether the taker was given a record. */
  readonly hasGiven: () => boolean
  /** Pours what is in the file. `isGenuine` is asked after each read, before a record from it is given. */
  readonly pour: (
    pass: FilePass,
    isGenuine: Effect.Effect<boolean, OriginUnable>,
  ) => Effect.Effect<Poured, OriginUnable>
  /** Pours what was read, and reads nothing; false where there is more to it, which is for `pour` to find then. */
  readonly pourRead: (pass: FilePass) => boolean
}

export const make = ({ format, filter, taker, grep }: PourOptions): FilePour => {
  const record = new LogRecord()
  let hasGiven = false
  /** The last one of which a record was given. */
  let begun: FilePass | undefined

  /** Blocks since the taker had no room. */
  let calm = CALM_BLOCKS

  /** A search that finds more than its taker has room for waits for that and not for reads: for a while it reads as others do. */
  const paceAfter = (why: Given): Pace => {
    calm = why === "full" ? 0 : calm + 1
    return calm > CALM_BLOCKS ? SEARCHING : READING
  }

  /** Passes over what cannot be wanted; false where that is damaged. */
  const seek = (pass: FilePass, grep: GrepBlock): boolean => {
    const next = grep.seek(pass.bytes, pass.start, pass.end)
    if (grep.passed === 0) return true
    if (format.next(pass.bytes, grep.lastPassed, pass.end, record) !== next) return false
    pass.position += next - pass.start
    pass.start = next
    taker.passed(grep.passed, record, pass.position)
    return true
  }

  /** Gives what was read. */
  const give = (pass: FilePass): Given => {
    for (;;) {
      if (grep !== undefined && begun === pass && filter.wantsAll() && !seek(pass, grep)) return "damaged"
      const next = format.next(pass.bytes, pass.start, pass.end, record)
      if (next < 0) return next === MORE ? "read" : "damaged"
      const verdict = filter.judge(record)
      if (verdict === OVER) return "late"
      pass.position += next - pass.start
      pass.start = next
      if (verdict !== WANTED) continue
      hasGiven = true
      begun = pass
      grep?.took(record)
      taker.record(record, pass.position, record.bytes === pass.bytes)
      if (taker.blocked()) return "full"
    }
  }

  const pour = Effect.fnUntraced(function* (pass: FilePass, isGenuine: Effect.Effect<boolean, OriginUnable>) {
    for (;;) {
      grep?.reset()
      const why = give(pass)
      if (grep !== undefined) pass.goAt(paceAfter(why))
      if (why === "late") return "late" as const
      if (why === "damaged") return yield* damaged()
      if (why === "full") {
        yield* room(taker)
        continue
      }
      taker.settled()
      if ((yield* pass.fill) === 0) return "end" as const
      if (!(yield* isGenuine)) return "replaced" as const
    }
  })

  const pourRead = (pass: FilePass): boolean => {
    grep?.reset()
    const why = give(pass)
    if (why === "read") taker.settled()
    // A record can be read once: `pour` has to have it from the file again.
    else if (why !== "full") pass.release()
    return why === "read"
  }

  return { hasGiven: () => hasGiven, pour, pourRead }
}

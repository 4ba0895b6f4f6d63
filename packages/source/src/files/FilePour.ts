/** Pours the records of files into a taker, no faster than it takes them. */
import { LogRecord } from "@rdl/core/log/LogRecord"
import { Effect } from "effect"
import type { LogTaker, OriginUnable } from "../LogOrigin.ts"
import { damaged, type FilePass } from "./FilePass.ts"
import { OVER, type RecordFilter, WANTED } from "./RecordFilter.ts"
import { MORE, type RecordFormat } from "./RecordFormat.ts"

/** Why no more was poured: the file ends, for now; what follows is too late; it is not the file that it was. */
export type Poured = "end" | "late" | "replaced"

export interface PourOptions {
  readonly format: RecordFormat
  readonly filter: RecordFilter
  readonly taker: LogTaker
}

export interface FilePour {
  /** Whether the taker was given a record. */
  readonly hasGiven: () => boolean
  /** Pours what is in the file. `isGenuine` is asked after each read, before a record from it is given. */
  readonly pour: (
    pass: FilePass,
    isGenuine: Effect.Effect<boolean, OriginUnable>,
  ) => Effect.Effect<Poured, OriginUnable>
}

export const make = ({ format, filter, taker }: PourOptions): FilePour => {
  const record = new LogRecord()
  let hasGiven = false

  /** Gives what was read: until there is no whole record left, no room, or nothing to come. */
  const give = (pass: FilePass): "read" | "full" | "late" | "damaged" => {
    for (;;) {
      const next = format.next(pass.bytes, pass.start, pass.end, record)
      if (next < 0) return next === MORE ? "read" : "damaged"
      const verdict = filter.judge(record)
      if (verdict === OVER) return "late"
      pass.position += next - pass.start
      pass.start = next
      if (verdict !== WANTED) continue
      hasGiven = true
      taker.record(record, pass.position, record.bytes === pass.bytes)
      if (taker.blocked()) return "full"
    }
  }

  const pour = Effect.fnUntraced(function* (pass: FilePass, isGenuine: Effect.Effect<boolean, OriginUnable>) {
    for (;;) {
      const why = give(pass)
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

  return { hasGiven: () => hasGiven, pour }
}

const room = (taker: LogTaker): Effect.Effect<void> =>
  Effect.async((resume) => {
    taker.onRoom(() => resume(Effect.void))
  })

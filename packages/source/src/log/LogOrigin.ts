/** Where the records of a container's log come from: the engine's API, or its files. Each gives the same records. */
import { Data, Effect } from "effect"
import type { Container } from "@rdl/core/model/Container"
import type { Engine } from "@rdl/core/model/Engine"
import type { End } from "@rdl/core/link/LinkMessage"
import type { LogCursor } from "@rdl/core/log/LogCursor"
import type { LogGap } from "@rdl/core/log/LogGap"
import type { LogQuery } from "@rdl/core/log/LogQuery"
import type { LogRecord } from "@rdl/core/log/LogRecord"
import type { StreamError } from "@rdl/core/link/StreamError"
import type { ContainerDetails } from "../engine/EngineContainer.ts"
import type { EngineProblem } from "../engine/EngineError.ts"

export interface LogAsk {
  /** As the inventory has it. */
  readonly container: Container
  /** As the engine has just told it. */
  readonly details: ContainerDetails
  readonly engine: Engine
  /** Of it count `follow`, `since`, `until`, `tail` and `details`; which stream a record is of, the taker looks at. */
  readonly query: LogQuery
  /** Where to go on; absent = where the query says. `since` and `until` hold there too, `tail` has had its effect. */
  readonly from: LogCursor | undefined
}

/** Takes records, and says when to wait. Plain calls, none of which throws. */
export interface LogTaker {
  /**
   * Takes the next record in the log's order, of either stream, with its timestamp and, where the query has `details`,
   * those. It is copied. An origin that reads files says at which byte of the file the record after it begins. `lasts`: it is
   * stamped as Docker does, and its bytes stay as they are until `settled`, so that less need be copied at once.
   */
  readonly record: (record: LogRecord, offset?: number, lasts?: boolean) => void
  /**
   * Texts that each line contains which the taker wants; none = it takes all. An origin may pass records over instead of
   * giving them, in whose lines one of the texts is missing; never the first after its beginning, a gap or another file.
   */
  readonly literals: ReadonlyArray<string>
  /** So many records were passed over, this the last of them. */
  readonly passed: (count: number, last: LogRecord, offset?: number) => void
  /** The records to come are of this file; `undefined` = of none. */
  readonly file: (device: number, inode: bigint) => void
  /**
   * Only records after this one are wanted (`tail=0`, or a `since` that none has met yet); `undefined` = the log is empty.
   * Later on: the record that was given last is this one, whatever it was counted to be.
   */
  readonly startAfter: (record: LogRecord | undefined, offset?: number) => void
  /** Only records after this place are wanted, and none has been given. */
  readonly startAt: (place: LogCursor) => void
  /**
   * All there was at hand has been given: what is gathered may leave soon. To be called after every read, and first as
   * soon as the log is open, be it empty: what comes before the records leaves then.
   */
  readonly settled: () => void
  /** There is no room: the origin gives at most what it has read, and reads no more until `onRoom`. */
  readonly blocked: () => boolean
  /** Calls back once, when there is room; at once if there is. */
  readonly onRoom: (callback: () => void) => void
  /** Records between the last one given and the next are gone. Times that are left out are those of these two. */
  readonly gap: (gap: Pick<LogGap, "since" | "until" | "reason">) => void
  /** The place behind the last record given: where any origin can go on. */
  readonly cursor: () => LogCursor
}

/** Waits until the taker has room. */
export const room = (taker: LogTaker): Effect.Effect<void> =>
  Effect.async((resume) => taker.onRoom(() => resume(Effect.void)))

/** This origin cannot read the log, or cannot go on: another one can, from the taker's cursor. */
export class OriginUnable extends Data.TaggedError("OriginUnable")<{ readonly detail: string }> {
  override get message(): string {
    return this.detail
  }
}

export interface LogOrigin {
  readonly name: "engine" | "files"
  /** Whether it can read logs here, as far as is known before one is read; absent = it can. */
  readonly isAble?: Effect.Effect<boolean, EngineProblem>
  /**
   * Gives the records the engine would give, and tells why the log ended. Where the engine itself would lose some that
   * are still there, they are given; where records are gone, a gap is. Interruption lets go of everything at once.
   */
  readonly read: (ask: LogAsk, taker: LogTaker) => Effect.Effect<End["reason"], StreamError | OriginUnable>
}

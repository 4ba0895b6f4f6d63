/** Goes on in a container's log for as long as it is written, from file to file. */
import { Effect } from "effect"
import type { LogTaker, OriginUnable } from "../log/LogOrigin.ts"
import type { FileChain } from "./FileChain.ts"
import * as FileHead from "./FileHead.ts"
import { damaged, FilePass } from "./FilePass.ts"
import type { FilePour } from "./FilePour.ts"
import { FileTail } from "./FileTail.ts"
import type { FileWatch } from "./FileWatch.ts"
import type { HeldFiles } from "./LogFileSet.ts"
import type { RecordFormat } from "./RecordFormat.ts"

export interface FollowOptions<R> {
  readonly chain: FileChain
  readonly pour: FilePour
  readonly taker: LogTaker
  readonly format: RecordFormat
  readonly held: HeldFiles
  readonly watch: FileWatch
  /** Why nothing more will be written; undefined while something may. */
  readonly over: () => R | undefined
  /** Done once all that was there at first has been given: told where that was. */
  readonly atEnd: (position: number) => Effect.Effect<void, OriginUnable>
}

export const ROTATED = "the log was rotated away before it was read"
export const TRUNCATED = "the log was truncated before it was read"

/** Follows from a place on, in a file whose head is known. Once `over` tells why, what is there by then is given to the end. */
export const follow = Effect.fnUntraced(function* <R>(
  options: FollowOptions<R>,
  from: FilePass,
  firstHead: FileHead.FileHead,
) {
  const { chain, pour, taker, format, held, watch, over } = options
  let pass = from
  let head = firstHead
  let isAtEnd = false
  const tail = new FileTail(pour, format)
  /** Once the end was reached, what is written there is given at once, as long as nothing else has happened. */
  const onWritten = () => !chain.hasNext() && chain.isNewest(pass.file) && !taker.blocked() && tail.give(pass, head)
  for (;;) {
    const why = over()
    // What was written before the end is in the last file by now, whatever the watch has heard.
    if (why !== undefined) yield* chain.refresh
    const isComplete = chain.hasNext()
    const poured = (yield* isShorter(pass, chain)) ? "replaced" : yield* pour.pour(pass, head.isSame)
    if (poured === "late") return "late" as const
    if (poured === "end" && !isAtEnd) {
      isAtEnd = true
      yield* options.atEnd(pass.position)
    }
    if (poured === "replaced") {
      taker.gap({ reason: TRUNCATED })
      pass = new FilePass(pass.file, format, 0)
      head = FileHead.make(pass.file, format, chain)
    } else if (isComplete) {
      if (pass.end > pass.start) return yield* damaged()
      const next = yield* chain.next
      yield* held.drop(pass.file)
      if (next.afterLoss) taker.gap({ reason: ROTATED })
      pass = new FilePass(next.file, format, 0)
      head = FileHead.make(pass.file, format, chain)
      taker.file(next.file.device, next.file.inode)
    } else if (why !== undefined) return why
    else if (!chain.hasNext()) {
      if (pass.end === pass.start) pass.release()
      yield* watch.heardBut(onWritten)
    }
  }
})

/** A file that is shorter than what was read of it was emptied. */
const isShorter = (pass: FilePass, chain: FileChain): Effect.Effect<boolean, OriginUnable> =>
  chain.isNewest(pass.file) && !pass.file.compressed
    ? Effect.map(pass.file.size, (size) => size < pass.position + pass.end - pass.start)
    : Effect.succeed(false)

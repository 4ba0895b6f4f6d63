/** What a file began with: one that was emptied and has grown again begins with something else. */
import { Effect } from "effect"
import type { OriginUnable } from "../log/LogOrigin.ts"
import type { FileChain } from "./FileChain.ts"
import { readRange, recordFrom } from "./FileScan.ts"
import { type LogFile, MAX_NOW_BYTES } from "./LogFile.ts"
import type { RecordFormat } from "./RecordFormat.ts"

export interface FileHead {
  /** Whether the file that the engine writes to still begins with the record it began with; learns that at first. */
  readonly isSame: Effect.Effect<boolean, OriginUnable>
  /** The same at once; false also where that cannot be told at once. Throws where the file cannot be read. */
  readonly isSameNow: () => boolean
}

export const make = (file: LogFile, format: RecordFormat, chain: FileChain): FileHead => {
  let head: Buffer | undefined
  let now: Buffer | undefined
  const learn = Effect.gen(function* () {
    const first = yield* recordFrom(file, format, 0, Number.POSITIVE_INFINITY)
    if (first !== undefined) head = yield* bytesOf(file, first.over)
    return true
  })
  const compare = (known: Buffer) => Effect.map(bytesOf(file, known.length), (bytes) => bytes.equals(known))
  return {
    isSame: Effect.suspend(() => {
      if (!chain.isNewest(file) || file.compressed) return Effect.succeed(true)
      return head === undefined ? learn : compare(head)
    }),
    isSameNow: () => {
      if (head === undefined || head.length > MAX_NOW_BYTES || file.now === undefined) return false
      now ??= Buffer.allocUnsafe(head.length)
      return file.now.read(now, 0, now.length, 0) === now.length && now.equals(head)
    },
  }
}

const bytesOf = (file: LogFile, length: number): Effect.Effect<Buffer, OriginUnable> =>
  Effect.map(readRange(file, 0, length), ({ bytes, start, end }) => bytes.subarray(start, end))

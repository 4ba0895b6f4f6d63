/** The files of a log that is being followed, in the order they were begun: none may be gone before its turn. */
import { Effect, Option } from "effect"
import type { OriginUnable } from "../LogOrigin.ts"
import { recordFrom } from "./FileScan.ts"
import type { FileWatch } from "./FileWatch.ts"
import type { LogFile } from "./LogFile.ts"
import { type HeldFiles, isStill, openAll } from "./LogFileSet.ts"
import type { RecordFormat } from "./RecordFormat.ts"

/** The most files that wait for a reader that is behind; the oldest are let go of first. */
export const MAX_WAITING = 32
/** The most bytes in waiting files that the engine has removed: their room on the disk is ours to give back. */
export const MAX_REMOVED_BYTES = 268_435_456

export interface Link {
  readonly file: LogFile
  /** Between the file before it and this one there may have been others. */
  afterLoss: boolean
}

export interface ChainOptions {
  readonly path: string
  /** How many older files there may be. */
  readonly rotated: number
  readonly format: RecordFormat
  readonly held: HeldFiles
  readonly watch: FileWatch
}

export interface FileChain {
  /** Takes the file that comes after the one taken last. */
  readonly shift: () => Link | undefined
  readonly hasNext: () => boolean
  /** Whether the engine may still write to this file, as far as is known. */
  readonly isNewest: (file: LogFile) => boolean
  /** Opens what has come behind the newest file; to be called whenever names have changed. What is open cannot be lost. */
  readonly refresh: Effect.Effect<void, OriginUnable>
}

/** A chain that goes on behind `first`, which was opened when the watch had heard of `heardBefore` names. */
export const make = (options: ChainOptions, first: LogFile, heardBefore: number): FileChain => {
  const { path, rotated, format, held, watch } = options
  const waiting: Array<Link> = []
  const lock = Effect.unsafeMakeSemaphore(1)
  let newest = first
  /** How often the engine's file had come or gone when `newest` was the one. */
  let renames = heardBefore

  const look = Effect.gen(function* () {
    const heard = yield* allHeard(watch)
    if (yield* isStill(path, newest)) {
      renames = heard
      return
    }
    const opened = yield* Effect.option(openAll(path, rotated, held))
    // Nothing is there when the container has been removed.
    if (Option.isNone(opened)) return
    const files = opened.value
    const known = yield* indexOf(newest, files, format)
    yield* Effect.forEach(files.slice(0, known + 1), (file) => held.drop(file), { discard: true })
    const fresh = files.slice(known + 1)
    const rotations = watch.hears ? Math.ceil(((yield* allHeard(watch)) - renames) / 2) : Number.POSITIVE_INFINITY
    for (const [index, file] of fresh.entries())
      waiting.push({ file, afterLoss: index === 0 && known < 0 && rotations > fresh.length })
    newest = files[files.length - 1]!
    renames = heard
    yield* shorten(waiting, held)
  })

  return {
    shift: () => waiting.shift(),
    hasNext: () => waiting.length > 0,
    isNewest: (file) => file === newest,
    refresh: lock.withPermits(1)(look),
  }
}

/** How many names have come and gone, once all has been heard that happened before. */
const allHeard = (watch: FileWatch): Effect.Effect<number> =>
  Effect.async((resume) => {
    setImmediate(() => setImmediate(() => resume(Effect.sync(() => watch.renames))))
  })

/** A file that was compressed has become another one, with the same first record; -1 = it is not there. */
const indexOf = Effect.fnUntraced(function* (wanted: LogFile, files: ReadonlyArray<LogFile>, format: RecordFormat) {
  const same = files.findIndex((file) => file.device === wanted.device && file.inode === wanted.inode)
  if (same >= 0 || !files.some((file) => file.compressed)) return same
  const first = yield* firstRecord(wanted, format)
  for (let index = files.length - 1; first !== undefined && index >= 0; index--) {
    const file = files[index]!
    if (file.compressed && (yield* firstRecord(file, format))?.equals(first) === true) return index
  }
  return -1
})

const firstRecord = (file: LogFile, format: RecordFormat): Effect.Effect<Buffer | undefined, OriginUnable> =>
  Effect.map(recordFrom(file, format, 0, Number.POSITIVE_INFINITY), (found) =>
    found === undefined ? undefined : Buffer.from(found.record.bytes.subarray(found.record.start, found.record.end)),
  )

const shorten = Effect.fnUntraced(function* (waiting: Array<Link>, held: HeldFiles) {
  const dropFirst = Effect.suspend(() => {
    const [dropped] = waiting.splice(0, 1)
    waiting[0]!.afterLoss = true
    return held.drop(dropped!.file)
  })
  while (waiting.length > MAX_WAITING) yield* dropFirst
  let removed = 0
  for (let index = waiting.length - 1; index >= 0; index--) {
    const { file } = waiting[index]!
    if (file.isRemoved !== undefined && (yield* file.isRemoved)) removed += yield* file.size
    if (removed > MAX_REMOVED_BYTES && index < waiting.length - 1) {
      for (let count = 0; count <= index; count++) yield* dropFirst
      return
    }
  }
})

/** The files of a log that is being followed, in the order they were begun: none may be gone before its turn. */
import { Effect, Option } from "effect"
import type { OriginUnable } from "../log/LogOrigin.ts"
import { recordFrom } from "./FileScan.ts"
import type { FileWatch } from "./FileWatch.ts"
import { isAt, isSame, type LogFile, pin } from "./LogFile.ts"
import { type HeldFiles, openAll } from "./LogFileSet.ts"
import type { RecordFormat } from "./RecordFormat.ts"

/** The most files that wait for a reader that is behind; the oldest are let go of first. */
export const MAX_WAITING = 32
/** The most bytes in waiting files that the engine has removed: their room on the disk is ours to give back. */
export const MAX_REMOVED_BYTES = 268_435_456

export interface Link {
  readonly file: LogFile
  /** Between the file before it and this one there may have been others. */
  afterLoss: boolean
  /** Whether `afterLoss` is not known before all has been heard. */
  readonly isOpen: boolean
}

export interface ChainOptions {
  readonly path: string
  /** How many older files there may be. */
  readonly rotated: number
  /** Whether the engine keeps any of them for later. */
  readonly keeps: boolean
  readonly format: RecordFormat
  readonly held: HeldFiles
  readonly watch: FileWatch
}

export interface FileChain {
  /** Takes the file that comes after the one taken last; there must be one. */
  readonly next: Effect.Effect<Link>
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
  /** Where nothing is kept: links of which it is not known whether there were files before them. */
  let unsettled: Array<Link> = []
  /** How often the engine's file had come or gone before the first of them; twice for each rotation. */
  let settled = heardBefore

  const add = (fresh: ReadonlyArray<LogFile>, afterLoss: boolean, isOpen: boolean): void => {
    for (const [index, file] of fresh.entries()) {
      const link = { file: held.hold(file), afterLoss: index === 0 && afterLoss, isOpen: index === 0 && isOpen }
      waiting.push(link)
      if (link.isOpen) unsettled.push(link)
    }
    newest = fresh[fresh.length - 1] ?? newest
  }

  /** What the engine may remove next is opened before anything else happens. */
  watch.onRename = () => {
    const fresh = pinBehind(options, newest)
    if (fresh !== undefined && fresh !== "same") add(fresh.files, false, !fresh.isWhole)
  }

  /**
   * Where nothing is kept, only what is heard tells that files came and went between; and what is heard is late, so that it
   * does not tell before which of those at hand. Rather a gap too many than a loss that is not told.
   */
  const settle = Effect.gen(function* () {
    for (let looks = 1; unsettled.length > 0; looks++) {
      const last = newest
      const heard = yield* allHeard(watch)
      if (newest !== last && looks < MAX_LOOKS) continue
      const isLoss = newest !== last || heard - settled > RENAMES_OF_ONE * unsettled.length
      for (const link of unsettled) link.afterLoss ||= isLoss
      unsettled = []
      settled = heard
    }
  })

  const look = Effect.gen(function* () {
    yield* settle
    const heard = yield* allHeard(watch)
    if (!(yield* isAt(path, newest))) yield* openBehind(newest, heard)
    else if (unsettled.length === 0) settled = heard
    // Also where all was heard: it is then that files come which nobody has looked for.
    yield* shorten(waiting, held)
  })

  const openBehind = Effect.fnUntraced(function* (before: LogFile, heard: number) {
    const opened = yield* Effect.option(openAll(path, rotated, held))
    // Nothing is there when the container has been removed.
    if (Option.isNone(opened)) return
    const files = opened.value
    const known = yield* indexOf(before, files, format)
    const isOvertaken = newest !== before
    const fresh = isOvertaken ? [] : files.slice(known + 1)
    const old = isOvertaken ? files : files.slice(0, known + 1)
    if (!isOvertaken) {
      // The oldest one there may be the next one all the same: rather a gap too many than a loss that is not told.
      add(fresh, known < 0, false)
      settled = heard
    }
    yield* Effect.forEach(old, (file) => held.drop(file), { discard: true })
  })

  return {
    next: Effect.suspend(() => {
      const wait = waiting[0]!.isOpen ? settle : Effect.void
      // It may have been let go of meanwhile; the last one never is.
      return Effect.map(wait, () => waiting.shift()!)
    }),
    hasNext: () => waiting.length > 0,
    isNewest: (file) => file === newest,
    refresh: lock.withPermits(1)(look),
  }
}

/** The file goes, and another one comes. */
const RENAMES_OF_ONE = 2
/** So often it is waited for a moment in which no file comes, to know what has been lost. */
const MAX_LOOKS = 10

/**
 * Opens what has come behind a file: `same` = nothing, undefined = that cannot be told at once. `isWhole`: none is missing
 * between.
 */
const pinBehind = ({ path, rotated, keeps }: ChainOptions, newest: LogFile) => {
  const current = pin(path)
  if (current === undefined) return undefined
  const files = [current]
  const drop = () => files.forEach((file) => Effect.runFork(file.close))
  if (isSame(current, newest)) {
    drop()
    return "same" as const
  }
  for (let number = 1; number <= rotated; number++) {
    const file = pin(`${path}.${number}`)
    if (file === undefined) {
      // Compressed, or not kept: what is compressed takes a longer look.
      if (number === 1 && !keeps) return { files, isWhole: false }
      drop()
      return undefined
    }
    if (isSame(file, newest)) {
      Effect.runFork(file.close)
      return { files, isWhole: true }
    }
    // A file can move on while we look.
    if (isSame(file, files[0]!)) Effect.runFork(file.close)
    else files.unshift(file)
  }
  drop()
  return undefined
}

/** How many names have come and gone, once all has been heard that happened before. */
const allHeard = (watch: FileWatch): Effect.Effect<number> =>
  Effect.async((resume) => {
    setImmediate(() => setImmediate(() => resume(Effect.sync(() => watch.renames))))
  })

/** A file that was compressed has become another one, with the same first record; -1 = it is not there. */
const indexOf = Effect.fnUntraced(function* (wanted: LogFile, files: ReadonlyArray<LogFile>, format: RecordFormat) {
  const same = files.findIndex((file) => isSame(file, wanted))
  if (same >= 0 || !files.some((file) => file.compressed)) return same
  const first = yield* firstRecord(wanted, format)
  if (first === undefined) return -1
  for (let index = files.length - 1; index >= 0; index--) {
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
  for (const link of [...waiting].reverse()) {
    // It was taken meanwhile, and so were those before it.
    if (!waiting.includes(link)) return
    const { file } = link
    if (file.isRemoved !== undefined && (yield* file.isRemoved)) removed += yield* file.size
    if (removed > MAX_REMOVED_BYTES && link !== waiting[waiting.length - 1]) {
      while (waiting.includes(link)) yield* dropFirst
      return
    }
  }
})

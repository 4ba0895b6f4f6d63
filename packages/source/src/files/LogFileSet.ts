/** All files of one container's log: the one the engine writes to, and those it has put aside. */
import { Effect } from "effect"
import { OriginUnable } from "../log/LogOrigin.ts"
import * as GzipFile from "./GzipFile.ts"
import { isAt, type LogFile, type OpenedFile, openRegular, plain } from "./LogFile.ts"

/** How often the files are opened anew because they were rotated meanwhile, and how long to wait between, in milliseconds. */
const ATTEMPTS = 20
const PAUSE_MS = 2
/** The most files of one log. */
export const MAX_FILES = 256

/** Files that are open; they are closed when they are dropped, or all together. */
export class HeldFiles {
  private readonly files = new Set<LogFile>()

  hold(file: LogFile): LogFile {
    this.files.add(file)
    return file
  }

  drop(file: LogFile): Effect.Effect<void> {
    return Effect.suspend(() => (this.files.delete(file) ? file.close : Effect.void))
  }

  readonly closeAll: Effect.Effect<void> = Effect.suspend(() =>
    Effect.forEach([...this.files], (file) => this.drop(file), { discard: true }),
  )
}

/**
 * Opens the log at `path` with at most `rotated` older files, oldest first. They are all of one moment: what the engine
 * rotates afterwards changes nothing.
 */
export const openAll = Effect.fnUntraced(function* (path: string, rotated: number, held: HeldFiles) {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    if (attempt > 0) yield* Effect.sleep(PAUSE_MS)
    const files = yield* openOnce(path, rotated, held)
    if (files === undefined) continue
    if (yield* isAt(path, files[files.length - 1]!)) return files
    yield* Effect.forEach(files, (file) => held.drop(file), { discard: true })
  }
  return yield* new OriginUnable({ detail: "the log's files are not there, or never the same" })
})

/** Undefined while the current file is not there: it has just been put aside. */
const openOnce = Effect.fnUntraced(function* (path: string, rotated: number, held: HeldFiles) {
  const current = yield* openHeld(path, plain, held)
  if (current === undefined) return undefined
  const files = [current]
  for (let number = 1, missing = 0; number <= rotated && missing < 2; number++) {
    // While a file is being compressed both are there, and the compressed one is not whole.
    const file =
      (yield* openHeld(`${path}.${number}`, plain, held)) ??
      (yield* openHeld(`${path}.${number}.gz`, GzipFile.make, held))
    missing = file === undefined ? missing + 1 : 0
    if (file !== undefined) files.unshift(file)
  }
  return files
})

const openHeld = (path: string, as: (opened: OpenedFile) => LogFile, held: HeldFiles) =>
  Effect.uninterruptible(
    Effect.map(openRegular(path), (opened) => (opened === undefined ? undefined : held.hold(as(opened)))),
  )

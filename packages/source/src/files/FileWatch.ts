/** Tells when something happens to the files of one directory. */
import { type FSWatcher, watch } from "node:fs"
import { Effect, type Scope } from "effect"

/** How often to look even if nothing was heard, and how often where nothing can be heard; in milliseconds. */
const LOOK_MS = 1_000
const LOOK_OFTEN_MS = 100

/** A bell for one who waits; rung before, it lets the next one through. */
class Bell {
  private rung = false
  private waiting: (() => void) | undefined

  ring(): void {
    if (this.waiting === undefined) this.rung = true
    else this.waiting()
  }

  readonly heard: Effect.Effect<void> = Effect.async((resume) => {
    const go = () => {
      this.rung = false
      this.waiting = undefined
      resume(Effect.void)
    }
    if (this.rung) return go()
    this.waiting = go
    return Effect.sync(() => (this.waiting = undefined))
  })
}

export class FileWatch {
  /** Anything may have changed. */
  readonly anything = new Bell()
  /** Files may have come or gone. */
  readonly names = new Bell()
  /** Called at once when the file of this name has come or gone. */
  onRename: () => void = () => {}
  /** Called when the file of this name may have grown: true = nobody needs to hear of it. */
  private onWritten = nobody
  private isDue = false
  /** How often the file of this name has come or gone, as far as it was heard. */
  renames = 0
  /** Whether names are heard of at all. */
  hears = false

  look(): void {
    this.anything.ring()
    this.names.ring()
  }

  /** Names that came and went are heard of first: what the engine may remove next cannot wait for a line to be sent. */
  written(): void {
    if (this.isDue) return
    this.isDue = true
    setImmediate(() => {
      this.isDue = false
      if (!this.onWritten()) this.anything.ring()
    })
  }

  /** Waits until anything may have changed, but for what `onWritten` sees to by itself. */
  heardBut(onWritten: () => boolean): Effect.Effect<void> {
    return Effect.suspend(() => {
      this.onWritten = onWritten
      return this.anything.heard
    }).pipe(Effect.ensuring(Effect.sync(() => (this.onWritten = nobody))))
  }
}

const nobody = (): boolean => false

/** Watches one file of a directory, and its rotated ones, while the scope is open. */
export const open = (directory: string, name: string): Effect.Effect<FileWatch, never, Scope.Scope> =>
  Effect.map(
    Effect.acquireRelease(
      Effect.sync(() => {
        const heard = new FileWatch()
        const watcher = listen(directory, name, heard)
        heard.hears = watcher !== undefined
        let timer = setInterval(() => heard.look(), watcher === undefined ? LOOK_OFTEN_MS : LOOK_MS)
        watcher?.on("error", () => {
          watcher.close()
          heard.hears = false
          clearInterval(timer)
          timer = setInterval(() => heard.look(), LOOK_OFTEN_MS)
        })
        return { heard, close: () => (watcher?.close(), clearInterval(timer)) }
      }),
      ({ close }) => Effect.sync(close),
    ),
    ({ heard }) => heard,
  )

/** Undefined where the system has no watches left. */
const listen = (directory: string, name: string, heard: FileWatch): FSWatcher | undefined => {
  try {
    return watch(directory, { persistent: false }, (event, file) => {
      if (event !== "rename" && file === name) return heard.written()
      if (event === "rename") {
        if (file === name) {
          heard.renames++
          heard.onRename()
        }
        heard.names.ring()
      }
      heard.anything.ring()
    })
  } catch {
    return undefined
  }
}

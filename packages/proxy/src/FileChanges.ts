/** Tells when files have changed: by the events of their directories, and by a regular look where there are none. */
import { Duration, Effect, Option, Ref, Stream } from "effect"
import { statSync, watch } from "node:fs"
import { dirname } from "node:path"

/** How often the files are looked at, where no event tells of a change: file systems over a network tell none. */
const LOOK_EVERY = Duration.seconds(10)
/** Files that belong together change one after the other, and one is written bit by bit: how long all must be at rest. */
const REST = Duration.millis(300)

/** Stands for the files as they are: another one whenever one of them may have changed. */
export const stampOf = (paths: ReadonlyArray<string>): string =>
  paths
    .map((path) => {
      const stat = statSync(path, { bigint: true, throwIfNoEntry: false })
      return stat === undefined ? "absent" : `${stat.ino} ${stat.size} ${stat.mtimeNs}`
    })
    .join(", ")

/**
 * An element each time that the files are not what their stamp was before, once they are at rest; `first` is the stamp of
 * before. Without an event they are looked at every `lookEvery`, by default 10 s. Never ends.
 */
export const changes = (paths: ReadonlyArray<string>, first: string, lookEvery = LOOK_EVERY): Stream.Stream<void> =>
  Stream.unwrap(
    Effect.map(Ref.make(first), (known) => {
      const look = Effect.gen(function* () {
        if ((yield* Ref.get(known)) === stampOf(paths)) return Option.none<void>()
        // What is half written is not worth a word: whoever writes it will be done in a moment.
        yield* Effect.sleep(REST)
        yield* Ref.set(known, stampOf(paths))
        return Option.some<void>(undefined)
      })
      return Stream.merge(events(paths), Stream.tick(lookEvery)).pipe(
        Stream.buffer({ capacity: 1, strategy: "sliding" }),
        Stream.mapEffect(() => look),
        Stream.filterMap((changed) => changed),
      )
    }),
  )

/** Something happened where one of the files is. Directories are watched: renewed files are mostly new files, or links elsewhere. */
const events = (paths: ReadonlyArray<string>): Stream.Stream<void> =>
  Stream.asyncPush<void>(
    (emit) =>
      Effect.acquireRelease(
        Effect.sync(() =>
          [...new Set(paths.map((path) => dirname(path)))].flatMap((directory) =>
            watching(directory, () => emit.single()),
          ),
        ),
        (watchers) => Effect.sync(() => watchers.forEach((watcher) => watcher.close())),
      ),
    { bufferSize: 1, strategy: "sliding" },
  )

/** Where there is nothing to watch with, the regular look has to do. */
const watching = (directory: string, onChange: () => void) => {
  try {
    const watcher = watch(directory, { persistent: false }, onChange)
    watcher.on("error", () => watcher.close())
    return [watcher]
  } catch {
    return []
  }
}

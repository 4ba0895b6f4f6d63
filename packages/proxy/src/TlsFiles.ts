/** Certificate and key as files that may change at any time, as those who renew certificates change them. */
import { Duration, Effect, Option, Redacted, Ref, Schema, Stream } from "effect"
import { readFileSync, statSync, watch } from "node:fs"
import { dirname } from "node:path"
import * as Tls from "./Tls.ts"

export interface Paths {
  readonly cert: string
  readonly key: string
  readonly clientCa?: string | undefined
}

/** A file cannot be read. */
export class UnreadableFile extends Schema.TaggedError<UnreadableFile>()("UnreadableFile", {
  path: Schema.String,
  detail: Schema.String,
}) {
  override get message(): string {
    return `cannot read ${this.path}: ${this.detail}`
  }
}

/** A larger file is no certificate. In bytes. */
const MAX_BYTES = 1024 * 1024
/** How often the files are looked at, where no event tells of a change: file systems over a network tell none. */
const LOOK_EVERY = Duration.seconds(10)
/** The two files change one after the other: how long they must be at rest. */
const REST = Duration.millis(300)

/** Reads the files, and goes on to tell of good changes. A bad one leaves what was good in force, and is told once. */
export const load = Effect.fn("TlsFiles.load")(function* (paths: Paths) {
  const stamp = stampOf(paths)
  const first = yield* read(paths)
  yield* warnOfEnd(first)
  return { ...first, renewals: renewalsOf(paths, stamp) } satisfies Tls.Terms
})

const renewalsOf = (paths: Paths, first: string): Stream.Stream<Tls.Pems> =>
  Stream.unwrap(
    Effect.map(Ref.make(first), (known) => {
      const look = Effect.gen(function* () {
        if ((yield* Ref.get(known)) === stampOf(paths)) return Option.none<Tls.Pems>()
        // A half-written pair is not worth a word: whoever writes it will be done in a moment.
        yield* Effect.sleep(REST)
        const stamp = stampOf(paths)
        yield* Ref.set(known, stamp)
        const pems = yield* read(paths)
        yield* Effect.logInfo(`the certificate of ${paths.cert} was renewed`)
        yield* warnOfEnd(pems)
        return Option.some(pems)
      }).pipe(
        Effect.catchAll((error) =>
          Effect.as(Effect.logError(`${error.message}; the one before stays in use`), Option.none<Tls.Pems>()),
        ),
      )
      return Stream.merge(changes(paths), Stream.tick(LOOK_EVERY)).pipe(
        Stream.buffer({ capacity: 1, strategy: "sliding" }),
        Stream.mapEffect(() => look),
        Stream.filterMap((pems) => pems),
      )
    }),
  )

/** Something happened where one of the files is. Directories are watched: renewed files are mostly new files, or links elsewhere. */
const changes = (paths: Paths): Stream.Stream<void> =>
  Stream.asyncPush<void>(
    (emit) =>
      Effect.acquireRelease(
        Effect.sync(() =>
          [...new Set(all(paths).map((path) => dirname(path)))].flatMap((directory) =>
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

const all = ({ cert, clientCa, key }: Paths): ReadonlyArray<string> =>
  clientCa === undefined ? [cert, key] : [cert, key, clientCa]

const read = Effect.fnUntraced(function* (paths: Paths) {
  const text = (path: string) =>
    Effect.try({
      try: () => {
        if (statSync(path).size > MAX_BYTES) throw new Error("it is larger than 1 MiB")
        return readFileSync(path, "utf8")
      },
      catch: (cause) => new UnreadableFile({ path, detail: cause instanceof Error ? cause.message : String(cause) }),
    })
  return yield* Tls.check({
    cert: yield* text(paths.cert),
    key: Redacted.make(yield* text(paths.key)),
    ...(paths.clientCa === undefined ? {} : { clientCa: yield* text(paths.clientCa) }),
  })
})

/** Changes whenever one of the files may have. */
const stampOf = (paths: Paths): string =>
  all(paths)
    .map((path) => {
      const stat = statSync(path, { bigint: true, throwIfNoEntry: false })
      return stat === undefined ? "absent" : `${stat.ino} ${stat.size} ${stat.mtimeNs}`
    })
    .join(", ")

/** Who is told early has time to find out why nobody renewed it. */
const WARN_DAYS = 7

const warnOfEnd = (pems: Tls.Pems): Effect.Effect<void> =>
  Effect.suspend(() => {
    const days = Tls.daysLeft(pems, Date.now())
    if (days > WARN_DAYS) return Effect.void
    return Effect.logWarning(
      days < 0 ? "the certificate has expired" : `the certificate expires in ${Math.ceil(days)} days; renew it`,
    )
  })

/** Certificate and key as files that may change at any time, as those who renew certificates change them. */
import { Effect, Option, Redacted, Schema, Stream } from "effect"
import { readFileSync, statSync } from "node:fs"
import * as FileChanges from "./FileChanges.ts"
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
/** Reads the files, and goes on to tell of good changes. A bad one leaves what was good in force, and is told once. */
export const load = Effect.fn("TlsFiles.load")(function* (paths: Paths) {
  const stamp = FileChanges.stampOf(all(paths))
  const first = yield* read(paths)
  yield* warnOfEnd(first)
  return { ...first, renewals: renewalsOf(paths, stamp) } satisfies Tls.Terms
})

const renewalsOf = (paths: Paths, first: string): Stream.Stream<Tls.Pems> =>
  FileChanges.changes(all(paths), first).pipe(
    Stream.mapEffect(() =>
      Effect.gen(function* () {
        const pems = yield* read(paths)
        yield* Effect.logInfo(`the certificate of ${paths.cert} was renewed`)
        yield* warnOfEnd(pems)
        return Option.some(pems)
      }).pipe(
        Effect.catchAll((error) =>
          Effect.as(Effect.logError(`${error.message}; the one before stays in use`), Option.none<Tls.Pems>()),
        ),
      ),
    ),
    Stream.filterMap((pems) => pems),
  )

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

/** A log of which a program reads each line once, also over its own end: it keeps where it stands in a file. */
import { readFile, rename, writeFile } from "node:fs/promises"
import { RdlClient } from "@rdl/core/api/RdlClient"
import type { LogEntry } from "@rdl/core/log/LogEntry"
import { Effect, Stream } from "effect"

/** Takes what came since the file was written last; a line whose taking is cut off comes again. */
export const takeNew = (log: string, file: string, take: (entry: LogEntry) => Effect.Effect<void>) =>
  Effect.gen(function* () {
    const client = yield* RdlClient
    const resume = yield* Effect.promise(() => readFile(file, "utf8").catch(() => undefined))
    yield* client
      .entries(log, { cursors: true, resume })
      .pipe(
        Stream.runForEach((entry) =>
          "cursor" in entry && entry.cursor !== undefined
            ? Effect.zipRight(take(entry), keep(file, entry.cursor))
            : take(entry),
        ),
      )
  })

/** All of it or nothing, whenever the program is killed. */
const keep = (file: string, cursor: string) =>
  Effect.promise(async () => {
    await writeFile(`${file}.new`, cursor)
    await rename(`${file}.new`, file)
  })

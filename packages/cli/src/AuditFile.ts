/** Where the proxy's account of requests goes: standard error, or a file that is only ever added to. */
import * as Audit from "@rdl/proxy/Audit"
import { Effect, Runtime, type Scope } from "effect"
import { createWriteStream } from "node:fs"
import { open } from "node:fs/promises"
import { reasonOf } from "./ConfigFile.ts"
import { CommandFailed } from "./Failure.ts"

/** Bytes that may wait for a slow disk; entries beyond it are left out, and counted in the next log line. */
export const MAX_WAITING = 8 * 1024 * 1024

/** Opens it: `-` is standard error. The file is made for its owner alone; one that was moved away is not opened anew. */
export const make = Effect.fn("AuditFile.make")(function* (
  path: string,
): Effect.fn.Return<Audit.Sink, CommandFailed, Scope.Scope> {
  if (path === "-") return (entry) => void process.stderr.write(Audit.line(entry))
  const handle = yield* Effect.tryPromise({
    try: () => open(path, "a", 0o600),
    catch: (cause) =>
      new CommandFailed({ detail: `--audit: cannot write ${JSON.stringify(path)}: ${reasonOf(cause)}` }),
  })
  const runtime = yield* Effect.runtime()
  const stream = createWriteStream(path, { fd: handle.fd, autoClose: false })
  let dropped = 0
  stream.on("error", (error) =>
    Runtime.runFork(runtime)(Effect.logError(`the audit cannot be written to ${path}: ${reasonOf(error)}`)),
  )
  stream.on("drain", () => {
    if (dropped > 0)
      Runtime.runFork(runtime)(Effect.logError(`the audit's disk was too slow: ${dropped} entries are lost`))
    dropped = 0
  })
  yield* Effect.addFinalizer(() =>
    Effect.async<void>((resume) => void stream.end(() => resume(Effect.void))).pipe(
      Effect.timeoutOption("1 second"),
      Effect.zipRight(Effect.promise(() => handle.close().catch(() => undefined))),
    ),
  )
  return (entry) => {
    if (stream.writableLength < MAX_WAITING) stream.write(Audit.line(entry))
    else dropped += 1
  }
})

/** One question for a log, asked of the engine: a pass over records that ends with the answer, or as soon as who reads has had enough. */
import { Deferred, Effect } from "effect"
import type { StreamError } from "@rdl/core/link/StreamError"
import { markOf } from "@rdl/core/log/CursorTracker"
import { LogRecord } from "@rdl/core/log/LogRecord"
import type { EngineClient } from "../engine/EngineClient.ts"
import { EnginePass } from "./EnginePass.ts"
import type { ReadProblem } from "../engine/EngineProblems.ts"
import type { LogSelection } from "../engine/EngineRequest.ts"
import type { LogAsk, LogTaker } from "../log/LogOrigin.ts"

export interface Question<Stop> {
  readonly selection: Pick<LogSelection, "follow" | "tail" | "since" | "until">
  /** Who is held when there is no room; absent = nobody. */
  readonly taker?: LogTaker
  /** Told of each record in order; anything but undefined ends the pass at once, before the next. */
  readonly onRecord: (record: LogRecord) => Stop | undefined
  /** Ends the pass when it succeeds. */
  readonly watch?: (pass: EnginePass) => Effect.Effect<Stop>
  readonly onOpen?: () => void
  readonly parkMs?: number
}

/** `ended`: the answer is whole; `parked`: there was no room for too long. */
export const ask = <Stop>(
  client: typeof EngineClient.Service,
  { container, details, engine, query }: Pick<LogAsk, "container" | "details" | "engine" | "query">,
  question: Question<Stop>,
): Effect.Effect<Stop | "ended" | "parked", ReadProblem | StreamError> =>
  Effect.gen(function* () {
    const stopped = yield* Deferred.make<void>()
    let why: Stop | "parked" | undefined
    let failure: StreamError | undefined
    const stop = () => {
      pass.stop()
      Deferred.unsafeDone(stopped, Effect.void)
    }
    const pass: EnginePass = new EnginePass({
      tty: details.tty && details.libpod !== true,
      details: query.details,
      partials: engine.kind,
      ...(question.taker === undefined ? {} : { taker: question.taker }),
      ...(question.parkMs === undefined ? {} : { parkMs: question.parkMs }),
      onRecord: (record) => {
        why = question.onRecord(record)
        if (why !== undefined) stop()
      },
      onStop: (reason) => {
        if (reason === "parked") why = reason
        else failure = reason
        stop()
      },
      ...(question.onOpen === undefined ? {} : { onOpen: question.onOpen }),
    })
    const libpod = details.libpod === true && details.tty
    const selection = { ...question.selection, stdout: true, stderr: true, details: query.details, libpod }
    const body = client.logs(container.id, selection, pass).pipe(
      Effect.map(() => {
        failure ??= pass.end()
      }),
    )
    const watched =
      question.watch === undefined
        ? Effect.never
        : Effect.map(question.watch(pass), (reason) => {
            why ??= reason
          })
    yield* Effect.raceFirst(body, Effect.raceFirst(Deferred.await(stopped), watched)).pipe(
      // What was found before the answer broke off stands.
      Effect.catchAll((problem) => (why === undefined ? Effect.fail(problem) : Effect.void)),
      Effect.ensuring(Effect.sync(() => pass.stop())),
    )
    if (failure !== undefined) return yield* failure
    return why ?? "ended"
  })

/** The first record of some of a log: a copy. */
export const first = (
  client: typeof EngineClient.Service,
  about: Pick<LogAsk, "container" | "details" | "engine" | "query">,
  selection: Pick<LogSelection, "tail">,
): Effect.Effect<LogRecord | undefined, ReadProblem | StreamError> =>
  Effect.suspend(() => {
    let found: LogRecord | undefined
    const onRecord = (record: LogRecord) => {
      found = copyOf(record)
      return "found" as const
    }
    const asked = ask(client, about, { selection: { follow: false, ...selection }, onRecord })
    return Effect.map(asked, () => found)
  })

/** The log's newest record, if it has any: a copy. Podman glues its last pieces together. */
export const newest = (
  client: typeof EngineClient.Service,
  about: Pick<LogAsk, "container" | "details" | "engine" | "query">,
): Effect.Effect<LogRecord | undefined, ReadProblem | StreamError> => first(client, about, { tail: 1 })

const copyOf = ({ stream, bytes, start, details, payload, end }: LogRecord): LogRecord => {
  const copy = new LogRecord()
  copy.stream = stream
  copy.bytes = bytes.slice(start, end)
  copy.details = details - start
  copy.payload = payload - start
  copy.end = end - start
  return copy
}

/** Whether a record is the one of a mark. */
export const isSame = (record: LogRecord, mark: ReturnType<typeof markOf> | undefined): boolean => {
  const own = markOf(record)
  return mark !== undefined && own.nanos === mark.nanos && own.hash === mark.hash
}

/** A log read to its end over as many answers as it takes: after each that breaks off, the next goes on where it stopped. */
import { Chunk, Clock, Duration, Effect, Either, ExecutionStrategy, Exit, Option, Random, Scope, Stream } from "effect"
import { ContainerId, ContainerName } from "../model/Container.ts"
import type { LogNext } from "../log/LogEntry.ts"
import type { ApiErrorCode } from "./ApiError.ts"
import type { LogMark, LogPiece, LogSplice, LogWord, SplicePlace } from "./LogSplice.ts"
import { RdlConnectionError, type RdlError } from "./RdlConnectionError.ts"

/** What the client asks with one request. */
export interface SpliceRequest {
  readonly ref: string
  readonly place: SplicePlace
  /** The log is that of another container, from its start: `tail` was for the first. */
  readonly isAnother: boolean
}

/** One answer, for as long as its scope lives. */
export interface SpliceAnswer {
  /** `source/name`, and the full id, of the container that answers. */
  readonly container: string
  readonly containerId: string
  readonly tty: boolean
  readonly stream: Stream.Stream<Uint8Array, RdlConnectionError>
}

/** A log as it comes, and how it fares. What is told of it stands among the bytes of NDJSON as well, just before. */
export type LogEvent =
  /** Whole records in Docker's framing, or whole lines of JSON. */
  | { readonly _tag: "Bytes"; readonly bytes: Uint8Array }
  /** Who has taken all events up to here goes on with `resume`, losing and repeating nothing; see ReadOptions. */
  | LogMark
  | LogWord
  | { readonly _tag: "Lost"; readonly why: string }
  | { readonly _tag: "Resumed" }

export interface SpliceTerms {
  readonly ref: string
  readonly follow: boolean
  /** How long an answer is asked for again and again, without one, until the log fails. 0 = not at all. */
  readonly giveUpAfter: Duration.DurationInput
  /** Whether the proxy has a link to the source now. */
  readonly isLinked: (source: string) => Effect.Effect<boolean, RdlError>
}

export interface SplicedLog extends Omit<SpliceAnswer, "stream"> {
  /** Ends only where the log does. To be read once. */
  readonly events: Stream.Stream<LogEvent, RdlError>
}

/** Between two tries to ask again, in milliseconds: at most this at first, twice as much each time, and this at last; half of it is left to chance. */
const FIRST_PAUSE_MS = 250
const MAX_PAUSE_MS = 5_000

const REMOVED = "the container was removed meanwhile, and its last lines with it"

/** Refusals that may be over soon. */
const MAY_PASS = new Set<ApiErrorCode>([
  "too-many-streams",
  "rate-limited",
  "source-busy",
  "source-offline",
  "source-loading",
  "engine-unavailable",
  "engine-error",
  "source-error",
  "source-silent",
  "not-ready",
  "internal",
])

type Ask = (request: SpliceRequest) => Effect.Effect<SpliceAnswer, RdlError, Scope.Scope>

interface Answering {
  readonly answer: SpliceAnswer
  readonly pull: Effect.Effect<Chunk.Chunk<Uint8Array>, Option.Option<RdlConnectionError>>
  readonly scope: Scope.CloseableScope
}

/** Asks for the first time, which fails at once where it fails; the scope ends whatever request is open. */
export const open = Effect.fnUntraced(function* (
  ask: Ask,
  { follow, giveUpAfter, isLinked, ref }: SpliceTerms,
  splice: LogSplice,
): Effect.fn.Return<SplicedLog, RdlError, Scope.Scope> {
  const outer = yield* Effect.scope
  const giveUpMs = Duration.toMillis(giveUpAfter)

  const connect = (target: string, isAnother: boolean): Effect.Effect<Answering, RdlError> =>
    Effect.uninterruptibleMask((restore) =>
      Effect.gen(function* () {
        const scope = yield* Scope.fork(outer, ExecutionStrategy.sequential)
        return yield* restore(ask({ ref: target, place: splice.place(), isAnother })).pipe(
          Effect.flatMap((answer) => Effect.map(Stream.toPull(answer.stream), (pull) => ({ answer, pull, scope }))),
          Scope.extend(scope),
          Effect.onError(() => Scope.close(scope, Exit.void)),
        )
      }),
    )

  const first = yield* connect(ref, false)
  const { container, containerId, tty } = first.answer
  const byName = !containerId.startsWith(ref.slice(ref.indexOf("/") + 1))
  const source = container.slice(0, container.indexOf("/"))
  /** By its full name from here on: another source may get a container of that name. */
  const named = `${source}/${ref.slice(ref.indexOf("/") + 1)}`

  let answering: Answering | undefined = first
  let target = byName ? named : ref
  let id = containerId
  let isAnother = false
  let isOver = false
  let tries = 0

  const startOver = (): void => {
    splice.forget()
    splice.restart()
    target = named
    isAnother = true
  }

  /** Nothing more comes of the answer. */
  const leave = Effect.suspend(() => {
    const left = answering
    answering = undefined
    return left === undefined ? Effect.void : Scope.close(left.scope, Exit.void)
  })

  const take = (chunks: Chunk.Chunk<Uint8Array>) =>
    Effect.gen(function* () {
      const events: Array<LogEvent> = []
      for (const chunk of chunks) {
        const pieces = yield* Either.mapLeft(splice.push(chunk), (detail) => Option.some(notALog(container, detail)))
        for (const piece of pieces) {
          tries = 0
          const word = piece._tag === "Told" ? piece.word : undefined
          if (word?._tag === "Next") {
            id = word.next.id
            isAnother ||= word.next.why === "recreated"
          }
          // The log of a container that had lost its name is over; the name's goes on.
          if (word?._tag === "End" && follow && byName && target !== named) {
            startOver()
            yield* leave
            return Chunk.unsafeFromArray(events)
          }
          isOver ||= word?._tag === "End"
          events.push(...eventsOf(piece))
        }
      }
      if (isOver) yield* leave
      return Chunk.unsafeFromArray(events)
    })

  const lose = (why: RdlConnectionError) =>
    Effect.gen(function* () {
      yield* leave
      splice.restart()
      const { cursor, received } = splice.place()
      if (giveUpMs === 0 || (cursor === undefined && received > 0)) return yield* Effect.fail(Option.some(why))
      return Chunk.of<LogEvent>({ _tag: "Lost", why: why.detail })
    })

  const again = Effect.gen(function* () {
    const until = (yield* Clock.currentTimeMillis) + giveUpMs
    const events: Array<LogEvent> = []
    let misses = 0
    for (;;) {
      yield* Effect.sleep(Math.min(MAX_PAUSE_MS, FIRST_PAUSE_MS * 2 ** tries++) * (0.5 + (yield* Random.next) / 2))
      const asked = yield* Effect.either(connect(target, isAnother))
      if (Either.isRight(asked)) {
        answering = asked.right
        const next = nextOf(asked.right.answer)
        if (target === named && next.id !== id) events.push(...eventsOf(splice.tell({ _tag: "Next", next })))
        id = next.id
        return Chunk.unsafeFromArray([...events, { _tag: "Resumed" as const }])
      }
      const error = asked.left
      // A proxy that has just started knows no container of a source that has not linked to it yet.
      const isAway = isGone(error) && !(yield* Effect.orElseSucceed(isLinked(source), () => false))
      // It may have linked between the two questions: only who says so twice is believed.
      misses = isGone(error) && !isAway ? misses + 1 : 0
      const mayGoOn = isAway || misses === 1 || mayPass(error)
      if (mayGoOn && (yield* Clock.currentTimeMillis) < until) continue
      if (follow && byName && isOfAnother(error) && target === named) target = `${source}/${id}`
      else if (follow && byName && isGone(error) && target !== named) {
        events.push(...eventsOf(splice.tell({ _tag: "Gap", gap: { reason: REMOVED } })))
        startOver()
      } else return yield* Effect.fail(Option.some(error))
    }
  })

  const events = Effect.suspend((): Effect.Effect<Chunk.Chunk<LogEvent>, Option.Option<RdlError>> => {
    if (isOver) return Effect.fail(Option.none())
    if (answering === undefined) return again
    return Effect.matchEffect(answering.pull, {
      onSuccess: take,
      onFailure: (why) => lose(Option.getOrElse(why, () => notALog(container, "the answer ended before the log did"))),
    })
  })
  return { container, containerId, tty, events: Stream.repeatEffectChunkOption(events) }
})

const eventsOf = (piece: LogPiece): ReadonlyArray<LogEvent> => {
  if (piece._tag !== "Told") return [piece]
  return piece.line === undefined ? [piece.word] : [{ _tag: "Bytes", bytes: piece.line }, piece.word]
}

const nextOf = ({ container, containerId }: SpliceAnswer): LogNext => ({
  container: ContainerName.make(container.slice(container.indexOf("/") + 1)),
  id: ContainerId.make(containerId),
  why: "recreated",
})

const notALog = (container: string, detail: string) =>
  new RdlConnectionError({ reason: "broken", url: container, detail })

const mayPass = (error: RdlError): boolean =>
  error._tag === "RdlConnectionError" ? error.reason !== "unexpected" : MAY_PASS.has(error.code)

/** The name is another container's now. */
const isOfAnother = (error: RdlError): boolean =>
  error._tag === "ApiError" && error.code === "bad-parameter" && error.parameter === "resume"

const isGone = (error: RdlError): boolean => error._tag === "ApiError" && error.code === "no-such-container"

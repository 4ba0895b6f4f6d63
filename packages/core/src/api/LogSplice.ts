/**
 * One log out of the bodies of several answers, each of which may stop anywhere: whole frames or lines go on, what was
 * begun is thrown away and comes again. Plain state machines; between them they know what to ask for next.
 */
import { Either, Schema } from "effect"
import type { End } from "../link/LinkMessage.ts"
import { HEADER_BYTES, MAX_PAYLOAD_BYTES, SYSTEM } from "../log/DockerFrames.ts"
import * as LogEntry from "../log/LogEntry.ts"
import * as LogFrames from "../log/LogFrames.ts"
import type { LogGap } from "../log/LogGap.ts"

/** Something that is told of a log, in its place. */
export type LogWord =
  | { readonly _tag: "Gap"; readonly gap: LogGap }
  | { readonly _tag: "Next"; readonly next: LogEntry.LogNext }
  | { readonly _tag: "End"; readonly end: End }

/** What stands behind everything before it: where to go on. */
export interface LogMark {
  readonly _tag: "Mark"
  readonly cursor: string
}

/** A part of a log, in its place. */
export type LogPiece =
  /** Whole records in Docker's framing, or whole lines of JSON. */
  | { readonly _tag: "Bytes"; readonly bytes: Uint8Array }
  | LogMark
  /** `line` is the word's own line of JSON; absent in frames, where no record says it. */
  | { readonly _tag: "Told"; readonly word: LogWord; readonly line?: Uint8Array | undefined }

/** What to ask for: from the cursor on, without so many bytes, or lines, that came after it. */
export interface SplicePlace {
  readonly cursor: string | undefined
  readonly received: number
}

export interface LogSplice {
  /** What a piece of the body completes; a sentence if it cannot be a log's. */
  readonly push: (chunk: Uint8Array) => Either.Either<ReadonlyArray<LogPiece>, string>
  readonly place: () => SplicePlace
  /** A word that no answer had, as the format tells it. */
  readonly tell: (word: LogWord) => LogPiece
  /** Another answer begins, at the place. */
  readonly restart: () => void
  /** Another container begins, at the start of its log. */
  readonly forget: () => void
}

const decodeGap = Schema.decodeUnknownEither(Schema.parseJson(LogEntry.LogGap))
const decodeNext = Schema.decodeUnknownEither(Schema.parseJson(LogEntry.LogNext))
const decodeEnd = Schema.decodeUnknownEither(Schema.parseJson(LogEntry.LogEndEntry.fields.end))

/** For the format `frames`: records go on as they came, all other frames are told, signs of life excepted. */
export class FrameSplice implements LogSplice {
  #begun: Uint8Array = new Uint8Array(0)
  #cursor: string | undefined
  #received = 0
  readonly #text = new TextDecoder()

  /** Begins behind the cursor; default at the log's start. */
  constructor(cursor?: string) {
    this.#cursor = cursor
  }

  readonly place = (): SplicePlace => ({ cursor: this.#cursor, received: this.#received })

  readonly tell = (word: LogWord): LogPiece => ({ _tag: "Told", word })

  readonly restart = (): void => {
    this.#begun = new Uint8Array(0)
  }

  readonly forget = (): void => {
    this.restart()
    this.#cursor = undefined
    this.#received = 0
  }

  readonly push = (chunk: Uint8Array): Either.Either<ReadonlyArray<LogPiece>, string> => {
    const bytes = joined(this.#begun, chunk)
    const pieces: Array<LogPiece> = []
    let records = 0
    let at = 0
    const passRecords = () => {
      if (at > records) pieces.push({ _tag: "Bytes", bytes: bytes.subarray(records, at) })
    }
    while (bytes.length - at >= HEADER_BYTES) {
      const type = bytes[at]!
      const end = at + HEADER_BYTES + lengthAt(bytes, at)
      if ((type > SYSTEM && !LogFrames.isLogFrameType(type)) || end - at > HEADER_BYTES + MAX_PAYLOAD_BYTES)
        return Either.left(`a frame of type ${type} and ${end - at - HEADER_BYTES} bytes`)
      if (end > bytes.length) break
      if (type <= SYSTEM) {
        this.#received += end - at
        at = end
        continue
      }
      passRecords()
      const told = this.#take(type, this.#text.decode(bytes.subarray(at + HEADER_BYTES, end)))
      if (told === null) return Either.left(`a frame of type ${type} that is not one`)
      if (told !== undefined) pieces.push(told)
      records = at = end
    }
    passRecords()
    this.#begun = bytes.slice(at)
    return Either.right(pieces)
  }

  /** Undefined where there is nothing to tell, null where it makes no sense. */
  #take(type: number, text: string): LogPiece | undefined | null {
    const { alive, cursor } = LogFrames.LogFrameType
    if (type === alive) return undefined
    if (type === cursor) {
      this.#cursor = text
      this.#received = 0
      return { _tag: "Mark", cursor: text }
    }
    const word = wordOf(type, text)
    if (word?._tag === "Next" && word.next.why === "recreated") this.forget()
    return word === undefined ? null : this.tell(word)
  }
}

/** Undefined where the frame is not what its type says. */
const wordOf = (type: number, text: string): LogWord | undefined => {
  const { gap, next } = LogFrames.LogFrameType
  if (type === gap) return orNone(Either.map(decodeGap(text), (gap) => ({ _tag: "Gap", gap })))
  if (type === next) return orNone(Either.map(decodeNext(text), (next) => ({ _tag: "Next", next })))
  return orNone(Either.map(decodeEnd(text), (end) => ({ _tag: "End", end })))
}

const orNone = (word: Either.Either<LogWord, unknown>): LogWord | undefined => Either.getOrElse(word, () => undefined)

const lengthAt = (bytes: Uint8Array, at: number): number =>
  bytes[at + 4]! * 2 ** 24 + bytes[at + 5]! * 2 ** 16 + bytes[at + 6]! * 2 ** 8 + bytes[at + 7]!

const joined = (first: Uint8Array, second: Uint8Array): Uint8Array => {
  if (first.length === 0) return second
  const both = new Uint8Array(first.length + second.length)
  both.set(first)
  both.set(second, first.length)
  return both
}

/** One log out of several answers in NDJSON with a cursor on every line; see LogSplice. */
import { Either, Schema } from "effect"
import * as LineSplitter from "../log/LineSplitter.ts"
import * as LogEntry from "../log/LogEntry.ts"
import type { LogPiece, LogSplice, LogWord, SplicePlace } from "./LogSplice.ts"

const Word = Schema.Union(LogEntry.LogGapEntry, LogEntry.LogNextEntry, LogEntry.LogEndEntry)
const decodeWord = Schema.decodeUnknownEither(Schema.parseJson(Word))

/** What an object ends in that has a cursor; within a text its quotes would be escaped. */
const CURSOR = /,"cursor":"([A-Za-z0-9_-]{1,86})"\}$/
const CURSOR_BYTES = 100
const CLOSE = new TextEncoder().encode("}\n")
const NEWLINE = CLOSE.subarray(1)

/** Lines of a log begin with their source; no other object begins with this letter. */
const LETTER_S = 0x73

export class LineSplice implements LogSplice {
  readonly #keepCursors: boolean
  readonly #text = new TextDecoder()
  #lines: LineSplitter.LineSplitter
  #cursor: string | undefined
  /** The cursor that was told last. */
  #told: string | undefined
  /** Lines that came after the cursor, and how many of them still come again. */
  #since = 0
  #skip = 0
  #out: Array<Uint8Array> = []
  #pieces: Array<LogPiece> = []
  #problem: string | undefined

  /** Begins behind the cursor, default at the log's start. Cursors are taken out of the lines unless they are to be kept. */
  constructor(keepCursors: boolean, cursor?: string) {
    this.#keepCursors = keepCursors
    this.#cursor = this.#told = cursor
    this.#lines = this.#splitter()
  }

  readonly place = (): SplicePlace => ({ cursor: this.#cursor, received: this.#since })

  readonly tell = (word: LogWord): LogPiece => ({ _tag: "Told", word, line: lineOf(word) })

  readonly restart = (): void => {
    this.#lines = this.#splitter()
    this.#skip = this.#since
  }

  readonly forget = (): void => {
    this.#cursor = undefined
    this.#since = this.#skip = 0
  }

  readonly push = (chunk: Uint8Array): Either.Either<ReadonlyArray<LogPiece>, string> => {
    this.#pieces = []
    if (!this.#lines.push(chunk)) this.#problem ??= `an object over ${LogEntry.MAX_ENTRY_BYTES} bytes`
    this.#pass()
    return this.#problem === undefined ? Either.right(this.#pieces) : Either.left(this.#problem)
  }

  #splitter(): LineSplitter.LineSplitter {
    return LineSplitter.make(LogEntry.MAX_ENTRY_BYTES, (line) => {
      // An empty line is a sign of life.
      if (line.length === 0 || this.#problem !== undefined) return
      if (line[2] === LETTER_S) this.#line(line)
      else this.#word(line)
    })
  }

  #line(line: Uint8Array): void {
    if (this.#skip > 0) {
      this.#skip--
      return
    }
    this.#since++
    this.#out.push(...this.#passed(line))
  }

  #word(line: Uint8Array): void {
    const word = decodeWord(this.#text.decode(line))
    if (Either.isLeft(word)) {
      this.#problem = "an object that is none of a log's"
      return
    }
    if ("next" in word.right && word.right.next.why === "recreated") this.forget()
    this.#pass()
    this.#pieces.push({ _tag: "Told", word: wordOf(word.right), line: concat(this.#passed(line)) })
    this.#mark()
  }

  /** The object with its newline, with its cursor or without, once it is what we stand behind. */
  #passed(line: Uint8Array): ReadonlyArray<Uint8Array> {
    const from = Math.max(0, line.length - CURSOR_BYTES)
    const found = CURSOR.exec(this.#text.decode(line.subarray(from)))
    const cursor = found?.[1]
    if (cursor !== undefined) {
      this.#cursor = cursor
      this.#since = this.#skip = 0
    }
    return found === null || this.#keepCursors
      ? [line, NEWLINE]
      : [line.subarray(0, line.length - found[0].length), CLOSE]
  }

  #pass(): void {
    const out = this.#out
    this.#out = []
    if (out.length > 0) this.#pieces.push({ _tag: "Bytes", bytes: concat(out) })
    this.#mark()
  }

  /** Nothing is told where lines came after the cursor: it is not behind all of them. */
  #mark(): void {
    if (this.#cursor === undefined || this.#cursor === this.#told || this.#since > 0) return
    this.#told = this.#cursor
    this.#pieces.push({ _tag: "Mark", cursor: this.#cursor })
  }
}

const wordOf = (word: typeof Word.Type): LogWord => {
  if ("gap" in word) return { _tag: "Gap", gap: word.gap }
  return "next" in word ? { _tag: "Next", next: word.next } : { _tag: "End", end: word.end }
}

const lineOf = ({ _tag, ...word }: LogWord): Uint8Array => new TextEncoder().encode(`${JSON.stringify(word)}\n`)

const concat = (parts: ReadonlyArray<Uint8Array>): Uint8Array => {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}

/** What becomes of a log's bytes, gaps and silence on their way into one response. Plain callbacks, no Effect. */
import type { LogNext } from "@rdl/core/log/LogEntry"
import * as LogGap from "@rdl/core/log/LogGap"
import type { LogFeed, LogHandlers, LogResult } from "@rdl/core/routing/LogFeed"
import type { ServerResponse } from "node:http"
import type { LogWords } from "./LogWords.ts"

/** The trailer that flags gaps in formats without a word for them: how many, and why the first. */
export const GAP_TRAILER = "X-Rdl-Gap"

/** Looks at a silent log before a sign of life goes out. */
const SILENT_LOOKS = 3

export interface Parts {
  readonly response: ServerResponse
  readonly reader: LogFeed
  /** Absent = the format has none. */
  readonly words: LogWords | undefined
  /** Whether the trailer was announced. */
  readonly hasTrailer: boolean
  /** Called at most once, where the log did not end well. */
  readonly onBroken: () => void
}

export class LogSending implements LogHandlers {
  readonly #parts: Parts
  /** Bytes of the log that the socket has not taken. */
  #waiting = 0
  /** How often the log was looked at since anything was written. */
  #looks = 0
  /** A gap was written since the socket took everything: of those to come one is held, whatever there may be. */
  #hasToldGap = false
  #heldGap: LogGap.LogGap | undefined
  #gaps = 0
  #firstReason = ""

  constructor(parts: Parts) {
    this.#parts = parts
    parts.response.on("drain", () => this.#drained())
  }

  readonly onData = (bytes: Uint8Array): void => {
    if (this.#parts.response.destroyed) return
    if (this.#write(bytes)) this.#parts.reader.consumed(bytes.length)
    else this.#waiting += bytes.length
  }

  readonly onGap = (gap: LogGap.LogGap): void => {
    this.#gaps++
    this.#firstReason ||= gap.reason
    if (this.#parts.words === undefined) return
    if (this.#heldGap === undefined && !this.#hasToldGap) return this.#tellGap(gap)
    this.#heldGap = this.#heldGap === undefined ? gap : LogGap.merge(this.#heldGap, gap)
  }

  readonly onPlace = (): void => {
    const { reader, response, words } = this.#parts
    if (!response.writableNeedDrain) this.#releaseGap()
    if (words?.place === undefined) return
    const place = reader.place()
    if (place !== undefined) this.#write(words.place(place))
  }

  readonly onNext = (next: LogNext): void => {
    this.#releaseGap()
    this.#say(this.#parts.words?.next(next))
  }

  readonly onEnd = (result: LogResult): void => {
    const { hasTrailer, onBroken, response, words } = this.#parts
    if ("_tag" in result) return onBroken()
    this.#releaseGap()
    this.#say(words?.end(result))
    if (hasTrailer && this.#gaps > 0)
      response.addTrailers({ [GAP_TRAILER]: `${this.#gaps}; ${header(this.#firstReason)}` })
    // What still waits is taken by then; no drain is told of a response that has ended.
    response.once("finish", () => this.#taken())
    response.end()
  }

  /** To be called now and then, at equal times: says that the log lives where nothing has been written for a while. */
  readonly look = (): void => {
    const { reader, response, words } = this.#parts
    if (++this.#looks < SILENT_LOOKS || response.writableNeedDrain || !reader.isClean()) return
    this.#say(words?.alive)
  }

  #drained(): void {
    this.#hasToldGap = false
    this.#taken()
    if (this.#parts.reader.isClean()) this.#releaseGap()
  }

  #taken(): void {
    const bytes = this.#waiting
    this.#waiting = 0
    if (bytes > 0) this.#parts.reader.consumed(bytes)
  }

  #releaseGap(): void {
    const gap = this.#heldGap
    this.#heldGap = undefined
    if (gap !== undefined) this.#tellGap(gap)
  }

  #tellGap(gap: LogGap.LogGap): void {
    this.#say(this.#parts.words?.gap(gap, this.#parts.reader.place()))
    this.#hasToldGap = this.#parts.response.writableNeedDrain
  }

  #say(word: Uint8Array | undefined): void {
    if (word !== undefined) this.#write(word)
  }

  /** False where the socket has to be waited for. */
  #write(bytes: Uint8Array): boolean {
    this.#looks = 0
    return this.#parts.response.write(bytes)
  }
}

/** A sentence as a header may hold it. */
const header = (text: string): string => text.replaceAll(/[^\x20-\x7e]+/g, " ").slice(0, 300)

/** One answer of the engine to a question for a log: finds its records, and holds the socket while the taker has no room. Plain callbacks, no Effect. */
import type { StreamError } from "@rdl/core/link/StreamError"
import type { Partials } from "@rdl/core/log/LogLine"
import type { LogRecord, RecordReader } from "@rdl/core/log/LogRecord"
import { recordReader } from "@rdl/core/log/LogRenderer"
import type { BodySink, Flow } from "../engine/EngineStream.ts"
import type { LogTaker } from "../log/LogOrigin.ts"
import { parks } from "../SourceCounters.ts"

/** So long, in milliseconds, an answer is held for a taker without room; then it is dropped, to be asked for anew. */
export const PARK_MS = 3_000

export interface PassOptions {
  /** The answer is a terminal's bytes, without frames. */
  readonly tty: boolean
  readonly details: boolean
  readonly partials: Partials
  /** Absent = what comes is for nobody but `onRecord`. */
  readonly taker?: Pick<LogTaker, "settled" | "blocked" | "onRoom">
  readonly onRecord: (record: LogRecord) => void
  /** Told at most once: a sink that was held for too long, or what is wrong with the answer. Nothing is taken any more. */
  readonly onStop: (why: "parked" | StreamError) => void
  /** The engine's headers have come. */
  readonly onOpen?: () => void
  /** Default PARK_MS. */
  readonly parkMs?: number
}

export class EnginePass implements BodySink {
  private readonly options: PassOptions
  private readonly reader: RecordReader
  private flow: Flow | undefined
  private over = false
  private parking: NodeJS.Timeout | undefined
  private silentSince = performance.now()
  private isHeld = false
  private bytes = 0
  private failure: StreamError | undefined

  constructor(options: PassOptions) {
    this.options = options
    this.reader = recordReader(options, {
      record: (record) => {
        if (!this.over) options.onRecord(record)
      },
      end: () => {},
    })
  }

  /** Whether the engine's headers have come. */
  opened(): boolean {
    return this.flow !== undefined
  }

  /** Bytes of the log the engine has sent. */
  received(): number {
    return this.bytes
  }

  /** For how many milliseconds there was room and yet nothing came, be it headers or records. */
  quietMs(): number {
    return this.isHeld ? 0 : performance.now() - this.silentSince
  }

  onOpen(flow: Flow): void {
    this.flow = flow
    this.silentSince = performance.now()
    this.options.onOpen?.()
    this.options.taker?.settled()
    this.hold()
  }

  onData(slice: Uint8Array): void {
    if (this.over) return
    this.bytes += slice.length
    const failure = this.reader.push(slice)
    if (failure !== undefined) this.fail(failure)
  }

  onSettled(): void {
    this.silentSince = performance.now()
    if (this.over) return
    this.options.taker?.settled()
    this.hold()
  }

  /** The answer is whole: its last record may have waited for that. */
  end(): StreamError | undefined {
    if (!this.over) this.failure = this.reader.end()
    this.options.taker?.settled()
    this.stop()
    return this.failure
  }

  /** Nothing is taken any more. */
  stop(): void {
    this.over = true
    clearTimeout(this.parking)
  }

  private fail(failure: StreamError): void {
    if (this.over) return
    this.failure = failure
    this.stop()
    this.options.onStop(failure)
  }

  private hold(): void {
    const { taker, onStop, parkMs = PARK_MS } = this.options
    if (taker === undefined || this.isHeld || this.over || !taker.blocked()) return
    this.isHeld = true
    this.flow?.pause()
    this.parking = setTimeout(() => {
      if (this.over) return
      parks.unsafeUpdate(1, [])
      this.stop()
      onStop("parked")
    }, parkMs)
    taker.onRoom(() => {
      if (this.over) return
      clearTimeout(this.parking)
      this.isHeld = false
      this.silentSince = performance.now()
      this.flow?.resume()
    })
  }
}

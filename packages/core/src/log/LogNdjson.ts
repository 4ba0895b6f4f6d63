/** Lines as JSON objects, one a line or one a server-sent event; written byte by byte, since they are most of the work. */
import { contentEnd, type LineSink } from "./LogLine.ts"
import type { LogOutput } from "./LogOutput.ts"
import type { LogRecord } from "./LogRecord.ts"
import { decodeDetails, utcStamp } from "./LogNdjsonField.ts"
import { writeJsonText } from "./LogNdjsonText.ts"

/** What every object says, and how it is wrapped. */
export interface JsonOptions {
  readonly source: string
  readonly container: { readonly id: string; readonly name: string }
  readonly details: boolean
  readonly tty: boolean
  /** As `data:` of server-sent events. */
  readonly sse: boolean
  /** Where each line stands; absent = lines say nothing of it, and none is left out. */
  readonly place?: LinePlace | undefined
}

/** Knows where a line stands in the log. */
export interface LinePlace {
  /** Told of each line before it is written; `undefined` = it is to be left out, else the place behind it, or nothing, to be written. */
  readonly line: (settled: boolean) => Uint8Array | undefined
}

export class JsonLines implements LineSink {
  private readonly output: LogOutput
  private readonly options: JsonOptions
  /** What stands before the time, for stdout and stderr. */
  private readonly heads: readonly [Uint8Array, Uint8Array]
  private readonly foot: Uint8Array
  private readonly partialFoot: Uint8Array
  private readonly close: Uint8Array
  /** Details are the same on every line of a container: those of the last one, and their JSON. */
  private lastDetails = new Uint8Array(0)
  private lastAttrs = encode(`","attrs":{}`)

  constructor(output: LogOutput, options: JsonOptions) {
    this.output = output
    this.options = options
    this.heads = [this.head("stdout"), this.head("stderr")]
    const quote = options.details ? "" : `"`
    this.foot = encode(quote)
    this.partialFoot = encode(`${quote},"partial":true`)
    this.close = encode(options.sse ? "}\n\n" : "}\n")
  }

  line(record: LogRecord, _first: boolean, last: boolean, settled: boolean): void {
    const { output } = this
    const { place, sse } = this.options
    const cursor = place === undefined ? NOTHING : place.line(settled)
    if (cursor === undefined) return
    if (sse && cursor.length > 0) this.writeAround(BEFORE_ID, cursor, AFTER_ID)
    const head = this.heads[record.stream === 1 ? 0 : 1]
    output.turn(record.stream)
    output.write(head, 0, head.length)
    this.writeTime(record)
    output.write(BEFORE_LINE, 0, BEFORE_LINE.length)
    writeJsonText(output, record.bytes, record.payload, contentEnd(record, this.options.tty))
    if (this.options.details) this.writeAttrs(record)
    const foot = last ? this.foot : this.partialFoot
    output.write(foot, 0, foot.length)
    if (!sse && cursor.length > 0) this.writeAround(BEFORE_CURSOR, cursor, AFTER_CURSOR)
    output.write(this.close, 0, this.close.length)
  }

  cut(): void {}

  end(): void {}

  private writeAround(before: Uint8Array, cursor: Uint8Array, after: Uint8Array): void {
    for (const bytes of [before, cursor, after]) this.output.write(bytes, 0, bytes.length)
  }

  private head(stream: "stdout" | "stderr"): Uint8Array {
    const { source, container, sse } = this.options
    const fields = JSON.stringify({ source, container: container.name, id: container.id, stream })
    return encode(`${sse ? "data: " : ""}${fields.slice(0, -1)},"time":"`)
  }

  private writeTime(record: LogRecord): void {
    const { bytes, start, details } = record
    if (details - start === DOCKER_STAMP_BYTES && bytes[details - 2] === ZED)
      return this.output.write(bytes, start, details - 1)
    const stamp = encode(utcStamp(ascii(bytes, start, details - 1)))
    this.output.write(stamp, 0, stamp.length)
  }

  private writeAttrs(record: LogRecord): void {
    const { bytes, details, payload } = record
    if (!isSame(this.lastDetails, bytes, details, payload)) {
      // A copy, which `slice` of a Node buffer is not.
      this.lastDetails = new Uint8Array(bytes.subarray(details, payload))
      this.lastAttrs = encode(`","attrs":${JSON.stringify(decodeDetails(ascii(bytes, details, payload).trim()))}`)
    }
    this.output.write(this.lastAttrs, 0, this.lastAttrs.length)
  }
}

const encode = (text: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(text)
const BEFORE_LINE = encode(`","line":"`)
const BEFORE_ID = encode("id: ")
const AFTER_ID = encode("\n")
const BEFORE_CURSOR = encode(`,"cursor":"`)
const AFTER_CURSOR = encode(`"`)
const NOTHING = new Uint8Array(0)
const DOCKER_STAMP_BYTES = 31
const ZED = 0x5a

const ascii = (bytes: Uint8Array, start: number, end: number): string =>
  new TextDecoder().decode(bytes.subarray(start, end))

const isSame = (one: Uint8Array, bytes: Uint8Array, start: number, end: number): boolean => {
  if (one.length !== end - start) return false
  for (let at = 0; at < one.length; at++) if (one[at] !== bytes[start + at]) return false
  return true
}

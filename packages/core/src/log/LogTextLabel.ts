/** Text in which every line names its source: `edge-1 | the line` or `the line | edge-1`. */
import { contentEnd, type LineSink } from "./LogLine.ts"
import type { LogOutput } from "./LogOutput.ts"
import { isTerminated, NEWLINE, type LogRecord } from "./LogRecord.ts"

/** How lines are labelled. */
export interface LabelOptions {
  /** The source's name, or whatever shall stand there. */
  readonly label: string
  readonly position: "prefix" | "suffix"
  readonly timestamps: boolean
  /** A terminal's lines end in CR LF: a suffix goes before both. */
  readonly tty: boolean
}

/**
 * Writes whole lines, so that every label stands at the start, or the end, of one: a line that the container left
 * without newline gets one when another follows. Otherwise lines stay as they are.
 */
export class LabelledText implements LineSink {
  private readonly output: LogOutput
  private readonly options: LabelOptions
  private readonly label: Uint8Array
  private readonly isSuffix: boolean
  /** The stream whose line stands unterminated at the end of the output; 0 = none does. */
  private open: 0 | 1 | 2 = 0
  /** The open line has not had its suffix yet. */
  private owesSuffix = false

  constructor(output: LogOutput, options: LabelOptions) {
    this.output = output
    this.options = options
    this.isSuffix = options.position === "suffix"
    this.label = new TextEncoder().encode(this.isSuffix ? ` | ${options.label}` : `${options.label} | `)
  }

  line(record: LogRecord, first: boolean, last: boolean): void {
    const { output } = this
    if (this.open !== 0 && (first || this.open !== record.stream)) this.breakLine()
    output.turn(record.stream)
    if (this.open === 0) {
      if (!this.isSuffix) output.write(this.label, 0, this.label.length)
      output.write(record.bytes, this.options.timestamps ? record.start : record.details, record.payload)
    }
    if (this.isSuffix) this.writeBeforeSuffix(record, last)
    else output.write(record.bytes, record.payload, record.end)
    this.open = isTerminated(record) ? 0 : record.stream
  }

  /** Whether the output is at the start of a line. */
  isClean(): boolean {
    return this.open === 0
  }

  cut(): void {
    if (this.open !== 0) this.breakLine()
  }

  end(): void {
    if (this.owesSuffix) this.writeSuffix()
  }

  private writeBeforeSuffix(record: LogRecord, last: boolean): void {
    const end = contentEnd(record, this.options.tty)
    this.output.write(record.bytes, record.payload, end)
    this.owesSuffix = true
    if (last) this.writeSuffix()
    this.output.write(record.bytes, end, record.end)
  }

  private writeSuffix(): void {
    this.output.write(this.label, 0, this.label.length)
    this.owesSuffix = false
  }

  private breakLine(): void {
    if (this.owesSuffix) this.writeSuffix()
    this.output.byte(NEWLINE)
    this.open = 0
  }
}

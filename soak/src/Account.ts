/** One follow's account of its log: every line is to come once, in its order, or a gap is to say that it is gone. */
import { Schema } from "effect"

/** What a follow as NDJSON is made of, as far as the account looks at it. */
export const Entry = Schema.Struct({
  line: Schema.optional(Schema.String),
  time: Schema.optional(Schema.String),
  cursor: Schema.optional(Schema.String),
  gap: Schema.optional(
    Schema.Struct({
      since: Schema.optional(Schema.String),
      until: Schema.optional(Schema.String),
      reason: Schema.String,
    }),
  ),
  end: Schema.optional(Schema.Struct({ reason: Schema.String })),
})
export type Entry = typeof Entry.Type

/** Sentences kept of one account; what comes beyond is counted only. */
const MAX_SENTENCES = 5

/** How a line says which it is; what stands behind is there to be carried. */
export const lineOf = (number: number, padding: string): string => `n=${number} ${padding}\n`

const numberOf = (line: string): number => Number(/^n=(\d+) /.exec(line)?.[1] ?? -1)

export class Account {
  readonly name: string
  delivered = 0
  /** Gaps that were told. */
  gaps = 0
  /** Lines that did not come, and were said to be gone. */
  gone = 0
  /** Lines that came twice, out of order, or not at all without a word. */
  wrong = 0
  /** Whether the log came to its proper end. */
  isEnded = false
  /** Where to go on; undefined before the first line. */
  cursor: string | undefined
  /** What is wrong, the first few of it. */
  readonly sentences: Array<string> = []
  private next = 0
  private lastTime = ""
  private told: { readonly since: string | undefined; readonly until: string | undefined } | undefined

  constructor(name: string) {
    this.name = name
  }

  /** Lines up to here were delivered or said to be gone. */
  get upTo(): number {
    return this.next
  }

  take({ cursor, end, gap, line, time }: Entry): void {
    if (line !== undefined) this.line(numberOf(line), time ?? "")
    if (gap !== undefined) {
      this.gaps += 1
      this.told = { since: this.told === undefined ? gap.since : this.told.since, until: gap.until }
    }
    if (end !== undefined) this.isEnded = true
    if (cursor !== undefined) this.cursor = cursor
  }

  /** What the log holds has all been written: those that are still to come are lost, unless a gap was the last word. */
  close(written: number): void {
    const missing = written - this.next
    if (missing === 0) return
    if (missing > 0 && this.told !== undefined && this.told.until === undefined) this.gone += missing
    else this.blame(Math.abs(missing), `${missing} lines after n=${this.next - 1} never came`)
    this.next = written
  }

  /** Puts down what is wrong with so many lines. */
  blame(lines: number, words: string): void {
    this.wrong += lines
    if (this.sentences.length < MAX_SENTENCES) this.sentences.push(`${this.name}: ${words}`)
  }

  private line(number: number, time: string): void {
    const missing = number - this.next
    if (missing === 0) this.delivered += 1
    else if (missing > 0 && this.covers(time)) {
      this.gone += missing
      this.delivered += 1
    } else if (missing > 0) {
      this.delivered += 1
      this.blame(missing, `${missing} lines before n=${number} are missing${this.toldWords()}`)
    } else return this.blame(1, `n=${number} came, and n=${this.next} was the next`)
    this.told = undefined
    this.next = number + 1
    this.lastTime = time
  }

  /** Whether what was told reaches from the last line to the one of this time. Times compare as texts: nine decimals, UTC. */
  private covers(time: string): boolean {
    if (this.told === undefined) return false
    const { since = "", until = "\uffff" } = this.told
    return since <= this.lastTime && until >= time
  }

  private toldWords(): string {
    if (this.told === undefined) return ", and no gap was told"
    const { since = "the start", until = "now" } = this.told
    return `: a gap was told from ${since} to ${until}, and the line before is of ${this.lastTime}`
  }
}

/** A line of a json-file log read by JSON's own rules, whatever the order of its keys and the form of its time. */
import type { LogRecord } from "@rdl/core/log/LogRecord"
import { detailsText } from "./RecordDetails.ts"

const TIME = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(?:Z|([+-])(\d\d):(\d\d))$/

export class JsonLine {
  private readonly details: boolean

  constructor(details: boolean) {
    this.details = details
  }

  /** Fills the record from `bytes[start..end)`, with bytes of its own; false where they are no record. */
  read(bytes: Buffer, start: number, end: number, record: LogRecord): boolean {
    const line = parse(bytes.toString("utf8", start, end))
    const stamp = line === undefined ? undefined : stampOf(line.time)
    if (line === undefined || stamp === undefined) return false
    const details = this.details ? `${detailsText(line.attributes)} ` : ""
    record.stream = line.stream === "stdout" ? 1 : 2
    record.bytes = Buffer.from(`${stamp} ${details}${line.log}`)
    record.start = 0
    record.details = stamp.length + 1
    record.payload = record.details + details.length
    record.end = record.bytes.length
    return true
  }
}

interface Line {
  readonly log: string
  readonly stream: "stdout" | "stderr"
  readonly time: string
  readonly attributes: Readonly<Record<string, string>>
}

const parse = (text: string): Line | undefined => {
  try {
    const { log = "", stream, time, attrs } = JSON.parse(text) as Readonly<Record<string, unknown>>
    const attributes = attrs ?? {}
    const known = typeof log === "string" && typeof time === "string" && (stream === "stdout" || stream === "stderr")
    return known && isTexts(attributes) ? { log, stream, time, attributes } : undefined
  } catch {
    return undefined
  }
}

const isTexts = (value: unknown): value is Readonly<Record<string, string>> =>
  typeof value === "object" && value !== null && Object.values(value).every((one) => typeof one === "string")

/** As the engine's API prints it: in UTC, with nine decimals. */
const stampOf = (time: string): string | undefined => {
  const match = TIME.exec(time)
  if (match === null) return undefined
  const [, seconds = "", fraction = "", sign, hours = "0", minutes = "0"] = match
  const offset = (Number(hours) * 60 + Number(minutes)) * (sign === "-" ? -60_000 : 60_000)
  const moment = Date.parse(`${seconds}Z`) - offset
  if (Number.isNaN(moment)) return undefined
  return `${new Date(moment).toISOString().slice(0, 19)}.${fraction.padEnd(9, "0")}Z`
}

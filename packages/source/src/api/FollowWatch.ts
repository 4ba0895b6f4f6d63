/** Whether a follow can still be trusted: engines lose and repeat lines when a log rotates under it. A state machine that is told the time. */
import type { Engine } from "@rdl/core/model/Engine"
import type { LogRecord } from "@rdl/core/log/LogRecord"
import { hashOf } from "@rdl/core/log/LogCursor"
import { LogStamp } from "@rdl/core/log/LogStamp"
import type { ContainerDetails } from "../engine/EngineContainer.ts"

/** What comes within so many milliseconds is looked at together. */
export const BURST_MS = 200
/** The most bytes in that time, of a log that rotates; less where its files are small. */
export const BURST_BYTES = 64 * 1024
/** So many records are remembered to know one that comes again. */
export const REMEMBERED = 4096

/** Bytes in BURST_MS beyond which a follow of this log is not trusted; infinite where the log never rotates. */
export const burstLimit = ({ logDriver, logOptions }: ContainerDetails, kind: Engine["kind"]): number => {
  if (kind === "podman" || logDriver === "journald" || logDriver === "") return Number.POSITIVE_INFINITY
  const size = sizeOf(logOptions["max-size"])
  if (logDriver === "json-file") return size === undefined ? Number.POSITIVE_INFINITY : atMost(size)
  // The local driver, and the cache that engines keep of logs that go elsewhere, rotate at 20 MiB by themselves.
  return logDriver === "local" && size !== undefined ? atMost(size) : BURST_BYTES
}

const atMost = (size: number): number => Math.min(BURST_BYTES, size / 16)

const UNITS: Readonly<Record<string, number>> = { "": 1, b: 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3, t: 1024 ** 4 }

/** A size as the engine reads it, such as `10m`; undefined where it is none, or means no bound. */
const sizeOf = (text: string | undefined): number | undefined => {
  const match = /^(\d+(?:\.\d+)?) ?([kmgt]?)i?b?$/i.exec(text ?? "")
  return match === null ? undefined : Number(match[1]) * (UNITS[match[2]!.toLowerCase()] ?? 1)
}

export class FollowWatch {
  private readonly limit: number
  private readonly stamp = new LogStamp()
  private readonly newest = new LogStamp()
  private readonly recent = new Map<string, number>()
  private readonly order: Array<string> = []
  private at = 0
  private bytes = 0
  private since = Number.NEGATIVE_INFINITY

  constructor(limit: number) {
    this.limit = limit
  }

  /** Told of every record before it is given: whether it was given before. */
  isRepeated(record: LogRecord): boolean {
    if (this.limit === Number.POSITIVE_INFINITY) return false
    this.stamp.read(record)
    const key = `${this.stamp.seconds}.${this.stamp.nanos}.${hashOf(record.stream, record.bytes, record.payload, record.end)}`
    if (this.order.length > 0 && this.stamp.compare(this.newest) <= 0) {
      if (this.recent.has(key)) return true
    } else this.newest.copy(this.stamp)
    this.remember(key)
    return false
  }

  /** Told of the bytes of each record that is given: whether too many have come at once. */
  isBurst(bytes: number, now: number): boolean {
    if (now - this.since > BURST_MS) {
      this.since = now
      this.bytes = 0
    }
    this.bytes += bytes
    return this.bytes > this.limit
  }

  private remember(key: string): void {
    const old = this.order[this.at]
    if (old !== undefined) {
      const left = (this.recent.get(old) ?? 1) - 1
      if (left === 0) this.recent.delete(old)
      else this.recent.set(old, left)
    }
    this.order[this.at] = key
    this.at = (this.at + 1) % REMEMBERED
    this.recent.set(key, (this.recent.get(key) ?? 0) + 1)
  }
}

/** Timestamps of records as numbers, read at the pace of history. */
import type { LogRecord } from "./LogRecord.ts"

/** One timestamp: seconds since 1970 and nanoseconds after them. One object is read into again and again. */
export class LogStamp {
  seconds = 0
  nanos = 0
  /** The date and time last read, up to the seconds, and what they are: most records share them with the one before. */
  private readonly known = new Uint8Array(SECONDS_BYTES)
  private knownSeconds = Number.NaN

  /** Reads the timestamp of a record, in whatever zone and with up to nine decimals; one that is no date counts as 1970. */
  read({ bytes, start, details }: LogRecord): void {
    if (!this.isKnown(bytes, start)) this.learn(bytes, start)
    let at = start + SECONDS_BYTES
    let nanos = 0
    if (bytes[at] === DOT) {
      let digits = 0
      for (at++; digits < 9; digits++) {
        const digit = bytes[at]! - ZERO
        if (digit < 0 || digit > 9) break
        nanos = nanos * 10 + digit
        at++
      }
      for (; digits < 9; digits++) nanos *= 10
    }
    this.nanos = nanos
    this.seconds = bytes[at] === ZED ? this.knownSeconds : this.knownSeconds - offsetOf(bytes, at, details)
  }

  /** Takes a time in nanoseconds since 1970. */
  set(nanos: bigint): void {
    const rest = ((nanos % SECOND) + SECOND) % SECOND
    this.nanos = Number(rest)
    this.seconds = Number((nanos - rest) / SECOND)
  }

  copy(other: LogStamp): void {
    this.seconds = other.seconds
    this.nanos = other.nanos
  }

  /** Nanoseconds since 1970. */
  toNanos(): bigint {
    return BigInt(this.seconds) * SECOND + BigInt(this.nanos)
  }

  /** Below 0 when this one is earlier, 0 when they are the same. */
  compare(other: LogStamp): number {
    return this.seconds - other.seconds || this.nanos - other.nanos
  }

  private isKnown(bytes: Uint8Array, start: number): boolean {
    for (let at = SECONDS_BYTES - 1; at >= 0; at--) if (bytes[start + at] !== this.known[at]) return false
    return true
  }

  private learn(bytes: Uint8Array, start: number): void {
    this.known.set(bytes.subarray(start, start + SECONDS_BYTES))
    const ms = Date.parse(`${new TextDecoder().decode(this.known)}Z`)
    this.knownSeconds = Number.isNaN(ms) ? 0 : ms / 1000
  }
}

/** As engines write a time: RFC 3339 in UTC with nine decimals. */
export const stampText = (nanos: bigint): string => {
  const rest = ((nanos % SECOND) + SECOND) % SECOND
  const date = new Date(Number((nanos - rest) / 1_000_000n))
  return `${date.toISOString().slice(0, 19)}.${rest.toString().padStart(9, "0")}Z`
}

const SECOND = 1_000_000_000n
const SECONDS_BYTES = "2026-11-22T10:44:07".length
const ZERO = 0x30
const DOT = 0x2e
const ZED = 0x5a
const DASH = 0x2d

/** Seconds that a zone such as `+02:00` is ahead of UTC. */
const offsetOf = (bytes: Uint8Array, at: number, end: number): number => {
  if (end - at < 6) return 0
  const two = (from: number) => (bytes[from]! - ZERO) * 10 + bytes[from + 1]! - ZERO
  const seconds = two(at + 1) * 3600 + two(at + 4) * 60
  return bytes[at] === DASH ? -seconds : seconds
}

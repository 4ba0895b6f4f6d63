/** Timestamps as the engine's API writes them, from 64 bits of nanoseconds, without a bigint or an object each. */

/** `2026-11-22T10:44:07.200217800Z` and a space. */
export const STAMP_BYTES = 31

const SECONDS_LENGTH = 19
const BILLION = 1_000_000_000
const TWO_16 = 65_536
const ZERO = 0x30

/** A moment: nanoseconds since 1970 as two's complement. */
interface Nanos {
  /** The upper 32 bits, and the lower. */
  readonly timeHigh: number
  readonly timeLow: number
}

/** Keeps the text of the last second: most records share it with the one before. */
export class LocalStamp {
  private second = Number.NaN
  private readonly text = Buffer.alloc(SECONDS_LENGTH)

  /** Writes the stamp and its space to the first `STAMP_BYTES` of `out`. */
  write(out: Buffer, { timeHigh, timeLow }: Nanos): void {
    const isNegative = timeHigh >= 0x8000_0000
    // Long division in 16-bit steps: each remainder times 65536 is below 2^53.
    const upper = isNegative ? timeHigh - 4_294_967_296 : timeHigh
    let seconds = Math.floor(upper / BILLION)
    let rest = upper - seconds * BILLION
    for (let shift = 16; shift >= 0; shift -= 16) {
      const value = rest * TWO_16 + ((timeLow >>> shift) & 0xffff)
      const quotient = Math.floor(value / BILLION)
      seconds = seconds * TWO_16 + quotient
      rest = value - quotient * BILLION
    }
    if (seconds !== this.second) this.setSecond(seconds)
    for (let at = 0; at < SECONDS_LENGTH; at++) out[at] = this.text[at]!
    out[SECONDS_LENGTH] = 0x2e
    for (let at = STAMP_BYTES - 3; at > SECONDS_LENGTH; at--) {
      const tenth = Math.floor(rest / 10)
      out[at] = ZERO + rest - tenth * 10
      rest = tenth
    }
    out[STAMP_BYTES - 2] = 0x5a
    out[STAMP_BYTES - 1] = 0x20
  }

  /** 64 bits of nanoseconds lie between the years 1677 and 2262. */
  private setSecond(seconds: number): void {
    this.second = seconds
    this.text.write(new Date(seconds * 1000).toISOString(), 0, SECONDS_LENGTH, "latin1")
  }
}

/** The engine's own clock, in nanoseconds since 1970: real time, that a test may step. */

export const NANOS_PER_SECOND = 1_000_000_000n

export class EngineClock {
  private readonly origin = BigInt(Date.now()) * 1_000_000n - process.hrtime.bigint()
  private stepped = 0n
  private last = 0n

  /** Later than every earlier answer, except after a step back. */
  now(): bigint {
    const reading = this.origin + this.stepped + process.hrtime.bigint()
    this.last = reading > this.last ? reading : this.last + 1n
    return this.last
  }

  /** Moves the clock, as a correction of the host's time would; negative = back. */
  step(nanos: bigint): void {
    this.stepped += nanos
    this.last = 0n
  }
}

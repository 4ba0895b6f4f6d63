/** What all credit windows of a process may take together, so that stalled readers cannot fill its memory. */
import { CREDIT_BUDGET } from "../link/LinkLimits.ts"

/** Bytes promised to sources and not yet given back. Shared by sessions; never waits. */
export class CreditBudget {
  readonly total: number
  /** The part that only small windows may take. */
  readonly reserve: number
  #taken = 0
  #waits = 0

  constructor(total: number) {
    this.total = total
    this.reserve = total / 8
  }

  /** Bytes taken now. */
  get taken(): number {
    return this.#taken
  }

  /** Times that a stream had used up all it was given, and its source had to wait for more. */
  get waits(): number {
    return this.#waits
  }

  /** A stream has used up all it was given. */
  usedUp(): void {
    this.#waits += 1
  }

  /** Takes bytes if they are there and `spare` more remain; nothing otherwise. */
  take(bytes: number, spare: number): boolean {
    if (this.#taken + bytes + spare > this.total) return false
    this.#taken += bytes
    return true
  }

  give(bytes: number): void {
    this.#taken -= bytes
  }
}

/** The budget of sessions that are given no other: 256 MiB for the process. */
export const processBudget = new CreditBudget(CREDIT_BUDGET)

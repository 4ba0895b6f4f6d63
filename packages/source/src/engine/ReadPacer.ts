/** When to rest between two reads of a socket, so that what is written in small pieces is read in large ones: a state machine that is told the time. */

/** A read of fewer bytes is a short one: it has most likely emptied the socket. */
export const SHORT_READ = 32 * 1024
/** So many short reads in a row are let be; each one after them is rested upon. */
export const FREE_READS = 8
/** A read that comes later than this after the one before it, or after the rest, begins a new row; in milliseconds. */
export const ROW_GAP_MS = 2
/** How long a rest is, in milliseconds. */
export const REST_MS = 1

/** What comes now and then is never rested upon, so that a lone line leaves at once. */
export class ReadPacer {
  private row = 0
  private expectedAt = Number.NEGATIVE_INFINITY

  /** Told of each read; whether to rest before the next one. Times are milliseconds of any clock that does not go back. */
  restsAfter(bytes: number, now: number): boolean {
    if (bytes >= SHORT_READ) return false
    this.row = now - this.expectedAt > ROW_GAP_MS ? 1 : this.row + 1
    const rests = this.row > FREE_READS
    this.expectedAt = rests ? now + REST_MS : now
    return rests
  }
}

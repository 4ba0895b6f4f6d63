/** Gathers small pieces into large ones without making a lone line wait: a state machine that is told the time. */

/** The longest piece handed out, in bytes. */
export const MAX_PIECE = 64 * 1024
/** The longest a byte waits while more keeps coming, in milliseconds. */
export const MAX_LINGER_MS = 10
/** Where nothing came and nothing left for so long, in milliseconds, nothing waits. */
export const QUIET_MS = 2

/**
 * Bytes wait only behind bytes: after a quiet time they are due at once; under load a piece leaves when it is full,
 * when nothing more has come for `QUIET_MS`, or when its first byte is `MAX_LINGER_MS` old.
 */
export class Coalescer {
  private readonly out: (piece: Uint8Array) => void
  private buffer = new Uint8Array(MAX_PIECE)
  private filled = 0
  private firstAt = 0
  private lastAt = 0
  private leftAt = Number.NEGATIVE_INFINITY

  /** `out` takes each piece, at most `MAX_PIECE` long, and its buffer with it. */
  constructor(out: (piece: Uint8Array) => void) {
    this.out = out
  }

  /** Takes a copy of the bytes; hands out what became full. Times are milliseconds of any clock that does not go back. */
  add(bytes: Uint8Array, now: number): void {
    if (bytes.length === 0) return
    if (this.filled === 0) this.firstAt = now
    this.lastAt = now
    let at = 0
    while (bytes.length - at >= MAX_PIECE - this.filled) {
      const take = MAX_PIECE - this.filled
      this.buffer.set(at === 0 && take === bytes.length ? bytes : bytes.subarray(at, at + take), this.filled)
      at += take
      this.filled = MAX_PIECE
      this.flush(now)
      this.firstAt = now
    }
    if (at === bytes.length) return
    this.buffer.set(at === 0 ? bytes : bytes.subarray(at), this.filled)
    this.filled += bytes.length - at
  }

  /** When what is held must leave; infinity where nothing is held. */
  due(): number {
    if (this.filled === 0) return Number.POSITIVE_INFINITY
    if (this.firstAt - this.leftAt >= QUIET_MS) return this.firstAt
    return Math.min(this.firstAt + MAX_LINGER_MS, this.lastAt + QUIET_MS)
  }

  /** Hands out what is held. */
  flush(now: number): void {
    if (this.filled === 0) return
    const whole = this.filled === MAX_PIECE
    const piece = whole ? this.buffer : this.buffer.slice(0, this.filled)
    if (whole) this.buffer = new Uint8Array(MAX_PIECE)
    this.filled = 0
    this.leftAt = now
    this.out(piece)
  }
}

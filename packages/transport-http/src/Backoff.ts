/** When a failed exchange is tried again, and when no more: full jitter, and an end after so long without success (docs/protocol-http.md#retries). */

export interface Options {
  /** The first wait is random below this, each further one below twice the one before. Milliseconds. */
  readonly firstMs: number
  readonly mostMs: number
  /** The link is lost when nothing succeeded for so long. Milliseconds. */
  readonly giveUpMs: number
}

export const defaults: Options = { firstMs: 100, mostMs: 5_000, giveUpMs: 30_000 }

/** Milliseconds to wait before the next attempt; undefined = give up. `elapsedMs` counts from the first attempt since the last success. */
export const wait = (
  options: Options,
  failures: number,
  elapsedMs: number,
  retryAfterMs: number | undefined,
): number | undefined => {
  const bound = Math.min(options.mostMs, options.firstMs * 2 ** Math.min(failures, 30))
  const ms = Math.max(Math.random() * bound, retryAfterMs ?? 0)
  return elapsedMs + ms >= options.giveUpMs ? undefined : ms
}
